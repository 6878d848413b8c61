import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { NewRollout, Rollout, RolloutStatus } from "../../src/index.ts";
import { betweenLooks } from "../kit/between-looks.ts";
import { linearModel } from "../kit/onnx-models.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

type Plan = NonNullable<NewRollout["plan"]>;
type Phase = Partial<Plan["phases"][number]> & Pick<Plan["phases"][number], "phase" | "weight">;

const open: readonly Rollout["state"][] = ["preparing", "running", "paused"];
const errors = { kind: "errors", maxRate: 0.5, compare: false, onFailure: "roll back" } as const;

/** What a busy machine answers late is no failure of the candidate. */
const hard = { latencyMs: 20_000 };

function planOf(phases: Phase[], more: Record<string, unknown> = {}): Plan {
  return { phases: phases.map((phase) => ({ gates: [errors], ...phase })), keepWarmSeconds: 60, hard, ...more } as unknown as Plan;
}

describe("rollouts on a server", { timeout: 240_000 }, () => {
  let server: RunningServer;
  before(async () => (server = await startServer({ modelsInProcess: true })));
  after(() => server.stop());

  const deploy = async (name: string, weight: number, activate: boolean): Promise<string> =>
    (await server.client.deploy({ file: await server.file(`${name}-${weight}.onnx`, linearModel({ weights: [weight] })), name, activate })).version.version;
  const infer = (name: string, value: number) => server.client.infer(name, [{ name: "features", datatype: "FP32", shape: [1, 1], data: [value] }]);

  /** A model with a champion that doubles and a version 2 that multiplies with `weight`, and callers that never stop. */
  async function underLoad(name: string, weight: number, work: (model: string, seen: Map<string, number>) => Promise<void>): Promise<void> {
    await deploy(name, 2, true);
    await deploy(name, weight, false);
    const seen = new Map<string, number>();
    let running = true;
    const caller = async (): Promise<void> => {
      for (let value = 1; running; value++) {
        const { version, outputs } = await infer(name, value);
        assert.ok(Number.isFinite(outputs.score!.data[0]), "callers get numbers");
        seen.set(version, (seen.get(version) ?? 0) + 1);
        await betweenLooks();
      }
    };
    const callers = Promise.all(Array.from({ length: 4 }, caller));
    try {
      await Promise.race([work(name, seen), callers]);
    } finally {
      running = false;
    }
    await callers;
    assert.equal((await server.client.predictions(name, { outcome: "error" })).length, 0);
  }

  async function until(name: string, isThere: (status: RolloutStatus) => boolean): Promise<RolloutStatus> {
    for (;;) {
      const status = await server.client.rollouts.status(name);
      if (isThere(status)) return status;
      assert.ok(open.includes(status.rollout.state), `it is ${status.rollout.state}: ${status.rollout.reason}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  const untilEnd = (name: string): Promise<RolloutStatus> => until(name, ({ rollout }) => !open.includes(rollout.state));

  it("takes a good version from shadow to all traffic, without a failed request, and back by a command", () => underLoad("good", 3, async (name, seen) => {
    const plan = planOf([
      { phase: "shadow", weight: 0, shadow: 1, minSeconds: 0.2, minSamples: 10, gates: [{ kind: "paired", maxDisagreement: null, maxDifference: 1000, onFailure: "hold" }] },
      { phase: "canary", weight: 0.3, minSeconds: 0.2, minSamples: 20, checks: [{ kind: "scan", name: "files", of: "files", command: null, image: null, timeoutSeconds: 60 }, { kind: "scan", name: "endpoint", of: "endpoint", command: null, image: null, timeoutSeconds: 60 }] },
      { phase: "full", weight: 1, minSeconds: 0.2, minSamples: 20 },
    ]);
    const started = await server.client.rollouts.start(name, { plan });
    assert.equal(started.candidate, "2");
    const { rollout, checks } = await untilEnd(name);
    assert.equal(rollout.state, "succeeded", rollout.reason);
    assert.deepEqual(checks.map(({ state, detail }) => [state, detail]), [["passed", "nothing was found"], ["passed", "nothing was found"]]);
    const { model, versions } = await server.client.model(name);
    assert.deepEqual(model.aliases, { champion: "2" });
    assert.deepEqual(versions.map(({ version, stage }) => [version, stage]), [["2", "Production"], ["1", "Archived"]]);
    const { verdicts } = await server.client.rollouts.verdicts(rollout.id, { limit: 200 });
    assert.deepEqual(verdicts.filter(({ decision }) => decision === "promote").map(({ phase }) => phase), [2, 1, 0]);
    assert.ok(verdicts[0]!.figures.arms.some(({ arm, requests }) => arm === "candidate" && requests >= 20));
    assert.equal((await infer(name, 5)).version, "2");
    assert.ok(seen.get("1")! > 0);

    const back = await server.client.rollouts.rollback(name, { reason: "callers complain" });
    assert.deepEqual(back, { model: name, champion: "1", before: "2", rollout: null });
    assert.equal((await infer(name, 5)).version, "1");
    assert.equal((await server.client.rollouts.rollback(name, { to: "2" })).champion, "2");
    assert.equal((await infer(name, 5)).version, "2");
  }));

  it("takes a version that answers no numbers out at once, and no caller gets one of them", () => underLoad("bad", NaN, async (name) => {
    await server.client.rollouts.start(name, { plan: planOf([{ phase: "canary", weight: 0.5, minSeconds: 3600 }, { phase: "full", weight: 1 }]) });
    const { rollout, route } = await untilEnd(name);
    assert.equal(rollout.state, "rolled back");
    assert.match(rollout.reason, /failed 3 times on one server|hard failures: /);
    assert.equal(route, null);
    const last = async (): Promise<string | undefined> => (await server.client.rollouts.verdicts(rollout.id)).verdicts[0]?.decision;
    while ((await last()) !== "roll back") await new Promise((resolve) => setTimeout(resolve, 50));
    const { model, versions } = await server.client.model(name);
    assert.deepEqual(model.aliases, { champion: "1" });
    assert.deepEqual(versions.map(({ stage }) => stage), ["None", "None"]);
  }));

  it("pauses, goes on, waits for an approval, and aborts", () => underLoad("steered", 4, async (name) => {
    const { rollouts } = server.client;
    const plan = planOf([
      { phase: "canary", weight: 0.2, minSeconds: 3600 },
      { phase: "staged", weight: 0.5, minSeconds: 3600, checks: [{ kind: "approval", name: "owner", timeoutSeconds: 3600 }] },
      { phase: "full", weight: 1 },
    ]);
    await rollouts.start(name, { plan });
    await assert.rejects(rollouts.start(name, { plan }), { code: "ROLLOUT_UNDER_WAY" });
    await assert.rejects(deploy(name, 5, true), { code: "ROLLOUT_UNDER_WAY" });
    const running = await until(name, ({ rollout }) => rollout.state === "running");
    assert.equal(running.rollout.phase, 0);
    assert.deepEqual(running.route!.arms, [{ name: "candidate", version: "2", from: 0, to: 0.2 }]);
    assert.deepEqual(running.replicas.map(({ live, revision }) => [live, revision]), [[true, running.route!.revision]]);
    assert.equal((await rollouts.pause(name, "lunch")).state, "paused");
    assert.equal((await rollouts.resume(name)).state, "running");
    await rollouts.promote(name, "looks good");
    await until(name, ({ checks }) => checks.some(({ state }) => state === "waits for approval"));
    await rollouts.approve(name, "read the report");
    await until(name, ({ rollout }) => rollout.phase === 1 && rollout.state === "running");
    const aborted = await rollouts.abort(name, "enough");
    assert.equal(aborted.state, "aborted");
    assert.match(aborted.reason, /^aborted by local: enough$/);
    assert.equal((await rollouts.status(name)).route, null);
    assert.equal((await infer(name, 1)).version, "1");
    await assert.rejects(rollouts.abort(name), { code: "ROLLOUT_ENDED" });
    const byPeople = async (): Promise<string[]> => (await rollouts.verdicts(aborted.id)).verdicts.flatMap(({ by, decision }) => (by === null ? [] : [decision]));
    while ((await byPeople()).length < 3) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(await byPeople(), ["roll back", "promote", "hold"]);
    assert.deepEqual((await rollouts.list({ model: name })).rollouts.map(({ id, state }) => [id, state]), [[aborted.id, "aborted"]]);
  }));

  it("rolls new versions out by itself where the policy says so, and ends when somebody activates another", async () => {
    const file = (weight: number): Promise<string> => server.file(`own-${weight}.onnx`, linearModel({ weights: [weight] }));
    const name = "own";
    // The first version has nothing to be compared with.
    const plan = planOf([{ phase: "canary", weight: 0.5, minSeconds: 3600 }, { phase: "full", weight: 1 }], { startOn: ["registered"] });
    assert.equal((await server.client.deploy({ file: await file(1), name })).active, true);
    await server.client.api.send("PUT", `/api/models/${name}/policy`, { revision: 0, reason: "roll out", policy: { rollout: plan } });
    const second = await server.client.deploy({ file: await file(2), name });
    assert.equal(second.active, false);
    assert.match(second.notes.at(-1)!, /rolls it out/);
    while ((await server.client.rollouts.list({ model: name })).rollouts.length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    await until(name, ({ rollout }) => rollout.state === "running" && rollout.candidate === "2");
    await server.client.activate(name, "2");
    const ended = await untilEnd(name);
    assert.equal(ended.rollout.state, "aborted");
    assert.match(ended.rollout.reason, /version 2 was made the champion by hand/);
    assert.equal((await infer(name, 3)).version, "2");
  });

  it("refuses a version that callers of the champion could not use", async () => {
    await deploy("shapes", 1, true);
    await server.client.deploy({ file: await server.file("wide.onnx", linearModel({ weights: [1, 2] })), name: "shapes", activate: false });
    await assert.rejects(server.client.rollouts.start("shapes"), (error: Error & { code: string }) => error.code === "ROLLOUT_IMPOSSIBLE" && /its input features is FP32\[-1, 2\] and not FP32\[-1, 1\]/.test(error.message));
    await assert.rejects(server.client.rollouts.status("shapes"), { code: "ROLLOUT_NOT_FOUND" });
  });

  it("refuses a plan whose metric nobody could work out, before anything is started", async () => {
    await deploy("asked", 1, true);
    await deploy("asked", 2, false);
    const metric = { kind: "metric", name: "kept", sql: "DROP TABLE predictions", min: 1, max: null, maxRatio: null, everySeconds: 60, onFailure: "hold" } as const;
    const refused = server.client.rollouts.start("asked", { plan: planOf([{ phase: "canary", weight: 0.1, gates: [metric] }]) });
    await assert.rejects(refused, (error: Error & { code: string; problems: { path: string }[] }) => error.code === "POLICY_INVALID" && error.problems[0]?.path === "plan.phases[0].gates[0].sql");
    await assert.rejects(server.client.rollouts.status("asked"), { code: "ROLLOUT_NOT_FOUND" });
  });
});
