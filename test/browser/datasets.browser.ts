import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { becomes, loaded, openBrowser, openPage, overflow } from "./open-browser.ts";
import { addDataset, deployJudged, logDatasets, payments } from "./sample-datasets.ts";

describe("datasets and evaluations in the console", () => {
  let server: RunningServer;
  let browser: Browser;
  let logged: { experiment: string; runs: string[] };
  before(async () => {
    [server, browser] = await Promise.all([startServer(), openBrowser()]);
    logged = await logDatasets(server.url);
    await deployJudged(server);
    await addDataset(server, "small", "day,rate\n2026-03-01,1.08\n");
  });
  after(async () => {
    await server.stop();
  });

  it("takes a file as a dataset, says what is in it, and shows its rows", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/datasets");
    await page.getByRole("button", { name: "Add a dataset" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("File").setInputFiles({ name: "Payments (test).csv", mimeType: "text/csv", buffer: Buffer.from(payments(600, 3)) });
    await becomes(() => dialog.getByLabel("Name").inputValue(), "Payments-test");
    await becomes(() => dialog.getByLabel("Format").inputValue(), "csv");
    await page.locator("#dataset-columns option").nth(4).waitFor({ state: "attached" });
    await dialog.getByLabel("Name").fill("payments-test");
    await dialog.getByLabel("Target").fill("lateness");
    await dialog.getByRole("button", { name: "Add the dataset" }).click();
    await dialog.getByRole("alert").getByText("lateness").first().waitFor();
    watched.assertQuiet(/status of 4\d\d/);
    await dialog.getByLabel("Target").fill("late");
    await dialog.getByRole("button", { name: "Add the dataset" }).click();
    await page.waitForURL(/\/datasets\/payments-test$/);
    await page.getByRole("img", { name: "Histogram of amount" }).waitFor();
    await page.getByRole("row", { name: /^country text .*3 distinct: US/ }).waitFor();
    const rows = page.getByRole("region", { name: "Rows of the dataset" });
    await rows.getByRole("row").nth(50).waitFor();
    assert.equal(await rows.getByRole("cell", { name: "–" }).first().getAttribute("title"), "missing");
    await page.getByRole("link", { name: "Next" }).click();
    await page.waitForURL(/row=51/);
    await rows.getByRole("rowheader", { name: "51", exact: true }).waitFor();
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: /^csv, / }).click()]);
    assert.equal(download.suggestedFilename(), "payments-test-1.csv");
    watched.assertQuiet();
    await watched.close();
  });

  it("keeps versions apart, and removes a dataset when it is confirmed", async () => {
    await addDataset(server, "small", "day,rate\n2026-03-01,1.08\n2026-03-02,1.09\n");
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/datasets");
    await page.getByRole("row", { name: /^small v2 2 2 / }).getByRole("link").click();
    await page.getByRole("link", { name: "Show v1" }).click();
    await page.waitForURL(/version=1/);
    await page.getByText("1 to 1 of 1").waitFor();
    // What is still being asked for when the dataset goes would be answered with 404.
    await loaded(page);
    await page.getByRole("button", { name: "Remove" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Remove" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await page.waitForURL(/\/datasets$/);
    await page.getByRole("row", { name: /^payments-test / }).waitFor();
    await page.getByRole("link", { name: "small", exact: true }).waitFor({ state: "detached" });
    watched.assertQuiet();
    await watched.close();
  });

  it("lists what runs logged, with the way to these runs", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/datasets");
    const row = page.getByRole("row", { name: /^payments-train 3f1c9a payments 3 training 300 / });
    await row.getByText("3 columns").click();
    await row.getByText("amount double").waitFor();
    await row.getByRole("link", { name: "3" }).click();
    await page.locator('[role=grid][aria-rowcount="4"]').waitFor();
    watched.assertQuiet();
    await watched.close();
  });

  it("lets a policy name an evaluation set, and none again", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/models/payment-late/policy?edit=1");
    await page.getByLabel("Dataset", { exact: true }).selectOption("payments-test");
    await page.getByLabel("Output with the predictions").fill("probability");
    await page.getByLabel("Task").selectOption("classification");
    await page.getByLabel("Metric that decides").selectOption("auc");
    await page.getByLabel("Why").fill("What we have");
    await page.getByRole("button", { name: "Save as revision 1" }).click();
    await page.getByText(/4 settings differ from the default/).waitFor();
    const { policy } = await server.client.api.get<{ policy: { evaluation: Record<string, unknown> } }>("/api/models/payment-late/policy");
    assert.deepEqual([policy.evaluation.dataset, policy.evaluation.datasetVersion, policy.evaluation.output, policy.evaluation.baseline], ["payments-test", null, "probability", null]);
    watched.assertQuiet();
    await watched.close();
  });

  it("evaluates a version while one looks on, and says how sure the difference is", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/models/payment-late/evaluations?version=1");
    await page.getByText("Not evaluated yet").waitFor();
    await page.getByRole("button", { name: "Evaluate" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("The one that the policy names.").waitFor();
    await becomes(() => dialog.getByLabel("Dataset").inputValue(), "payments-test");
    await dialog.getByLabel("Baseline").selectOption("3");
    await dialog.getByRole("button", { name: "Evaluate" }).click();
    await dialog.waitFor({ state: "detached" });
    const card = page.getByRole("article", { name: "Evaluation on payments-test v1" });
    await card.getByText("Better than v3, the baseline").waitFor({ timeout: 120_000 });
    await card.getByText("Better than v2, the champion").waitFor();
    const label = (await card.getByRole("img", { name: /Difference of AUC/ }).first().getAttribute("aria-label"))!;
    assert.match(label, /^Difference of AUC: \+0\.\d+ \(\+0\.\d+ to \+0\.\d+\)$/);
    await card.getByRole("row", { name: /^AUC decides, more is better 0\.\d+ 0\.\d+ 0\.\d+$/ }).waitFor();
    await card.getByRole("link", { name: "its run" }).click();
    await page.getByRole("heading", { name: "evaluate" }).waitFor();
    await page.goto("/datasets/payments-test");
    await page.getByRole("link", { name: "payment-late v1" }).click();
    await page.waitForURL(/\/models\/payment-late\/evaluations\?version=1#evl_/);
    await card.waitFor();
    watched.assertQuiet();
    await watched.close();
  });

  it("says why an evaluation failed", async () => {
    await addDataset(server, "foreign", "day,rate\n2026-03-01,1.08\n", { target: "rate" });
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/models/payment-late/evaluations?version=3&evaluate=1");
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Dataset").selectOption("foreign");
    await dialog.getByRole("button", { name: "Evaluate" }).click();
    await page.getByRole("region", { name: "Failed evaluation" }).getByText("EVALUATION_IMPOSSIBLE").waitFor({ timeout: 120_000 });
    watched.assertQuiet();
    await watched.close();
  });

  it("shows a metric that was logged once as its value", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto(`/experiments/${logged.experiment}/runs/${logged.runs[0]}?part=charts`);
    const single = page.locator("figure", { hasText: "test_auc" });
    await single.getByText("0.71", { exact: true }).waitFor();
    assert.equal(await single.locator("canvas").count(), 0);
    await page.locator("figure", { hasText: "loss" }).locator("canvas").waitFor();
    await page.goto(`/experiments/${logged.experiment}/compare?runs=${logged.runs.join(",")}`);
    await page.getByRole("list", { name: "test_auc of each run" }).getByText("0.75").waitFor();
    watched.assertQuiet();
    await watched.close();
  });

  it("fits a phone", async () => {
    const watched = await openPage(browser, server.url, { viewport: { width: 390, height: 844 } });
    const { page } = watched;
    for (const [path, shows] of [
      ["/datasets", "Logged by runs"], ["/datasets/payments-test", "Where it is used"], ["/datasets?add=1", "Add the dataset"], ["/models/payment-late/evaluations?version=1", "Better than v2"],
      ["/models/payment-late/policy?edit=1", "Metric that decides"], ["/experiments", "payments"], ["/events/webhooks", "Add a webhook"],
    ] as const) {
      await page.goto(path);
      await page.getByText(shows).first().waitFor();
      assert.deepEqual(await overflow(page), [], path);
    }
    watched.assertQuiet();
    await watched.close();
  });
});
