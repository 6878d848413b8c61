import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { multiplyRuns } from "./many-runs.ts";
import { becomes, holds, openBrowser, openPage, overflow } from "./open-browser.ts";
import { createExperiment, logRun, logRuns, manyMetrics, post, trainings } from "./sample-runs.ts";

const start = Date.UTC(2026, 2, 4, 8);

describe("experiments in the console", () => {
  let server: RunningServer;
  let browser: Browser;
  let experiment: string;
  let ids: string[];
  before(async () => {
    [server, browser] = await Promise.all([startServer(), openBrowser()]);
    experiment = await createExperiment(server.url, "churn");
    ids = await logRuns(server.url, experiment, trainings(220, start));
    const child = await logRun(server.url, experiment, { name: "fold 1", startTime: start - 60_000, tags: { "mlflow.parentRunId": ids[0]! } });
    assert.notEqual(child, "");
    await post(server.url, "/runs/log-inputs", {
      run_id: ids[0], datasets: [{ dataset: { name: "customers", digest: "d41d8cd9", source_type: "local", source: "{}" }, tags: [{ key: "mlflow.data.context", value: "training" }] }],
    });
    const picture = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M/wHwAEBgIApD5fRAAAAABJRU5ErkJggg==", "base64");
    const files: [string, string | Uint8Array<ArrayBuffer>][] = [
      ["report.csv", 'name,value\n"a,b",1\n'], ["model/MLmodel", "flavors:\n  sklearn: {}\n"], ["figures.json", '{"auc":0.9}'], ["plot.png", picture],
      ["page.html", "<script>document.title = 'taken over'</script>"],
    ];
    for (const [path, body] of files) {
      const answer = await fetch(`${server.url}/api/2.0/mlflow-artifacts/artifacts/${experiment}/${ids[0]}/artifacts/${path}`, { method: "PUT", body });
      assert.ok(answer.ok, `${path}: ${answer.status}`);
    }
  });
  after(async () => {
    await server.stop();
  });

  const rowCount = async (page: Page): Promise<number> => Number(await page.getByRole("grid", { name: "Runs" }).getAttribute("aria-rowcount")) - 1;
  const waitForRows = async (page: Page, count: number): Promise<void> => {
    await page.locator(`[role=grid][aria-rowcount="${count + 1}"]`).waitFor();
  };

  it("are listed, created, and say how to log the first run", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/experiments");
    await page.getByRole("row", { name: /^churn 221 .*run by ada/ }).waitFor();
    await page.getByRole("searchbox", { name: "Filter experiments" }).fill("nothing like it");
    await page.getByText("No experiment matches").waitFor();
    await page.getByRole("searchbox", { name: "Filter experiments" }).fill("");
    await page.getByRole("button", { name: "Create an experiment" }).click();
    await page.getByRole("dialog").getByLabel("Name").fill("fraud");
    await page.getByRole("dialog").getByRole("button", { name: "Create" }).click();
    await page.getByText("No runs yet").waitFor();
    const snippet = (await page.getByRole("region", { name: "command" }).textContent())!;
    assert.ok(snippet.includes(`"MLFLOW_TRACKING_URI"] = "${server.url}"`) && snippet.includes('set_experiment("fraud")'), snippet);
    watched.assertQuiet();
    await watched.close();
  });

  it("are filtered in MLflow's grammar, with what is wrong shown at its place", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto(`/experiments/${experiment}`);
    await waitForRows(page, 221);
    const filter = page.getByRole("searchbox", { name: "Filter runs" });
    await filter.fill("params.model = 'tree' and metrics.loss <");
    await filter.press("Enter");
    await page.getByRole("alert").getByText(/at position 41/).waitFor();
    assert.equal(await rowCount(page), 221, "what was found before stays");
    watched.assertQuiet(/status of 400/);
    await filter.fill("params.model = 'tree' and metrics.loss < 0.6");
    await filter.press("Enter");
    await page.getByRole("alert").waitFor({ state: "detached" });
    await holds(page, "Number(document.querySelector('[role=grid]')?.getAttribute('aria-rowcount') ?? 221) < 100");
    await page.waitForURL(/filter=params\.model/);
    for (const name of await page.locator(".grid-row a").allTextContents()) assert.match(name, /^tree-/);
    await page.getByRole("columnheader", { name: "loss" }).getByRole("button").click();
    await page.locator("[aria-sort=descending]").waitFor();
    await page.getByRole("columnheader", { name: "loss" }).getByRole("button").click();
    await page.waitForURL(/order=metrics\.loss\+ASC/);
    await page.locator("[aria-sort=ascending]").waitFor();
    const order = await page.evaluate(`fetch("/api/runs/table", {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({experiments: ["${experiment}"], filter: "params.model = 'tree' and metrics.loss < 0.6", order: ["metrics.loss ASC"], columns: ["attributes.name"]})}).then((r) => r.json()).then(({rows}) => rows[0][0])`);
    await page.locator(".grid-row[aria-rowindex='2'] a").getByText(String(order), { exact: true }).waitFor();
    watched.assertQuiet();
    await watched.close();
  });

  it("are grouped with mean, least and greatest, and the groups close", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto(`/experiments/${experiment}`);
    await page.getByRole("combobox", { name: "Group by" }).selectOption("params.model");
    await waitForRows(page, 225);
    const group = page.getByRole("row", { name: /tree 74 runs/ });
    // Each that closes brings the next one into view.
    for (const name of ["tree", "net", "forest", "no value"]) await page.getByRole("button", { name: new RegExp(`^${name} \\d+ runs?$`) }).click();
    await waitForRows(page, 4);
    await page.getByRole("button", { name: "tree 74 runs" }).click();
    await group.waitFor();
    await waitForRows(page, 78);
    const figures = (await group.locator(".grid-number b").first().textContent())!;
    assert.ok(Number(figures) > 0.2 && Number(figures) < 3, figures);
    assert.match((await group.locator(".grid-range").first().textContent())!, /^0\.\d+ – \d/);
    await page.reload();
    await waitForRows(page, 78);
    watched.assertQuiet();
    await watched.close();
  });

  it("have views that are saved for everybody, chosen and deleted", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto(`/experiments/${experiment}?filter=params.depth+%3D+%274%27&columns=params.depth`);
    await waitForRows(page, 28);
    await page.getByRole("button", { name: "Save view" }).click();
    await page.getByRole("dialog").getByLabel("Name").fill("depth four");
    await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
    await page.getByRole("button", { name: "Delete view" }).waitFor();
    await page.goto(`/experiments/${experiment}`);
    await waitForRows(page, 221);
    await page.getByRole("combobox", { name: "View" }).selectOption("depth four");
    await waitForRows(page, 28);
    await becomes(() => page.getByRole("columnheader").count(), 2);
    await page.getByRole("button", { name: "Delete view" }).click();
    await page.getByRole("combobox", { name: "View" }).getByText("depth four").waitFor({ state: "detached" });
    watched.assertQuiet();
    await watched.close();
  });

  it("have runs that are deleted and come back, and new ones that appear by themselves", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    const own = await createExperiment(server.url, "live");
    await logRun(server.url, own, { name: "first", startTime: start });
    await page.goto(`/experiments/${own}`);
    await waitForRows(page, 1);
    await logRun(server.url, own, { name: "second", startTime: start + 1000 });
    await page.getByRole("link", { name: "second" }).waitFor();
    await page.getByRole("checkbox", { name: "Select first" }).check();
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await waitForRows(page, 1);
    await page.getByRole("checkbox", { name: "Deleted" }).check();
    await page.getByRole("checkbox", { name: "Select first" }).check();
    await page.getByRole("button", { name: "Restore" }).click();
    await page.getByText("No run is deleted").waitFor();
    await page.getByRole("checkbox", { name: "Deleted" }).uncheck();
    await waitForRows(page, 2);
    // With the keyboard alone: the second row is selected and opened.
    const grid = page.getByRole("grid", { name: "Runs" });
    for (const key of ["ArrowDown", "ArrowDown", "Space"]) await grid.press(key);
    await page.getByText("1 run selected").waitFor();
    await grid.press("Enter");
    await page.getByRole("heading", { name: "first" }).waitFor();
    watched.assertQuiet();
    await watched.close();
  });

  it("show a run with its facts, and its files without becoming a page of this server", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto(`/experiments/${experiment}/runs/${ids[0]}`);
    await page.getByRole("heading", { name: "tree-2-0" }).waitFor();
    await page.getByRole("region", { name: "Params" }).getByText("learning_rate").waitFor();
    await page.getByRole("region", { name: "Datasets" }).getByText("d41d8cd9").waitFor();
    await page.getByRole("region", { name: "Nested runs" }).getByRole("link", { name: "fold 1" }).click();
    await page.getByRole("heading", { name: "fold 1" }).waitFor();
    await page.getByRole("link", { name: "tree-2-0" }).click();
    await page.getByRole("button", { name: "Artifacts" }).click();
    await page.getByRole("button", { name: /report\.csv/ }).click();
    await page.getByRole("cell", { name: "a,b" }).waitFor();
    await page.getByRole("button", { name: "model" }).click();
    await page.getByRole("button", { name: /MLmodel/ }).click();
    await page.getByText("sklearn").waitFor();
    await page.getByRole("button", { name: /figures\.json/ }).click();
    await page.getByText('"auc": 0.9').waitFor();
    await page.getByRole("button", { name: /plot\.png/ }).click();
    await holds(page, "document.querySelector('img.artifact-image')?.naturalWidth === 1");
    await page.getByRole("button", { name: /page\.html/ }).click();
    await page.getByText("taken over").waitFor();
    assert.match(await page.title(), /tree-2-0/);
    const answer = await page.request.get((await page.getByRole("link", { name: "Download" }).getAttribute("href"))!);
    assert.match(answer.headers()["content-disposition"] ?? "", /^attachment/);
    watched.assertQuiet();
    await watched.close();
  });

  it("draw metrics that keep their extremes, and ask again for what is zoomed to", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    const asked: { key: string; fromStep?: number; toStep?: number }[] = [];
    page.on("request", (request) => {
      if (request.url().endsWith("/api/runs/series")) asked.push(request.postDataJSON() as { key: string });
    });
    const answered = page.waitForResponse((response) => response.url().endsWith("/api/runs/series") && (response.request().postDataJSON() as { key: string }).key === "loss");
    await page.goto(`/experiments/${experiment}/runs/${ids[0]}?part=charts`);
    const { series } = (await (await answered).json()) as { series: { values: number[] }[] };
    assert.ok(series[0]!.values.includes(9.5), "the one spike is among the points");
    assert.ok(series[0]!.values.length < 1900, "and not all points are");
    const chart = page.getByRole("img", { name: /^loss\. / });
    await chart.waitFor();
    await page.locator(".chart-busy").first().waitFor({ state: "detached" });
    const plot = (await page.locator(".metric-panel", { has: chart }).locator(".u-over").boundingBox())!;
    await page.mouse.move(plot.x + plot.width * 0.25, plot.y + 20);
    await page.mouse.down();
    await page.mouse.move(plot.x + plot.width * 0.5, plot.y + 30, { steps: 4 });
    await page.mouse.up();
    await page.waitForURL(/zoom=loss/);
    const [, from, to] = /zoom=loss%3A(\d+)%3A(\d+)/.exec(page.url())!.map(Number);
    assert.ok(Math.abs(from! - 500) < 60 && Math.abs(to! - 1000) < 60, `${from} to ${to}`);
    await page.getByRole("button", { name: "whole range" }).waitFor();
    await becomes(() => asked.some((request) => request.key === "loss" && request.fromStep === from && request.toStep === to), true);
    await page.getByRole("button", { name: "Log", exact: true }).click();
    await page.getByRole("button", { name: "Relative" }).click();
    await page.getByRole("slider", { name: "Smoothing" }).press("End");
    await page.waitForURL((url) => url.searchParams.get("scale") === "log" && url.searchParams.get("axis") === "relative" && url.searchParams.get("smoothing") === "0.99");
    await chart.press("0");
    await page.waitForURL((url) => !url.searchParams.has("zoom"));
    watched.assertQuiet();
    await watched.close();
  });

  it("compare runs: what differs, lines, axes that are brushed, points", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto(`/experiments/${experiment}?filter=params.depth+%3D+%272%27&order=attributes.startTime+ASC`);
    await waitForRows(page, 28);
    for (const name of ["tree-2-0", "net-2-8"]) await page.getByRole("checkbox", { name: `Select ${name}`, exact: true }).check();
    await page.getByRole("button", { name: "Compare" }).click();
    await page.getByRole("heading", { name: "Compare 2 runs" }).waitFor();
    await page.getByRole("img", { name: /^loss\. .*tree-2-0/ }).waitFor();
    await page.getByRole("button", { name: "Params" }).click();
    await page.getByRole("rowheader", { name: "model" }).waitFor();
    assert.equal(await page.getByRole("rowheader", { name: "seed" }).count(), 0);
    await page.getByRole("checkbox", { name: "Only what differs" }).uncheck();
    await page.getByRole("rowheader", { name: "seed" }).waitFor();

    await page.goto(`/experiments/${experiment}/compare?runs=${ids.slice(0, 100).join(",")}&part=parallel`);
    await page.getByText("100 runs. Drag along an axis").waitFor();
    const axis = page.getByRole("slider", { name: "Limit depth" });
    await holds(page, "document.querySelectorAll('.parallel-line').length === 100");
    const box = (await axis.boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 4, { steps: 4 });
    await page.mouse.up();
    await page.waitForURL(/brush=/);
    await page.getByText(/^2[0-9] of 100 runs pass/).waitFor();
    await axis.press("Delete");
    await page.getByText("100 runs. Drag along an axis").waitFor();
    await page.getByRole("button", { name: "Scatter" }).click();
    await page.locator("circle.scatter-point").nth(99).waitFor();
    watched.assertQuiet();
    await watched.close();
  });

  it("fit a phone, light and dark", async () => {
    const watched = await openPage(browser, server.url, { viewport: { width: 390, height: 800 } });
    const { page } = watched;
    const compared = `compare?runs=${ids.slice(0, 30).join(",")}`;
    for (const [path, seen] of [
      ["/experiments", "churn"], [`/experiments/${experiment}?group=params.model`, "Group by"], [`/experiments/${experiment}/runs/${ids[0]}`, "Latest metrics"],
      [`/experiments/${experiment}/runs/${ids[0]}?part=artifacts&file=report.csv`, "a,b"], [`/experiments/${experiment}/${compared}`, "Smoothing"],
      [`/experiments/${experiment}/${compared}&part=params`, "learning_rate"], [`/experiments/${experiment}/${compared}&part=parallel`, "30 runs"], [`/experiments/${experiment}/${compared}&part=scatter`, "loss over"],
    ] as const) {
      await page.goto(path);
      await page.getByText(seen).first().waitFor();
      for (const colorScheme of ["dark", "light"] as const) {
        await page.emulateMedia({ colorScheme });
        await holds(page, `matchMedia("(prefers-color-scheme: ${colorScheme})").matches`);
        assert.deepEqual(await overflow(page), [], path);
      }
    }
    watched.assertQuiet();
    await watched.close();
  });
});

