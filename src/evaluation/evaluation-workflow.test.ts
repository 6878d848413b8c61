import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { TemporaryDatabases } from "../adapters/sql/dialects/sqlite/temporary-databases.fixture.ts";
import type { SqlDatabase } from "../adapters/sql/sql-database.ts";
import { ManualClock } from "../core/clock.ts";
import { ManualTimers } from "../workflows/manual-timers.fixture.ts";
import type { WorkflowRun } from "../workflows/index.ts";
import { until, workflowStage } from "../workflows/workflow-stage.fixture.ts";
import { championChange, evaluationSetting, type EvaluationSetting } from "./evaluation-parts.fixture.ts";
import { evaluationWorkflow, type EvaluationParts } from "./evaluation-workflow.ts";
import type { Evaluation, EvaluationRequest } from "./schemas.ts";

const leaseMs = 20_000;
const databases = new TemporaryDatabases();
let database: SqlDatabase;
before(async () => { database = await databases.open(); });
after(() => databases.remove());

/** Calls of ports are counted; the one with the number `dieAt` is never answered, before or after its work, as nothing is after the death of a process. */
function mortal(parts: EvaluationParts, dieAt: number, done: boolean): { parts: EvaluationParts; died: () => boolean; calls: () => number } {
  let calls = 0;
  let died = false;
  const never = new Promise<never>(() => undefined);
  const guarded = <Port extends object>(port: Port): Port =>
    new Proxy(port, {
      get(target, name) {
        const member = Reflect.get(target, name) as unknown;
        if (typeof member !== "function") return member;
        return async (...values: unknown[]): Promise<unknown> => {
          if (died) return never;
          if (calls++ !== dieAt) {
            const answer = (await (member as (...values: unknown[]) => unknown).apply(target, values)) as unknown;
            return name === "load" ? guarded(answer as object) : answer;
          }
          if (done) await (member as (...values: unknown[]) => unknown).apply(target, values);
          died = true;
          return never;
        };
      },
    });
  const { registry, datasets, tables, blobs, predictor, store } = parts;
  return {
    parts: { ...parts, registry: guarded(registry), datasets: guarded(datasets), tables: guarded(tables), blobs: guarded(blobs), predictor: guarded(predictor), store: guarded(store) },
    died: () => died, calls: () => calls,
  };
}

/** Runs an evaluation to its end; a process that dies is followed by one that does not. */
async function evaluate(setting: EvaluationSetting, request: Partial<EvaluationRequest> = {}, death: { at: number; done: boolean } = { at: -1, done: false }): Promise<{ run: WorkflowRun; calls: number }> {
  const clock = new ManualClock();
  const first = mortal(setting.parts, death.at, death.done);
  const begin = (parts: EvaluationParts) => {
    const timers = new ManualTimers(clock);
    const stage = workflowStage(database, { clock, timers, definitions: [evaluationWorkflow(parts)], engine: { leaseMs } });
    stage.engine.start();
    return { stage, timers };
  };
  let life = begin(first.parts);
  let isFirst = true;
  let leaseLeftMs = 0;
  const { run: { id } } = await life.stage.service.start("evaluate", { input: { model: "flights", version: "2", ...request } }, "key:key_1");
  const run = await until(async () => {
    const now = await life.stage.service.find(id);
    if (["succeeded", "failed", "cancelled"].includes(now.state)) return now;
    if (isFirst && first.died()) {
      isFirst = false;
      life = begin(setting.parts);
      leaseLeftMs = leaseMs;
    }
    // Behind the end of the dead one's lease time goes slowly: else it outruns the lease that the next one is just writing.
    const passesMs = leaseLeftMs > 0 ? 500 : 20;
    leaseLeftMs -= passesMs;
    life.timers.advance(passesMs);
    return false;
  }, "the end of the evaluation");
  await life.stage.engine.stop(0);
  return { run, calls: first.calls() };
}

const withoutIds = ({ id: _id, workflowRun: _run, time: _time, ...rest }: Evaluation) => rest;

