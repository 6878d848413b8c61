import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import { linearModel } from "../kit/onnx-models.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { becomes, openBrowser, openPage } from "./open-browser.ts";

describe("the console while answers are late", () => {
  let server: RunningServer;
  let browser: Browser;
  before(async () => {
    [server, browser] = await Promise.all([startServer(), openBrowser()]);
    for (const [index, bias] of [0, 0.5].entries()) await server.client.deploy({ file: await server.file(`${index}.onnx`, linearModel({ weights: [1, 10], bias })), name: "score", activate: index === 0 });
  });
  after(async () => {
    await server.stop();
  });

  it("takes nobody back to a page that they have left: an end that shows before its own answer is here", async () => {
    const { id } = await server.client.api.send<{ id: string }>("POST", "/api/models/score/rollouts", { version: "2", plan: { phases: [{ phase: "canary", weight: 0.5, minSeconds: 3600, gates: [] }, { phase: "full", weight: 1, gates: [] }] } });
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    const abort = Promise.withResolvers<void>();
    await page.route("**/rollout/abort", async (route) => {
      const response = await route.fetch();
      await abort.promise;
      await route.fulfill({ response });
    });
    await page.goto(`/rollouts/${id}?ask=abort`);
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Why").fill("not today");
    await dialog.getByRole("button", { name: "Abort the rollout" }).click();
    await page.getByRole("region", { name: "Standing" }).getByText("aborted", { exact: true }).waitFor();
    await dialog.waitFor({ state: "detached" });
    await page.getByRole("link", { name: "Rollouts" }).first().click();
    await page.getByRole("region", { name: "Ended" }).getByRole("row", { name: /score.*aborted/ }).waitFor();
    const answered = page.waitForResponse(/rollout\/abort/);
    abort.resolve();
    await (await answered).finished();
    await drawn(page);
    assert.equal(new URL(page.url()).pathname, "/rollouts");
    watched.assertQuiet();
    await watched.close();
  });

  it("gives its connection for live figures back while nobody looks, and is up to date when somebody does", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.clock.install();
    await page.goto("/models");
    await page.getByText("live", { exact: true }).waitFor();
    await show(page, "hidden");
    await page.clock.fastForward(20_000);
    await page.getByText("reconnecting").waitFor();
    await server.client.deploy({ file: await server.file("later.onnx", linearModel({ weights: [1, 10] })), name: "later" });
    assert.equal(await page.getByRole("row", { name: /later/ }).count(), 0);
    await show(page, "visible");
    await page.getByText("live", { exact: true }).waitFor();
    await page.getByRole("row", { name: /later/ }).waitFor();
    watched.assertQuiet();
    await watched.close();
  });

  it("says on every page what failed and tries again when it is told to, and nothing of what it does not know yet", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    let answers: "failed" | "held" | "given" = "given";
    let release = Promise.withResolvers<void>();
    await page.route(/\/api\/(?!session$|live$|server$)/, async (route) => {
      if (answers === "held") await release.promise;
      if (answers !== "failed") return route.continue();
      await route.fulfill({ status: index % 2 === 0 ? 500 : 403, contentType: "application/json", body: JSON.stringify({ error: { code: "ON_PURPOSE", message: "It failed on purpose.", hint: "Do this." } }) });
    });
    const again = page.getByRole("button", { name: "Try again" });
    let index = 0;
    for (const path of [
      "/models", "/models/score", "/models/score/predictions", "/models/score/rollout", "/rollouts", "/rollouts?start=1", "/rollouts?start=ab-test", "/gateway", "/gateway/providers", "/gateway/keys", "/gateway/health", "/costs", "/traces",
      "/traces?tab=sessions", "/experiments", "/datasets", "/workflows", "/workflows/definitions", "/workflows/schedules", "/events", "/events/webhooks", "/settings/keys", "/settings/teams", "/settings/audit", "/settings/doctor",
    ]) {
      index++;
      answers = "failed";
      release = Promise.withResolvers<void>();
      await page.goto(path);
      await page.getByRole("alert").filter({ hasText: "It failed on purpose. ON_PURPOSE" }).filter({ hasText: "Do this." }).first().waitFor();
      assert.equal(await page.getByText(nothingHere).count(), 0, path);
      answers = "held";
      // What is in a dialog is asked for there; a page below it waits for the same.
      const scope = path.includes("start=") ? page.getByRole("dialog") : page;
      await becomes(async () => {
        if ((await scope.getByRole("button", { name: "Try again" }).count()) > 0) await scope.getByRole("button", { name: "Try again" }).first().click();
        return scope.getByRole("button", { name: "Try again" }).count();
      }, 0);
      await scope.getByRole("status", { name: "Loading" }).first().waitFor();
      assert.equal(await page.getByText(nothingHere).count(), 0, path);
      answers = "given";
      release.resolve();
      await becomes(async () => {
        if (!path.includes("start=") && (await again.count()) > 0) await again.first().click();
        return { path, left: await scope.getByText("ON_PURPOSE").count(), loading: await scope.getByRole("status", { name: "Loading" }).count() };
      }, { path, left: 0, loading: 0 });
    }
    watched.assertQuiet(/status of (500|403)/);
    await watched.close();
  });

  it("gives up on an answer that never comes, says so, and asks again when it is told to", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.clock.install();
    let isDead = true;
    await page.route("**/api/datasets*", (route) => (isDead ? undefined : route.continue()));
    await page.goto("/datasets");
    await page.getByRole("status", { name: "Loading" }).first().waitFor();
    await becomes(async () => {
      await page.clock.fastForward(61_000);
      return page.getByText("NO_ANSWER_IN_TIME").count();
    }, 1);
    isDead = false;
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("heading", { name: "No datasets yet" }).waitFor();
    watched.assertQuiet();
    await watched.close();
  });
});

/** What a page says where there is nothing: not before it knows. */
const nothingHere = /^No .* yet$|^None now|There is neither|\b0 in all/;

/** As the browser tells a page of a tab that somebody leaves or comes back to. */
function show(page: Page, state: "hidden" | "visible"): Promise<void> {
  return page.evaluate(`(() => {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => ${JSON.stringify(state)} });
    document.dispatchEvent(new Event("visibilitychange"));
  })()`);
}

/** Until the page has done what followed from an answer, and has drawn it. */
function drawn(page: Page): Promise<void> {
  return page.evaluate("new Promise((resolve) => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(() => resolve())), 0))");
}
