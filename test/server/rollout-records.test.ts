import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { AppError, NewRollout, PredictionExplanation } from "../../src/index.ts";
import { linearModel } from "../kit/onnx-models.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

const metric = (sql: string): object => ({ kind: "metric", name: "mean-error", sql, max: 5, everySeconds: 1, onFailure: "roll back" });
const planOf = (phases: object[]): NonNullable<NewRollout["plan"]> => ({ phases, keepWarmSeconds: 0 }) as never;

/** What a rollout leaves behind of each request, on a whole server: assignment, the shadow's answer, metrics by SQL, truth. */
describe("records of rollouts", { timeout: 240_000 }, () => {
  let server: RunningServer;
  before(async () => {
    server = await startServer({ modelsInProcess: true });
    for (const [weight, activate] of [[2, true], [3, false]] as const) {
      await server.client.deploy({ file: await server.file(`m${weight}.onnx`, linearModel({ weights: [weight] })), name: "m", activate });
    }
  });
  after(() => server.stop());

  const infer = (value: number) => server.client.infer("m", [{ name: "features", datatype: "FP32", shape: [1, 1], data: [value] }]);

  /** Sends requests until one of them is explained so. */
  async function explained(isThere: (explanation: PredictionExplanation) => boolean): Promise<PredictionExplanation> {
    for (let asked: string[] = []; ; asked = asked.slice(-20)) {
      asked.push((await infer(10)).predictionId);
      for (const id of asked) {
        const explanation = await server.client.why(id);
        if (isThere(explanation)) return explanation;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  it("refuses a policy with a metric that no server would run", async () => {
    const { revision, policy } = await server.client.policy("m");
    const change = (sql: string) => server.client.changePolicy("m", { revision, reason: "test", policy: { ...policy, rollout: { ...policy.rollout, ...(planOf([{ ...policy.rollout.phases[0], gates: [metric(sql)] }]) as object) } } });
    await assert.rejects(change("COPY predictions TO 'x.csv'"), (error: AppError) => error.code === "POLICY_INVALID" && error.problems[0]?.path === "policy.rollout.phases[0].gates[0].sql");
  });

  it("tells of a prediction what its shadow answered and what was judged, and rolls back by a metric over the truth", async () => {
    const started = await server.client.rollouts.start("m", {
      plan: planOf([
        { phase: "shadow", weight: 0, shadow: 1, gates: [metric("SELECT avg(abs(out_score - truth_number)) FROM predictions")] },
        { phase: "full", weight: 1 },
      ]),
    });
    const { prediction, shadow, verdict } = await explained((explanation) => explanation.shadow !== null && explanation.verdict !== null);
    assert.deepEqual([prediction.version, prediction.assignment?.rollout, prediction.assignment?.phase, prediction.assignment?.arm], ["1", started.id, "shadow", "stable"]);
    assert.deepEqual([shadow!.version, shadow!.assignment?.shadowOf, shadow!.outputs.find(({ name }) => name === "score")?.data], ["2", prediction.id, [30]]);
    assert.deepEqual([verdict!.decision, verdict!.gates.some(({ gate }) => gate === "metric mean-error")], ["hold", true]);
    const listed = await server.client.predictions("m", { limit: 500 });
    assert.ok(listed.some(({ id }) => id === prediction.id) && listed.every(({ assignment }) => (assignment?.shadowOf ?? null) === null));
    assert.ok((await server.client.predictions("m", { limit: 500, shadow: true })).some(({ id }) => id === shadow!.id));
    // The stable version was right, the candidate is off by 10.
    await server.client.sendTruth([{ predictionId: prediction.id, value: 20 }]);
    for (;;) {
      const { rollout, latest } = await server.client.rollouts.status("m");
      if (rollout.state === "rolled back") break;
      assert.ok(["preparing", "running"].includes(rollout.state), `${rollout.state}: ${rollout.reason} ${JSON.stringify(latest?.gates)}`);
      await infer(1);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
});
