import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { becomes, holds, openBrowser, openPage, tabTo } from "./open-browser.ts";
import { deploySamples } from "./sample-models.ts";

describe("trying a model", () => {
  let server: RunningServer;
  let browser: Browser;
  before(async () => {
    [server, browser] = await Promise.all([startServer(), openBrowser()]);
    await deploySamples(server);
  });
  after(async () => {
    await server.stop();
  });

  it("works with the keyboard alone, and the prediction appears among the others", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/models/risk/try");
    await page.getByLabel("amount", { exact: true }).waitFor();
    await page.keyboard.press("Tab");
    await becomes(() => page.evaluate("document.activeElement.textContent"), "Skip to the content");
    await page.keyboard.press("Enter");
    await tabTo(page, "input[id='field-amounts/0']");
    assert.notEqual(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle"), "none");
    await page.keyboard.press("Control+a");
    await page.keyboard.type("7");
    await tabTo(page, "input[id='field-amounts/1']");
    await page.keyboard.press("Control+a");
    await page.keyboard.type("3");
    await tabTo(page, "input[id='field-country/0']");
    await page.keyboard.press("Control+a");
    await page.keyboard.type("FR");
    await tabTo(page, "input[id='field-weekday/0']");
    await page.keyboard.press("Control+a");
    await page.keyboard.type("2");
    await page.keyboard.press("Enter");
    const result = page.getByRole("region", { name: "Result" });
    // 7 + 2 * 3 + 20 for FR + 100 * 2
    await result.getByText("233", { exact: true }).waitFor();

    await tabTo(page, "a[href^='/predictions/prd_']");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Prediction" }).waitFor();
    await page.getByText("233", { exact: true }).waitFor();
    const id = new URL(page.url()).pathname.split("/").at(-1)!;
    await page.goto("/models/risk/predictions");
    await page.getByRole("link", { name: `Prediction ${id}` }).waitFor();
    assert.equal((await server.client.why(id)).prediction.inputs[0]!.data![0], 7);
    watched.assertQuiet();
    await watched.close();
  });

  it("names a problem at its field and sends nothing", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    const sent: string[] = [];
    page.on("request", (request) => { if (request.method() === "POST") sent.push(request.url()); });
    await page.goto("/models/risk/try");
    await page.getByLabel("weekday", { exact: true }).fill("Monday");
    await page.getByLabel("amount", { exact: true }).fill("");
    await page.getByRole("button", { name: "Predict" }).click();
    await page.getByText("Type a whole number.").waitFor();
    await page.getByText("Type a number; this input takes no missing values.").waitFor();
    await becomes(() => page.getByLabel("weekday", { exact: true }).getAttribute("aria-invalid"), "true");
    await becomes(() => page.evaluate("document.activeElement.id"), "field-amounts/0");
    assert.deepEqual(sent, []);
    await page.getByLabel("amount", { exact: true }).fill("100000");
    await page.getByText("above all of the reference data").waitFor();
    watched.assertQuiet();
    await watched.close();
  });

  it("shows the server's refusal of a body that was pasted, with its reason", async () => {
    const watched = await openPage(browser, server.url);
    await watched.page.goto("/models/risk/try?mode=json");
    await watched.page.getByRole("textbox", { name: /^Body of/ }).fill(`{"inputs":[{"name":"amounts","datatype":"FP32","shape":[1,3],"data":[1,2,3]}]}`);
    await watched.page.getByRole("button", { name: "Predict" }).click();
    const alert = watched.page.getByRole("region", { name: "Result" }).getByRole("alert");
    await alert.waitFor();
    assert.match(await alert.innerText(), /wants \[-1,2\].*lack "country"/);
    watched.assertQuiet(/status of 400/);
    await watched.close();
  });

  it("asks the version that the address names, and writes it into the code", async () => {
    const { page, close } = await openPage(browser, server.url);
    await page.goto("/models/score/try?version=2");
    await page.getByLabel("features [0]").fill("1");
    await page.getByLabel("features [1]").fill("1");
    await page.getByRole("button", { name: "Predict" }).click();
    await page.getByRole("region", { name: "Result" }).getByText("22", { exact: true }).waitFor();
    await page.getByText(/versions\/2\/infer/).first().waitFor();
    await page.getByRole("button", { name: "Python" }).click();
    await page.getByText(/model_version="2"/).waitFor();
    await page.waitForURL(/code=python/);
    await close();
  });

  it("draws probabilities as bars, by class", async () => {
    const { page, close } = await openPage(browser, server.url);
    await page.goto("/models/classes/try");
    await page.getByLabel("X [1]").fill("5");
    await page.getByRole("button", { name: "Predict" }).click();
    const result = page.getByRole("region", { name: "Result" });
    await result.getByRole("listitem").nth(2).waitFor();
    await becomes(() => result.getByRole("listitem").count(), 3);
    assert.match(await result.getByRole("listitem").nth(1).innerText(), /^1\s+0\.98/);
    await close();
  });

  it("fills the form with what an earlier prediction was asked", async () => {
    const { page, close } = await openPage(browser, server.url);
    const inputs = [
      { name: "amounts", datatype: "FP32", shape: [1, 2], data: [41, 2] },
      { name: "country", datatype: "BYTES", shape: [1, 1], data: ["FR"] },
      { name: "weekday", datatype: "INT64", shape: [1, 1], data: [6] },
    ];
    const { predictionId } = await server.client.infer("risk", inputs);
    await page.goto(`/predictions/${predictionId}`);
    await page.getByRole("link", { name: "Try these inputs" }).click();
    await holds(page, `document.getElementById("field-amounts/0")?.value === "41"`);
    await becomes(() => page.getByLabel("country", { exact: true }).inputValue(), "FR");
    await becomes(() => page.getByLabel("weekday", { exact: true }).inputValue(), "6");
    await close();
  });
});
