import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { freePort } from "../kit/free-port.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { becomes, holds, loaded, openBrowser, openPage, tabTo } from "./open-browser.ts";
import { deploySamples, payment } from "./sample-models.ts";

describe("a model's page", () => {
  let server: RunningServer;
  let browser: Browser;
  before(async () => {
    [server, browser] = await Promise.all([startServer(), openBrowser()]);
    await deploySamples(server);
    for (let amount = 0; amount < 120; amount++) await server.client.infer("risk", payment(amount * 4, amount % 2 === 0 ? "DE" : "XX"));
  });
  after(async () => {
    await server.stop();
  });

  it("moves between its tabs with the arrow keys, and each has an address", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/models/risk");
    await page.getByText("Requests per second").waitFor();
    await tabTo(page, "[role=tab]");
    for (const [key, name, path] of [["ArrowRight", "Try it", "/models/risk/try"], ["End", "Policy", "/models/risk/policy"], ["ArrowRight", "Overview", "/models/risk"], ["ArrowLeft", "Policy", "/models/risk/policy"]] as const) {
      await page.keyboard.press(key);
      await holds(page, `location.pathname === ${JSON.stringify(path)}`);
      await becomes(() => page.evaluate("document.activeElement.textContent"), name);
      await becomes(() => page.getByRole("tab", { name, exact: true }).getAttribute("aria-selected"), "true");
    }
    await page.goBack();
    await holds(page, `location.pathname === "/models/risk"`);
    watched.assertQuiet();
    await watched.close();
  });

  it("draws what was served, and tells it to those who cannot see it", async () => {
    const { page, close } = await openPage(browser, server.url);
    await page.goto("/models/risk");
    const chart = page.getByRole("img", { name: /^Latency\. p50 .* (µs|ms|s)/ });
    await chart.waitFor();
    await chart.focus();
    await page.keyboard.press("ArrowLeft");
    // All charts show the moment under the crosshair.
    await holds(page, `[...document.querySelectorAll(".chart-time")].filter((time) => time.textContent !== "").length === 6`);
    await page.getByRole("button", { name: "6 h" }).click();
    await page.waitForURL(/range=6h/);
    await close();
  });

  it("moves nothing that was there when its charts come, with traffic and without", async () => {
    for (const [model, above] of [["risk", "Mean batch"], ["score", "No requests"]] as const) {
      const watched = await openPage(browser, server.url);
      const { page } = watched;
      await page.addInitScript("window.moved = []; new PerformanceObserver((list) => { for (const { sources } of list.getEntries()) moved.push(...sources.filter(({ node }) => node?.parentElement?.closest('[role=tabpanel]')).map(({ node }) => node.outerHTML.slice(0, 80))); }).observe({ type: 'layout-shift', buffered: true });");
      const release: (() => void)[] = [];
      for (const path of [`**/api/models/${model}/series?*`, `**/api/models/${model}/policy`]) {
        await page.route(path, async (route) => {
          await new Promise<void>((resolve) => release.push(resolve));
          await route.continue();
        });
      }
      await page.goto(`/models/${model}`);
      await page.getByText("Queue p95").waitFor();
      await becomes(() => release.length, 2);
      // What is drawn without them is on the screen by now.
      const drawn = (): Promise<void> => page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
      await drawn();
      for (const go of release) {
        go();
        await drawn();
      }
      await page.getByRole("region", { name: "Versions" }).waitFor();
      await page.getByText(above).first().waitFor();
      await drawn();
      assert.deepEqual(await page.evaluate("moved"), [], model);
      await page.unrouteAll({ behavior: "ignoreErrors" });
      watched.assertQuiet();
      await watched.close();
    }
  });

  it("makes another version the champion, after asking", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/models/score");
    const makeChampion = page.getByRole("button", { name: "Make champion: v2" });
    // The charts above come later than the table and move it: between the press of the mouse and its release that would be no click.
    await makeChampion.waitFor();
    await loaded(page);
    await makeChampion.click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Cancel" }).click();
    await dialog.waitFor({ state: "detached" });
    assert.equal((await server.client.model("score")).model.aliases.champion, "1");
    await makeChampion.click();
    await dialog.getByRole("button", { name: "Make champion" }).click();
    await page.getByText("champion v2").waitFor();
    assert.equal((await server.client.model("score")).model.aliases.champion, "2");
    watched.assertQuiet();
    await watched.close();
  });

  it("shows a change that somebody else made, by itself", async () => {
    const { page, close } = await openPage(browser, server.url);
    await page.goto("/models/score");
    const champion = (await server.client.model("score")).model.aliases.champion;
    await page.getByText(`champion v${champion}`).waitFor();
    await page.getByText("live", { exact: true }).waitFor();
    const other = champion === "1" ? "2" : "1";
    await server.client.activate("score", other);
    await page.getByText(`champion v${other}`).waitFor();
    await close();
  });

  it("filters predictions by outcome in the address", async () => {
    const { page, close } = await openPage(browser, server.url);
    await page.goto("/models/risk/predictions");
    await page.getByRole("link", { name: /^Prediction prd_/ }).first().waitFor();
    await becomes(() => page.getByRole("link", { name: /^Prediction prd_/ }).count(), 50);
    await page.getByRole("link", { name: "Older" }).click();
    await holds(page, `location.search.includes("before=prd_")`);
    await page.getByRole("link", { name: "Newest" }).click();
    await holds(page, `!location.search.includes("before=")`);
    await page.getByRole("button", { name: "Failed" }).click();
    await page.getByText("No prediction matches").waitFor();
    await page.waitForURL(/outcome=error/);
    await close();
  });

  it("orders columns by drift and says in words how far each is", async () => {
    const { page, close } = await openPage(browser, server.url);
    await page.goto("/models/risk/drift");
    const rows = page.getByRole("list", { name: /most drifted first/ }).getByRole("button");
    await rows.first().waitFor();
    await becomes(() => rows.count(), 4);
    assert.match(await rows.first().innerText(), /major/);
    const bars = await page.getByRole("list", { name: /most drifted first/ }).getByRole("img", { name: /^PSI/ }).evaluateAll((bars) => bars.map((bar) => Number(/^PSI ([\d.]+)/.exec(bar.getAttribute("aria-label")!)![1])));
    assert.deepEqual(bars, [...bars].sort((a, b) => b - a));
    await close();
  });

  it("keeps a change of the policy when somebody else was faster", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.route("**/api/live", (route) => route.abort());
    await page.goto("/models/classes/policy?edit=1");
    await page.getByLabel("Largest batch").fill("0");
    await page.getByRole("button", { name: "Save as revision 1" }).click();
    await page.getByText("At least 1.").waitFor();
    await page.getByText("Say why, for those who read the history.").waitFor();
    await page.getByLabel("Largest batch").fill("16");
    await page.getByLabel("Why").fill("smaller batches");

    // The other one's change is not announced to this page: the server sees the conflict.
    const { revision, policy } = await server.client.policy("classes");
    await server.client.changePolicy("classes", { revision, reason: "watch longer", policy: { ...policy, monitoring: { ...policy.monitoring, windowMinutes: 120 } } });
    await page.getByRole("button", { name: "Save as revision 1" }).click();
    await page.getByText("POLICY_CONFLICT").waitFor();
    await page.getByText("your changes are kept on top of it").waitFor();
    await becomes(() => page.getByLabel("Live window of drift").inputValue(), "120");
    await becomes(() => page.getByLabel("Largest batch").inputValue(), "16");
    await page.getByRole("button", { name: "Save as revision 2" }).click();
    await page.getByText("Revision 2, by local").waitFor();
    await page.getByText("smaller batches").first().waitFor();
    const now = (await server.client.policy("classes")).policy;
    assert.deepEqual([now.serving.maxBatchRows, now.monitoring.windowMinutes], [16, 120]);
    await watched.close();
  });

  it("finds models, versions, pages and actions from the palette", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/models");
    await page.getByRole("table").waitFor();
    await page.keyboard.press("Control+k");
    const field = page.getByRole("dialog").getByRole("combobox");
    await field.fill("risk drift");
    await page.keyboard.press("Enter");
    await holds(page, `location.pathname === "/models/risk/drift"`);
    await page.keyboard.press("Control+k");
    await field.fill("risk");
    const selected = page.getByRole("dialog").getByRole("option", { selected: true });
    await selected.filter({ hasText: "risk" }).waitFor();
    const first = await selected.innerText();
    await page.keyboard.press("ArrowDown");
    await becomes(async () => (await selected.innerText()) === first, false);
    await page.keyboard.press("Escape");
    await field.waitFor({ state: "detached" });
    watched.assertQuiet();
    await watched.close();
  });
});

describe("the live mark", () => {
  it("tells when the server is gone, and comes back with it", async (t) => {
    // The same one again: nobody may take it while the server is away.
    const flags = ["--port", String(await freePort()), "--grpc-port", "0"];
    const [server, browser] = await Promise.all([startServer({ flags }), openBrowser()]);
    let running = server;
    t.after(async () => {
      await running.stop();
    });
    const { page } = await openPage(browser, server.url);
    await page.goto("/models");
    await page.getByText("live", { exact: true }).waitFor();
    await server.stop({ keep: true });
    await page.getByText("reconnecting", { exact: true }).waitFor();
    running = await startServer({ directory: server.directory, flags });
    await page.getByText("live", { exact: true }).waitFor();
  });
});