describe("the registry in the console", () => {
  let server: RunningServer;
  let browser: Browser;
  let run: string;
  before(async () => {
    [server, browser] = await Promise.all([startServer(), openBrowser()]);
    const experiment = await createExperiment(server.url, "churn");
    run = await logRun(server.url, experiment, { name: "boosting", startTime: start, params: { depth: "4" } });
    await post(server.url, "/runs/log-inputs", { run_id: run, datasets: [{ dataset: { name: "customers", digest: "d41d8cd9", source_type: "local", source: "{}" }, tags: [] }] });
    await post(server.url, "/registered-models/create", { name: "churn" });
    for (const description of ["first", "second"]) await post(server.url, "/model-versions/create", { name: "churn", source: `runs:/${run}/model`, run_id: run, description });
  });
  after(async () => {
    await server.stop();
  });

  it("shows where a version comes from, and changes its stage, aliases and words with a reason", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/models/churn/registry?version=2");
    const dialog = page.getByRole("dialog");
    const lineage = page.getByRole("region", { name: "Lineage of v2" });
    await lineage.getByRole("link", { name: "run boosting" }).waitFor();
    await lineage.locator("text", { hasText: "customers" }).waitFor();

    await page.getByRole("button", { name: "Move v1 to a stage" }).click();
    await dialog.getByLabel("Stage", { exact: true }).selectOption("Staging");
    await dialog.getByLabel("Reason", { exact: true }).fill("passed the evaluation");
    await dialog.getByRole("button", { name: "Move" }).click();
    await page.getByRole("row", { name: /Show v1/ }).getByText("Staging").waitFor();
    await page.getByRole("region", { name: "Changes" }).getByText("passed the evaluation").waitFor();

    await page.getByRole("button", { name: "Give v2 an alias" }).click();
    await dialog.getByLabel("Alias", { exact: true }).fill("challenger");
    await dialog.getByLabel("Reason", { exact: true }).fill("shadow traffic");
    await dialog.getByRole("button", { name: "Set the alias" }).click();
    await lineage.locator("text", { hasText: "challenger" }).waitFor();
    await page.getByRole("button", { name: "Remove the alias challenger" }).click();
    await dialog.getByLabel("Reason", { exact: true }).fill("worse than it looked");
    await dialog.getByRole("button", { name: "Remove", exact: true }).click();
    await lineage.locator("text", { hasText: "challenger" }).waitFor({ state: "detached" });
    await page.getByRole("region", { name: "Changes" }).getByText("worse than it looked").waitFor();

    await page.getByRole("button", { name: "Edit" }).click();
    await dialog.getByLabel("Description", { exact: true }).fill("Who leaves within 30 days");
    await page.getByRole("button", { name: "Add a tag" }).click();
    await page.getByLabel("Key of tag 1").fill("domain");
    await page.getByLabel("Value of tag 1").fill("growth");
    await dialog.getByRole("button", { name: "Save" }).click();
    await page.getByRole("region", { name: "About" }).getByText("domain: growth").waitFor();
    await page.getByRole("region", { name: "About" }).getByText("Who leaves within 30 days").waitFor();
    await page.setViewportSize({ width: 390, height: 800 });
    assert.deepEqual(await overflow(page), []);
    await lineage.getByRole("link", { name: "run boosting" }).click();
    await page.getByRole("link", { name: "churn v2" }).waitFor();
    watched.assertQuiet();
    await watched.close();
  });
});

