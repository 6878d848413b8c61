import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { becomes, follow, loaded, openBrowser, openPage, overflow } from "./open-browser.ts";
import { deploySamples, payment } from "./sample-models.ts";

describe("the console's pages", () => {
  let server: RunningServer;
  let browser: Browser;
  let prediction: string;
  before(async () => {
    [server, browser] = await Promise.all([startServer(), openBrowser()]);
    await deploySamples(server);
    for (let amount = 0; amount < 60; amount++) prediction = (await server.client.infer("risk", payment(amount * 8))).predictionId;
    await server.client.sendTruth([{ predictionId: prediction, value: 1 }]);
  });
  after(async () => {
    await server.stop();
  });

  /** Every page, and what is on it when it is there. */
  const pages = (): [path: string, shows: string][] => [
    ["/models", "How risky is this payment?"],
    ["/models/risk", "Requests per second"],
    ["/models/risk?range=15m&version=1&scale=log", "Queue depth"],
    ["/models/score?promote=2", "Make v2 the champion of score?"],
    ["/models/risk/try", "Predict"],
    ["/models/classes/try?mode=json", "Body of"],
    ["/models/risk/predictions", "519"],
    ["/models/score/predictions", "No predictions yet"],
    ["/models/risk/drift", "Rows in the window"],
    ["/models/score/drift", "No drift figure"],
    ["/models/risk/contract", "Reference profile"],
    ["/models/classes/contract", "ZipMap"],
    ["/models/risk/policy", "All defaults"],
    ["/models/risk/policy?edit=1", "Save as revision 1"],
    [`/predictions/${prediction}`, "Timing"],
    ["/rollouts?start=1", "The plan"],
    ["/models/score/rollout", "Nothing was rolled out yet"],
    ["/workflows", "Start a run"],
    ["/workflows/definitions?start=maintenance", "Start maintenance"],
    ["/workflows/schedules", "Run now"],
    ["/workflows/schedules?create=1", "Missed times"],
    ["/events", "model:risk"],
    ["/events/webhooks?create=1", "None ticked"],
    ["/settings/keys?create=1", "Limits and budget of its calls"],
    ["/settings/teams", "No identity provider is set"],
    ["/settings/audit?verify=1&entry=1", "Earlier head"],
    ["/settings/doctor", "Not looked at"],
    ["/docs", "Deploy uploaded files"],
  ];

  it("load without an error, a violation of the policy or a request elsewhere, and name every control and picture", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await server.client.infer("risk", payment(3));
    for (const [path, shows] of pages()) {
      await page.goto(path);
      await page.getByText(shows).first().waitFor();
      await becomes(() => page.title().then((title) => title.endsWith("Slipway")), true);
      const nameless = await page.evaluate(`[...document.querySelectorAll("button, a[href], input, select, textarea, [role=img], [role=tab]")].filter((element) => {
        const labels = element.labels ? [...element.labels].map((label) => label.textContent).join("") : "";
        return !(element.getAttribute("aria-label") || element.getAttribute("aria-labelledby") || labels || element.textContent).trim();
      }).map((element) => element.outerHTML.slice(0, 120))`);
      assert.deepEqual(nameless, [], path);
      const levels = await page.evaluate(`document.querySelectorAll("h1").length`);
      assert.equal(levels, 1, path);
      const twice = await page.evaluate(`(() => { const ids = [...document.querySelectorAll("[id]")].map((element) => element.id); return ids.filter((id, index) => ids.indexOf(id) !== index); })()`);
      assert.deepEqual(twice, [], path);
      watched.assertQuiet();
    }
    await watched.close();
  });

  it("are served under a policy that the browser enforces", async () => {
    const watched = await openPage(browser, server.url);
    await watched.page.goto("/models");
    // Page scripts made by the test bypass the policy, but what they put into the document does not.
    assert.equal(await watched.page.evaluate(`(() => { try { document.createElement("div").innerHTML = "<b>x</b>"; return "taken"; } catch (error) { return error.name; } })()`), "TypeError");
    await watched.page.evaluate(`document.head.append(Object.assign(document.createElement("style"), { textContent: "body { display: none }" }))`);
    assert.equal(await watched.page.evaluate("getComputedStyle(document.body).display"), "block");
    // The browser tells of both some time after they happened.
    await becomes(() => watched.complaints.some((complaint) => complaint.includes("policy violated")), true);
    await watched.close();
  });

  it("never scroll sideways on a phone, at 390 pixels and at 360", async () => {
    const watched = await openPage(browser, server.url, { viewport: { width: 390, height: 800 }, hasTouch: true, isMobile: true });
    const { page } = watched;
    await page.goto("/");
    let widths = [390, 360];
    for (const [path, shows] of pages()) {
      await follow(page, path);
      await page.getByText(shows).filter({ visible: true }).first().waitFor();
      await loaded(page);
      for (const width of widths) {
        if (page.viewportSize()!.width !== width) await page.setViewportSize({ width, height: 800 });
        // Charts follow the window some time after it.
        await becomes(async () => ({ path, width, beyond: await overflow(page) }), { path, width, beyond: [] });
      }
      // From the width that the window has to the other one: pages are drawn first in both.
      widths = widths.toReversed();
    }
    await watched.close();
  });

  it("fold the navigation away on a phone, and open it again", async () => {
    const { page, close } = await openPage(browser, server.url, { viewport: { width: 390, height: 800 } });
    await page.goto("/models");
    const link = page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "risk" });
    await page.getByRole("table").waitFor();
    assert.equal(await link.isVisible(), false);
    await page.getByRole("button", { name: "Open the menu" }).click();
    await link.click();
    await page.getByRole("heading", { level: 1, name: "risk" }).waitFor();
    await link.waitFor({ state: "hidden" });
    await close();
  });

  it("follow the system's theme, and keep another one that was chosen", async () => {
    const background = "getComputedStyle(document.documentElement).backgroundColor";
    const dark = await openPage(browser, server.url, { colorScheme: "dark" });
    await dark.page.goto("/models");
    const light = await openPage(browser, server.url, { colorScheme: "light" });
    await light.page.goto("/models");
    const [darkColor, lightColor] = [await dark.page.evaluate(background), await light.page.evaluate(background)];
    assert.notEqual(darkColor, lightColor);
    await light.page.getByRole("button", { name: /^Theme: as the system/ }).click();
    await becomes(() => light.page.evaluate(background), darkColor);
    await light.page.reload();
    await becomes(() => light.page.evaluate(background), darkColor);
    await light.page.getByRole("button", { name: /^Theme: dark/ }).click();
    await becomes(() => light.page.evaluate(background), lightColor);
    await dark.close();
    await light.close();
  });

  it("say what to do at an address that leads nowhere", async () => {
    const watched = await openPage(browser, server.url);
    const response = await watched.page.goto("/modelz/risk");
    assert.equal(response!.status(), 404);
    await watched.page.getByRole("heading", { name: "There is no page here" }).waitFor();
    await watched.page.getByRole("main").getByRole("link", { name: "risk" }).click();
    await watched.page.getByRole("heading", { level: 1, name: "risk" }).waitFor();
    await watched.page.goto("/models/nothing-of-this-name");
    await watched.page.getByText("MODEL_NOT_FOUND").waitFor();
    await watched.page.goto("/predictions/prd_00000000000000000000000000");
    await watched.page.getByText("PREDICTION_NOT_FOUND").waitFor();
    await watched.page.getByText("sampling or retention").waitFor();
    watched.assertQuiet(/status of 404/);
    await watched.close();
  });
});

describe("an empty server", () => {
  it("says how to deploy a first model, and shows it as soon as it is there", async (t) => {
    const [server, browser] = await Promise.all([startServer(), openBrowser()]);
    t.after(async () => {
      await server.stop();
    });
    const watched = await openPage(browser, server.url);
    await watched.page.goto("/");
    await watched.page.getByRole("heading", { name: "No models yet" }).waitFor();
    assert.match(new URL(watched.page.url()).pathname, /^\/models$/);
    await watched.page.getByText("npx slipway deploy model.onnx --name my-model --reference train.parquet").waitFor();
    await watched.page.getByText("live", { exact: true }).waitFor();
    await deploySamples(server);
    await watched.page.getByRole("table").getByRole("link", { name: "classes" }).waitFor();
    watched.assertQuiet();
  });
});