describe("the workflow of evaluations", { timeout: 300_000 }, () => {
  it("compares a version with the champion and a trivial baseline, in batches, and writes it down once", async () => {
    const setting = evaluationSetting();
    Object.assign(setting.policy, { task: "classification" });
    setting.aliases.champion = "1";
    const { run } = await evaluate(setting);
    assert.equal(run.state, "succeeded", JSON.stringify(run.error));
    assert.deepEqual(setting.written, [run.output]);
    const [evaluation] = setting.written;
    assert.equal(evaluation!.id, run.id.replace("wfr_", "evl_"));
    assert.equal(evaluation!.workflowRun, run.id);
    // 2,500 rows less 5 without a distance and 4 without a target.
    assert.deepEqual(evaluation!.dataset, { name: "late", version: 1, digest: setting.dataset.version.digest, rows: 2491, target: "late" });
    assert.deepEqual(evaluation!.notes, ["5 rows are left out: the model takes no missing or unknown values there.", "4 rows without a target are left out.", "Version 1: 5 rows are left out: the model takes no missing or unknown values there."]);
    assert.deepEqual(evaluation!.comparisons.map(({ role, rival, verdict, method }) => [role, rival.kind, verdict, method]), [["baseline", "majority_class", "better", "paired_t"], ["champion", "version", "worse", "paired_t"]]);
    assert.ok(Math.abs(evaluation!.comparisons[1]!.metrics.accuracy! - 0.9) < 0.01);
    assert.deepEqual(setting.batches, [1000, 1000, 495, 1000, 1000, 495]);
    assert.deepEqual(setting.loaded, ["2", "1"]);
  });

  it("gives models that do not batch one row at a time, and reads no more rows than the policy says", async () => {
    const setting = evaluationSetting();
    Object.assign(setting.policy, { task: "classification", maxRows: 40 });
    setting.batchable = false;
    await evaluate(setting);
    assert.deepEqual(setting.batches, new Array(39).fill(1));
    assert.equal(setting.written[0]!.dataset.rows, 38);
  });

  it("measures the champion against the version that it replaced, and asks a version once that is baseline too", async () => {
    const setting = evaluationSetting();
    Object.assign(setting.policy, { task: "classification", baseline: "3", metric: "log_loss", confidence: 0.9 });
    setting.aliases.champion = "2";
    setting.changes.push(championChange("3", "2"), championChange("1", "3"));
    await evaluate(setting);
    const { comparisons, higherIsBetter } = setting.written[0]!;
    assert.equal(higherIsBetter, false);
    assert.deepEqual(comparisons.map(({ role, rival, verdict, interval }) => [role, rival, verdict, interval.confidence]), [["baseline", { kind: "version", version: "3" }, "worse", 0.9], ["champion", { kind: "version", version: "3" }, "worse", 0.9]]);
    assert.deepEqual(setting.loaded, ["2", "3"]);
  });

  it("says nothing of a rival that cannot run, and why", async () => {
    const setting = evaluationSetting();
    Object.assign(setting.policy, { task: "classification", baseline: "4" });
    setting.aliases.champion = "3";
    setting.kinds[3] = "none";
    await evaluate(setting);
    const { comparisons, notes } = setting.written[0]!;
    assert.deepEqual(comparisons.map(({ role, rival }) => [role, rival.kind]), [["baseline", "majority_class"]]);
    assert.deepEqual(notes.slice(0, 2), [
      "It is not compared with version 3, the champion: Version 3 of flights has nothing that can run here: No model was found there.",
      "It is not compared with version 4, the baseline: The output probability of row 1 is no finite number.",
    ]);
  });

  const impossible: [string, RegExp, (setting: EvaluationSetting) => void, Partial<EvaluationRequest>?][] = [
    ["a policy without an evaluation set", /names no evaluation set/, ({ policy }) => (policy.dataset = null)],
    ["a dataset that is not there", /no dataset "late" in the model's team/, (setting) => (setting.dataset.held = null)],
    ["a dataset of another team", /no dataset "late" in the model's team/, ({ dataset }) => (dataset.held!.team = "other")],
    ["a version of a dataset that is not there", /no version 7/, () => undefined, { datasetVersion: 7 }],
    ["a dataset without a target", /names the column that is predicted/, ({ dataset }) => (dataset.version.target = null)],
    ["a target that is no column", /no column "later"/, ({ policy }) => (policy.target = "later")],
    ["a dataset without a column of the model", /inputs.features: the dataset has no column "hour"/, ({ dataset }) => void dataset.version.columns.splice(1, 1)],
    ["a version that cannot run", /nothing that can run here: No model was found/, (setting) => (setting.kinds[2] = "none")],
    ["a version that answers with what is no number", /no finite number/, () => undefined, { version: "4" }],
  ];
  for (const [what, message, change, request] of impossible) {
    it(`is impossible with ${what}, and says so`, async () => {
      const setting = evaluationSetting();
      change(setting);
      const { run } = await evaluate(setting, request);
      assert.deepEqual([run.state, run.error?.code], ["failed", "EVALUATION_IMPOSSIBLE"]);
      assert.match(run.error!.message, message);
      assert.deepEqual(setting.written, []);
    });
  }

  it("knows no model of another team than the run's", async () => {
    const setting = evaluationSetting();
    setting.team = "other";
    const { run } = await evaluate(setting);
    assert.deepEqual([run.error?.code, setting.written], ["MODEL_NOT_FOUND", []]);
  });

  it("goes on wherever the process dies, writes the same once, and asks no model again whose answers are written down", async () => {
    const settingWithChampion = (): EvaluationSetting => {
      const setting = evaluationSetting();
      Object.assign(setting.policy, { task: "classification", maxRows: 1500 });
      setting.aliases.champion = "1";
      return setting;
    };
    const calm = settingWithChampion();
    const { calls } = await evaluate(calm);
    assert.ok(calls > 20, `only ${calls} calls`);
    for (let at = 0; at < calls; at++) {
      const setting = settingWithChampion();
      const { run } = await evaluate(setting, {}, { at, done: at % 2 === 0 });
      assert.equal(run.state, "succeeded", `death at call ${at}: ${JSON.stringify(run.error)}`);
      assert.deepEqual(setting.written.map(withoutIds), calm.written.map(withoutIds), `death at call ${at}`);
      assert.deepEqual([...setting.blobs.keys()], [...calm.blobs.keys()], `other files after a death at call ${at}`);
      assert.ok(setting.loaded.length <= 3, `a death at call ${at} loads ${setting.loaded.join(", ")}`);
    }
  });
});
