import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Caller } from "../../core/caller.ts";
import { ManualClock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { TimeOrderedIds, timeOfId } from "../../core/ids.ts";
import type { RegistryService } from "../../registry/index.ts";
import { servingCommands } from "../commands.ts";
import { explainPrediction, type VerdictAt } from "./explain.ts";
import type { PredictionFilter, PredictionLog } from "./prediction-log.ts";
import type { Prediction, PredictionExplanation, StoredTruth } from "../schemas.ts";
import type { Assignment } from "../traffic/traffic-route.ts";
import type { TruthStore } from "./truth-store.ts";

const caller: Caller = { actor: "key:key_1", name: "test", grants: [{ role: "viewer", team: "default" }] };
const assignment: Assignment = { rollout: "rol_1", phase: "canary", arm: "stable", by: "key", fraction: 0.03125, failed: { arm: "candidate", version: "2", outcome: "INVALID_OUTPUT", totalUs: 12_000 }, shadowOf: null };

describe("explainPrediction", () => {
  const clock = new ManualClock();
  const ids = new TimeOrderedIds(clock);
  const predictions: Prediction[] = [];
  const filters: PredictionFilter[] = [];
  const log = {
    find: (id: string) => Promise.resolve(predictions.find((one) => one.id === id) ?? null),
    list: (filter: PredictionFilter) => {
      filters.push(filter);
      return Promise.resolve(predictions.filter(({ id, assignment: of }) => of?.shadowOf === filter.shadowOf && id > filter.after! && id < filter.before!));
    },
  } as unknown as PredictionLog;
  const registry = {
    teamOf: () => "default",
    version: () => Promise.resolve({ contractDigest: "sha256:0" }),
    model: () => Promise.resolve({ createdAt: 0, aliases: { champion: "1" } }),
  } as unknown as RegistryService;
  const truth = { read: (predictionId: string) => Promise.resolve([{ predictionId, row: 0, value: 1, observedAt: 0, receivedAt: 0, corrections: 0 } satisfies StoredTruth]) } as unknown as TruthStore;
  const verdictAt: VerdictAt = (rollout, time) =>
    Promise.resolve({
      id: "vdt_1", time, decision: "hold", reason: `of ${rollout}`,
      gates: [{ gate: "errors", result: "pass", candidate: 0, stable: 0, limit: 0.1, detail: "met" }, { gate: "samples", result: "undecided", candidate: 3, stable: null, limit: 500, detail: "3 of 500" }],
    });

  function logged(change: Partial<Prediction> = {}): Prediction {
    clock.advance(10);
    const prediction: Prediction = {
      id: ids.next("prediction"), time: clock.now(), model: "m", version: "1", requestId: null, rows: 1, outcome: "ok", timing: { queueUs: 0, runUs: 1000, totalUs: 2000, batchRows: 1 }, inputs: [],
      outputs: [{ name: "y", datatype: "INT64", shape: [1], data: [7] }], assignment: null, traceId: null, ...change,
    };
    predictions.push(prediction);
    return prediction;
  }
  const explain = (id: string, parts: { verdictAt?: VerdictAt } = { verdictAt }): Promise<PredictionExplanation> => explainPrediction(id, caller, { log, truth, registry, ...parts });
  const rendered = (explanation: PredictionExplanation): string => servingCommands.find(({ words }) => words[0] === "why")!.render!(explanation as never);

  it("says nothing of rollouts where there is none, and looks for nothing", async () => {
    const explanation = await explain(logged().id);
    assert.deepEqual([explanation.shadow, explanation.verdict, filters.length], [null, null, 0]);
    assert.doesNotMatch(rendered(explanation), /rollout|shadow|verdict/);
  });

  it("shows assignment, failed attempt, both outputs and the verdict of that moment", async () => {
    const answer = logged({ assignment });
    const shadow = logged({ version: "2", outputs: [{ name: "y", datatype: "INT64", shape: [1], data: [8] }], assignment: { ...assignment, arm: "candidate", failed: null, shadowOf: answer.id } });
    const explanation = await explain(answer.id);
    assert.deepEqual(explanation.shadow, shadow);
    assert.equal(explanation.verdict?.time, answer.time);
    const text = rendered(explanation);
    for (const line of [
      "rollout   rol_1, phase canary: stable, by the caller's key at 0.0313", "failed    candidate, version 2: INVALID_OUTPUT after 12.000 ms; the stable version answered instead", "output    y INT64[1] = 7",
      `shadow    version 2: ok, 2.000 ms in all, ${shadow.id}`, "shadowed  y INT64[1] = 8", "verdict   hold: of rol_1, at ", "gate      samples: undecided, 3 of 500",
    ]) {
      assert.ok(text.includes(`  ${line}`), `${line}\n${text}`);
    }
    assert.doesNotMatch(text, /gate +errors/);
    assert.equal((await explain(answer.id, {})).verdict, null);
  });

  it("looks for the shadow's answer in the next minutes alone", async () => {
    const answer = logged({ assignment });
    clock.advance(600_000);
    logged({ version: "2", assignment: { ...assignment, shadowOf: answer.id } });
    assert.equal((await explain(answer.id)).shadow, null);
    const { model, after, before, limit, shadowOf } = filters.at(-1)!;
    assert.deepEqual([model, after, limit, shadowOf, timeOfId(before!) - timeOfId(answer.id)], ["m", answer.id, 1, answer.id, 120_000]);
  });

  it("explains a shadow's answer by itself, with the truth of what the caller got", async () => {
    const answer = logged({ assignment });
    const shadow = logged({ version: "2", assignment: { ...assignment, arm: "candidate", failed: null, by: "rule", fraction: null, shadowOf: answer.id } });
    const before = filters.length;
    const explanation = await explain(shadow.id);
    assert.deepEqual([explanation.shadow, explanation.truth[0]?.predictionId, filters.length], [null, answer.id, before]);
    assert.match(rendered(explanation), new RegExp(`rollout +rol_1, phase canary: candidate, by a rule\n +shadow +of ${answer.id}: asked for comparison alone`));
    await assert.rejects(explain("prd_00000000000000000000000000"), (error) => error instanceof AppError && error.code === "PREDICTION_NOT_FOUND");
  });
});
