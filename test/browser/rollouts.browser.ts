import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { linearModel } from "../kit/onnx-models.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { becomes, loaded, openBrowser, openPage, overflow } from "./open-browser.ts";

/** Such as a slow machine never fails. */
const gates = [{ kind: "latency", quantile: "p95", maxMs: 600_000, maxRatio: null }, { kind: "errors" }];
/** Phases that end by a few answers, or by a person. */
const phases = [
  { phase: "shadow", weight: 0, shadow: 1, minSamples: 5, gates: [] },
  { phase: "canary", weight: 0.05, shadow: 0.5, minSeconds: 3600, minSamples: 500, gates },
  { phase: "staged", weight: 0.5, minSeconds: 3600, minSamples: 1000, gates },
  { phase: "full", weight: 1, gates },
];

describe("rollouts in the console", () => {
  let server: RunningServer;
  let browser: Browser;
  const traffic = new AbortController();
  let sending = Promise.resolve();
  before(async () => {
    [server, browser] = await Promise.all([startServer(), openBrowser()]);
    await server.client.deploy({ file: await server.file("one.onnx", linearModel({ weights: [1, 10] })), name: "score" });
    await server.client.deploy({ file: await server.file("two.onnx", linearModel({ weights: [1, 10.01] })), name: "score", activate: false });
    await server.client.deploy({ file: await server.file("one.onnx", linearModel({ weights: [1, 10] })), name: "planned" });
    for (const model of ["score", "planned"]) {
      const { revision, policy } = await server.client.policy(model);
      await server.client.changePolicy(model, { revision, reason: "short phases", policy: { ...policy, rollout: { ...policy.rollout, phases: phases as never } } });
    }
    sending = send(server, traffic.signal);
  });
  after(async () => {
    traffic.abort();
    await sending.catch(() => undefined);
    await browser.close();
    await server.stop();
  });

  it("have their plan in the policy, changed part by part", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/models/planned/policy?edit=1");
    await page.getByRole("button", { name: /^staged: 50%/ }).click();
    const share = page.getByLabel("phase 3, Share of requests");
    await share.fill("0.");
    await becomes(() => share.inputValue(), "0.");
    await share.fill("2");
    await page.getByText("At most 1.").first().waitFor();
    await share.fill("0.4");
    await page.getByLabel("registered").check();
    await page.getByLabel("registered").uncheck();
    await page.getByRole("checkbox", { name: "Circuit breaker" }).check();
    await page.getByLabel("Circuit breaker, Failures in a row").fill("7");
    await page.getByLabel("Why").fill("more callers may see it");
    await page.getByRole("button", { name: /^Save as revision/ }).click();
    await page.getByRole("button", { name: "Edit the policy" }).waitFor();
    const now = (await server.client.policy("planned")).policy;
    assert.deepEqual([now.rollout.phases.map(({ weight }) => weight), now.fallback.breaker, now.rollout.startOn], [[0, 0.05, 0.4, 1], { failures: 7, openSeconds: 10 }, []]);
    await page.getByText("Phases 3, share of requests").first().waitFor();
    watched.assertQuiet();
    await watched.close();
  });

  it("are started, watched, paused, promoted and aborted", async () => {
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/models/score/rollout");
    await page.getByRole("heading", { name: "Nothing was rolled out yet" }).waitFor();
    await page.getByRole("button", { name: "Start a rollout" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Canary, in percent").fill("500");
    await dialog.getByRole("button", { name: "Start the rollout" }).click();
    await dialog.getByText("A number above 0").waitFor();
    await dialog.getByLabel("Canary, in percent").fill("30");
    await dialog.getByLabel("Phases of the plan").getByText("30% of requests").waitFor();
    await dialog.getByLabel("Why").fill("the new weights");
    await dialog.getByRole("button", { name: "Start the rollout" }).click();
    await page.waitForURL((url) => url.pathname.startsWith("/rollouts/rol_"));

    // The shadow has its few answers soon, and the canary waits for an hour.
    const present = page.locator(".phase-track [aria-current=step]");
    await present.getByRole("heading", { name: /^canary/ }).waitFor();
    await page.getByText("passed").first().waitFor();
    await page.getByRole("img", { name: "Split: v1 70%, v2 30%" }).waitFor();
    await page.getByRole("row", { name: /Latency p95/ }).getByRole("img").waitFor();
    const gates = page.getByRole("list", { name: "Gates" }).first();
    await gates.getByText("time", { exact: true }).waitFor();
    await page.getByText("has it").waitFor();

    await page.getByRole("button", { name: "Pause" }).click();
    await dialog.getByRole("button", { name: "Pause" }).click();
    await dialog.getByText("Say why").waitFor();
    await dialog.getByLabel("Why").fill("lunch");
    await dialog.getByRole("button", { name: "Pause" }).click();
    await dialog.waitFor({ state: "detached" });
    const standing = page.getByRole("region", { name: "Standing" });
    await standing.getByText("paused", { exact: true }).waitFor();
    await standing.getByText(/lunch/).first().waitFor();
    await page.getByRole("button", { name: "Resume" }).click();
    await dialog.getByLabel("Why").fill("back");
    await dialog.getByRole("button", { name: "Resume" }).click();
    await standing.getByText("running", { exact: true }).waitFor();

    await page.getByRole("button", { name: "Promote to staged" }).click();
    await dialog.getByText("v2 gets 50% of requests").waitFor();
    await dialog.getByLabel("Why").fill("looks right");
    await dialog.getByRole("button", { name: "Promote" }).click();
    await present.getByRole("heading", { name: /^staged/ }).waitFor();
    await page.getByRole("img", { name: "Split: v1 50%, v2 50%" }).waitFor();
    const verdict = page.getByRole("button", { name: /promote.*canary.*looks right/ });
    await verdict.click();
    await page.getByRole("region", { name: "Verdicts" }).getByRole("list", { name: "Gates" }).getByText("samples", { exact: true }).waitFor();

    await page.getByRole("button", { name: "Abort" }).click();
    await dialog.getByText("No request fails on the way").waitFor();
    await dialog.getByLabel("Why").fill("not today");
    await dialog.getByRole("button", { name: "Abort the rollout" }).click();
    await standing.getByText("aborted", { exact: true }).waitFor();
    await page.getByRole("img", { name: "Split: v1 100%, v2 0%" }).waitFor();
    await page.getByRole("link", { name: "Rollouts" }).first().click();
    await page.getByRole("region", { name: "Ended" }).getByRole("row", { name: /score.*aborted/ }).waitFor();
    await page.getByText("None now").waitFor();
    watched.assertQuiet();
    await watched.close();
  });

  it("can be turned back when they have ended, on a phone", async () => {
    await server.client.api.send("POST", "/api/models/score/rollouts", { version: "2", plan: { phases: [{ phase: "full", weight: 1, gates: [] }] } });
    const watched = await openPage(browser, server.url, { viewport: { width: 390, height: 800 } });
    const { page } = watched;
    await page.goto("/models/score/rollout");
    const standing = page.getByRole("region", { name: "Standing" });
    await standing.getByText("succeeded", { exact: true }).waitFor();
    await loaded(page);
    assert.deepEqual(await overflow(page), []);
    await page.getByRole("button", { name: "Roll back" }).click();
    await page.getByRole("dialog").getByLabel("Why").fill("callers complain");
    await page.getByRole("dialog").getByRole("button", { name: "Roll back" }).click();
    await page.getByText("champion v1").waitFor();
    for (const [path, shows] of [["/rollouts", "Last verdict"], ["/models/score/policy?edit=1", "Add phase"], ["/rollouts?start=1", "The plan"]] as const) {
      await page.goto(path);
      await page.getByText(shows).filter({ visible: true }).first().waitFor();
      assert.deepEqual(await overflow(page), [], path);
    }
    watched.assertQuiet();
    await watched.close();
  });
});

/** A request after the other, until it is told to stop. */
async function send(server: RunningServer, signal: AbortSignal): Promise<void> {
  for (let count = 0; !signal.aborted; count++) {
    await server.client.infer("score", [{ name: "features", datatype: "FP32", shape: [1, 2], data: [count % 7, count % 5] }]);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
