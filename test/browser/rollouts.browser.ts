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
    for (const [file, bias] of [["control", 0], ["bolder", 0.5], ["same", 1e-6]] as const) {
      await server.client.deploy({ file: await server.file(`${file}.onnx`, linearModel({ weights: [1, 0.1], bias })), name: "tested", activate: file === "control" });
    }
    for (const model of ["score", "planned"]) {
      const { revision, policy } = await server.client.policy(model);
      await server.client.changePolicy(model, { revision, reason: "short phases", policy: { ...policy, rollout: { ...policy.rollout, phases: phases as never } } });
    }
    sending = send(server, traffic.signal);
  });
  after(async () => {
    traffic.abort();
    await sending.catch(() => undefined);
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

  it("are A/B tests too: their arms, how the difference grew, what it takes to conclude, and an end that is asked for", async () => {
    const { abTests } = server.client;
    const variants = [{ name: "bolder", version: "2" }, { name: "same", version: "3" }];
    const { id } = await abTests.start("tested", { variants, metric: "prediction", direction: "up", effect: 1e-5 });
    await call(server, 600);
    // One look is kept, and the present is beside it.
    await becomes(async () => (await abTests.report(id)).looks.length > 0, true);
    const watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.goto("/rollouts");
    await page.getByRole("row", { name: /tested/ }).getByRole("link").first().click();
    await page.getByRole("heading", { name: "A/B test of tested" }).waitFor();
    const arms = page.getByRole("region", { name: "Arms" });
    await arms.getByText("the traffic is shared as planned, 200 keys").waitFor();
    for (const arm of [/control.*v1.*33\.3/, /bolder.*v2.*33\.3/, /same.*v3.*33\.3/]) await arms.getByRole("row", { name: arm }).waitFor();
    const differences = page.getByRole("region", { name: "Difference of prediction" });
    await differences.getByRole("row", { name: /bolder better \+0\.[0-9]+ \+0\.[0-9]+ and \+0\.[0-9]+ .*concluded/ }).waitFor();
    await differences.getByRole("row", { name: /same undecided .* -0\.[0-9]+ and \+0\.[0-9]+ .*days left/ }).waitFor();
    await page.getByRole("region", { name: "Standing" }).getByText("v1 against v2 and v3").waitFor();
    const advice = page.getByRole("list", { name: "Advice" });
    await advice.getByText("same will hardly conclude in the time that is left").waitFor();
    await advice.getByText("as covariate").waitFor();
    for (const variant of ["bolder", "same"]) await page.getByRole("img", { name: `${variant} less control` }).waitFor();

    await page.getByRole("button", { name: "Promote bolder" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("v2 gets all requests").waitFor();
    await dialog.getByRole("button", { name: "Cancel" }).click();
    await dialog.waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Stop" }).click();
    await dialog.getByText("The champion, v1, answers all requests again").waitFor();
    await dialog.getByRole("button", { name: "Stop the test" }).click();
    await dialog.getByText("Say why").waitFor();
    assert.equal((await server.client.rollouts.find(id)).rollout.state, "running", "nothing ends without a reason");
    await dialog.getByLabel("Why").fill("we know enough");
    await dialog.getByRole("button", { name: "Stop the test" }).click();
    await dialog.waitFor({ state: "detached" });
    await page.getByRole("region", { name: "Standing" }).getByText(/stopped.*we know enough/).waitFor();
    await page.getByRole("button", { name: "Stop" }).waitFor({ state: "detached" });
    assert.deepEqual((await server.client.model("tested")).model.aliases, { champion: "1" });
    watched.assertQuiet();
    await watched.close();

    for (const colorScheme of ["light", "dark"] as const) {
      const phone = await openPage(browser, server.url, { viewport: { width: 390, height: 800 }, colorScheme });
      await phone.page.goto(`/rollouts/${id}`);
      await phone.page.getByRole("img", { name: "bolder less control" }).waitFor();
      await loaded(phone.page);
      assert.deepEqual(await overflow(phone.page), [], colorScheme);
      phone.assertQuiet();
      await phone.close();
    }
  });
});

/** So many requests of one row, every third with a key of its own. */
async function call(server: RunningServer, count: number): Promise<void> {
  const one = async (index: number): Promise<void> => {
    const response = await fetch(`${server.url}/v2/models/tested/infer`, {
      method: "POST", headers: { "content-type": "application/json", ...(index % 3 === 0 ? { "slipway-key": `user-${index}` } : {}) },
      body: JSON.stringify({ inputs: [{ name: "features", datatype: "FP32", shape: [1, 2], data: [((index * 7919) % 101) / 100, index % 7] }] }),
    });
    assert.equal(response.status, 200, await response.text());
  };
  for (let from = 0; from < count; from += 20) await Promise.all(Array.from({ length: Math.min(20, count - from) }, (_, index) => one(from + index)));
}

/** A request after the other, until it is told to stop. */
async function send(server: RunningServer, signal: AbortSignal): Promise<void> {
  for (let count = 0; !signal.aborted; count++) {
    await server.client.infer("score", [{ name: "features", datatype: "FP32", shape: [1, 2], data: [count % 7, count % 5] }]);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