describe("ten thousand runs with a thousand metrics in the console", () => {
  let server: RunningServer;
  let browser: Browser;
  let experiment: string;
  before(async () => {
    const first = await startServer();
    experiment = await createExperiment(first.url, "sweep");
    await logRuns(first.url, experiment, manyMetrics(250, 1000, start));
    await first.stop({ keep: true });
    multiplyRuns(first.directory, 10_000);
    [server, browser] = await Promise.all([startServer({ directory: first.directory }), openBrowser()]);
  });
  after(async () => {
    await server.stop();
  });

  it("are scrolled both ways with few elements in the page, and answer while they are", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    const asked = new Set<string>();
    page.on("request", (request) => {
      if (request.url().endsWith("/api/runs/table")) for (const column of (request.postDataJSON() as { columns: string[] }).columns) asked.add(column);
    });
    await page.goto(`/experiments/${experiment}`);
    await page.getByText("10,000 runs").first().waitFor();
    await page.getByRole("button", { name: /^Columns/ }).click();
    await page.getByRole("searchbox", { name: "Search columns" }).fill("metric 0");
    await page.getByText("1,000 columns").waitFor();
    assert.ok((await page.locator(".picker-row").count()) < 40);
    await page.getByRole("button", { name: "Hide these" }).click();
    await page.getByRole("button", { name: "Show these" }).click();
    await page.getByRole("button", { name: "Done" }).click();
    await page.waitForURL((url) => url.searchParams.get("columns")?.includes("metrics.*") === true);
    const grid = page.getByRole("grid", { name: "Runs" });
    const counts = async (): Promise<{ rows: number; elements: number }> => page.evaluate("({ rows: document.querySelectorAll('.grid-row').length, elements: document.querySelectorAll('.grid *').length })");

    for (const share of [0.1, 0.5, 0.9, 1]) {
      await grid.evaluate((element, to) => {
        const scroller = element as unknown as { scrollTop: number; scrollLeft: number; scrollHeight: number; scrollWidth: number };
        scroller.scrollTop = to * scroller.scrollHeight;
        scroller.scrollLeft = to * scroller.scrollWidth;
      }, share);
      const row = Math.min(9999, Math.floor(share * 10_000));
      await page.locator(`.grid-row[aria-rowindex="${row + 2 - (share === 1 ? 0 : 2)}"]`).waitFor();
      const { rows, elements } = await counts();
      assert.ok(rows < 60 && elements < 1500, `${rows} rows, ${elements} elements`);
    }
    // The oldest run and the last metric: in view, and their cell came.
    await page.getByRole("link", { name: "run 0", exact: true }).waitFor();
    await page.getByRole("columnheader", { name: "metric 0999" }).waitFor();
    assert.ok(asked.size < 120, `${asked.size} columns were asked for, those that were seen`);

    // It answers: a row is selected, the order changes, groups form, and a frame never waits long for the rest.
    await page.getByRole("checkbox", { name: "Select run 0", exact: true }).check();
    await page.getByText("1 run selected").waitFor();
    await grid.press("Home");
    await page.getByRole("link", { name: "run 9999", exact: true }).waitFor();
    await page.getByRole("combobox", { name: "Group by" }).selectOption("params.depth");
    await page.locator('[role=grid][aria-rowcount="10013"]').waitFor();
    await grid.evaluate((element) => ((element as unknown as { scrollTop: number }).scrollTop = 170_000));
    const { rows } = await counts();
    assert.ok(rows < 60, `${rows} rows`);
    watched.assertQuiet();
    await watched.close();
  });
});
