import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Tensor } from "../../core/tensor.ts";
import type { ArmSample, PairedSample, TrafficRoute } from "../../serving/index.ts";
import { trafficRoute } from "../../serving/traffic/traffic-route.fixture.ts";
import { PhaseFigures, ReplicaFigures, type ArmFigures } from "../schemas.ts";
import { latencyBucket, signedBucket } from "../statistics/index.ts";
import { withoutHashes } from "./merge-figures.ts";
import { mostLabels } from "./prediction-counts.ts";
import { RolloutFigures } from "./rollout-figures.ts";

const labels = (...values: string[]): Tensor[] => [{ name: "y", datatype: "BYTES", shape: [values.length], data: values }];
const numbers = (...values: number[]): Tensor[] => [{ name: "y", datatype: "FP64", shape: [values.length], data: Float64Array.from(values) }];
const version = (number: string): ArmSample["version"] => ({ version: number, contract: { signature: { outputs: [] } } }) as unknown as ArmSample["version"];
const canary = (change: Partial<TrafficRoute> = {}): TrafficRoute => trafficRoute({ rollout: "rol_1", arms: [{ name: "candidate", version: "2", from: 0, to: 0.05 }], ...change });
const shadowing = (change: Partial<TrafficRoute> = {}): TrafficRoute =>
  canary({ phase: "shadow", arms: [{ name: "candidate", version: "2", from: 0, to: 0 }], shadow: { arm: "candidate", version: "2", share: 1, maxConcurrent: 4, maxPerSecond: 50 }, ...change });

let lastId = 0;
function sample(route: TrafficRoute, arm: string, change: Partial<ArmSample> = {}): ArmSample {
  const outputs = change.outputs ?? labels("a");
  return {
    route, arm, version: version(arm === "stable" ? "1" : "2"), predictionId: `prd_${++lastId}`, time: 0 as ArmSample["time"], rows: outputs[0]?.shape[0] ?? 1,
    outcome: "ok", isFailure: false, latencyUs: 1000, inputs: [], isRetry: false, outputs, ...change,
  };
}
function pair(route: TrafficRoute, stable: Tensor[], shadow: Tensor[], change: Partial<PairedSample["shadow"]> = {}): PairedSample {
  return {
    route, predictionId: `prd_${++lastId}`, time: 0 as ArmSample["time"], rows: stable[0]!.shape[0]!, stable: { version: version("1"), outputs: stable, latencyUs: 1000 },
    shadow: { arm: "candidate", version: version("2"), outputs: shadow, latencyUs: 1500, outcome: "ok", isFailure: false, ...change },
  };
}
const failure = { outcome: "INVALID_OUTPUT", isFailure: true, outputs: [] };

function opened() {
  const tripped: { route: TrafficRoute; arm: string; reason: string }[] = [];
  const figures = new RolloutFigures({ onHardFailure: (route, arm, reason) => void tripped.push({ route, arm, reason }) });
  const armOf = (phase: string, arm: string): ArmFigures => figures.ofPhase("rol_1", phase).arms.find((one) => one.arm === arm)!;
  return { figures, tripped, armOf };
}

describe("figures of a rollout", () => {
  it("counts requests, rows, failures, latency and labels of each arm, by phase", () => {
    const { figures, armOf } = opened();
    const route = canary();
    figures.answered(sample(route, "candidate", { outputs: labels("late", "on time") }));
    figures.answered(sample(route, "candidate", { ...failure, latencyUs: 77 }));
    figures.answered(sample(route, "candidate", { outcome: "cached", outputs: labels("late"), latencyUs: 3 }));
    figures.answered(sample(route, "candidate", { outcome: "INVALID_INPUT", outputs: [], latencyUs: 5 }));
    figures.answered(sample(route, "stable"));
    figures.answered(sample(canary({ phase: "staged" }), "candidate"));
    assert.deepEqual(armOf("canary", "candidate"), {
      arm: "candidate", version: "2", requests: 4, rows: 5, failures: { INVALID_OUTPUT: 1 }, retries: 0,
      latencyUs: [[latencyBucket(77), 1], [latencyBucket(1000), 1]],
      predictions: { kind: "label", counts: { late: 2, "on time": 1 }, other: 0 }, errors: { count: 0, mean: 0, m2: 0 },
    });
    assert.deepEqual([armOf("canary", "stable").requests, armOf("staged", "candidate").requests], [1, 1]);
    assert.deepEqual(figures.ofPhase("rol_1", "full"), { arms: [], paired: [] });
    assert.deepEqual(PhaseFigures.parse(JSON.parse(JSON.stringify(figures.ofPhase("rol_1", "canary")))), figures.ofPhase("rol_1", "canary"));
  });

  it("counts keys once and requests without one each, where they belong by the hash and by nothing else", () => {
    const { figures } = opened();
    const by = (by: "key" | "draw" | "rule", fraction: number | null): Partial<ArmSample> => ({ choice: { by, fraction } });
    for (let request = 0; request < 5; request++) figures.answered(sample(canary(), "candidate", by("key", 0.01)));
    figures.answered(sample(canary(), "stable", by("key", 0.4)));
    figures.answered(sample(canary(), "stable", by("draw", 0.5)));
    figures.answered(sample(canary(), "stable", by("draw", 0.6)));
    // Sent by a rule, answered in the candidate's place, and answered because it had lost its traffic.
    figures.answered(sample(canary(), "candidate", by("rule", null)));
    figures.answered(sample(canary(), "stable", { ...by("key", 0.02), isRetry: true }));
    figures.answered(sample(canary(), "stable", by("key", 0.03)));
    const seen = figures.ofPhase("rol_1", "canary");
    assert.deepEqual(withoutHashes(seen).assigned, { halvings: 0, keys: { candidate: 1, stable: 1 }, drawn: { stable: 2 } });
    assert.deepEqual(ReplicaFigures.parse(JSON.parse(JSON.stringify(seen))), seen);
    figures.answered(sample(shadowing(), "stable", by("key", 0.4)));
    assert.equal(figures.ofPhase("rol_1", "shadow").assigned, undefined, "nothing is shared in a phase without weight");
  });

  it("counts numbers in buckets, and what is none in the bucket for that", () => {
    const { figures, armOf } = opened();
    figures.answered(sample(canary(), "candidate", { outputs: numbers(2, -2, NaN, Infinity, 0, 1e200) }));
    const { predictions } = armOf("canary", "candidate");
    assert.ok(predictions?.kind === "number");
    const buckets = [-2, 0, 2, 1e200, NaN].map(signedBucket);
    assert.deepEqual(predictions.counts, buckets.map((bucket) => [bucket, bucket === signedBucket(1e200) ? 2 : 1]));
    assert.deepEqual(predictions.moments, { count: 3, mean: 0, m2: 8 });
  });

  it("bounds how many labels it knows by name", () => {
    const { figures, armOf } = opened();
    const route = canary();
    figures.answered(sample(route, "candidate", { outputs: labels(...Array.from({ length: mostLabels + 20 }, (_, index) => `label ${index}`)) }));
    figures.answered(sample(route, "candidate", { outputs: labels("label 7", "new", "x".repeat(5000)) }));
    const { predictions } = armOf("canary", "candidate");
    assert.ok(predictions?.kind === "label");
    assert.deepEqual([Object.keys(predictions.counts).length, predictions.counts["label 7"], predictions.other], [mostLabels, 2, 22]);
    assert.ok(JSON.stringify(predictions).length < 30_000);
  });

  it("keeps what stable answered in an arm's place out of stable's figures", () => {
    const { figures, armOf } = opened();
    const route = canary();
    figures.answered(sample(route, "candidate", failure));
    figures.answered(sample(route, "stable", { isRetry: true, latencyUs: 9_000_000, outputs: labels("late") }));
    assert.deepEqual({ ...armOf("canary", "stable") }, {
      arm: "stable", version: "1", requests: 0, rows: 0, failures: {}, retries: 1, latencyUs: [], predictions: null, errors: { count: 0, mean: 0, m2: 0 },
    });
  });

  it("compares both answers to one input, and counts the shadow's own where the arm has no traffic", () => {
    const { figures, armOf } = opened();
    const route = shadowing();
    figures.paired(pair(route, labels("a", "b"), labels("a", "c")));
    figures.paired(pair(route, labels("a"), [], failure));
    figures.shadowSkipped(route);
    assert.deepEqual(figures.ofPhase("rol_1", "shadow").paired, [{
      arm: "candidate", pairs: 1, skipped: 1, disagreements: 1, labels: 2, difference: { count: 0, mean: 0, m2: 0 }, absoluteDifference: { count: 0, mean: 0, m2: 0 },
      latencyUs: { count: 1, mean: 500, m2: 0 },
    }]);
    assert.deepEqual([armOf("shadow", "candidate").requests, armOf("shadow", "candidate").failures], [2, { INVALID_OUTPUT: 1 }]);
    const mixed = shadowing({ phase: "canary", arms: canary().arms });
    figures.paired(pair(mixed, numbers(1, 2, NaN), numbers(2, 0, 1)));
    const { arms, paired } = figures.ofPhase("rol_1", "canary");
    assert.deepEqual(arms, []);
    assert.deepEqual([paired[0]?.difference, paired[0]?.absoluteDifference], [{ count: 2, mean: -0.5, m2: 4.5 }, { count: 2, mean: 1.5, m2: 0.5 }]);
  });

  it("holds truth against what each arm predicted, once, and takes back what was corrected", () => {
    const { figures, armOf } = opened();
    const route = canary();
    const first = sample(route, "candidate", { outputs: numbers(5, 7) });
    const second = sample(route, "stable", { outputs: numbers(1) });
    figures.answered(first);
    figures.answered(second);
    const told = [{ predictionId: first.predictionId, row: 0, value: 6 }, { predictionId: first.predictionId, row: 1, value: 10 }, { predictionId: second.predictionId, row: 0, value: 1 }];
    figures.truth(told);
    figures.truth(told);
    assert.deepEqual(armOf("canary", "candidate").errors, { count: 2, mean: 2, m2: 2 });
    assert.deepEqual(armOf("canary", "stable").errors, { count: 1, mean: 0, m2: 0 });
    figures.truth([{ predictionId: first.predictionId, row: 1, value: 6 }]);
    assert.deepEqual(armOf("canary", "candidate").errors, { count: 2, mean: 1, m2: 0 });
    figures.truth([{ predictionId: first.predictionId, row: 1, value: "unknown" }, { predictionId: first.predictionId, row: 0, value: "unknown" }]);
    assert.deepEqual(armOf("canary", "candidate").errors, { count: 0, mean: 0, m2: 0 });
  });

  it("says once for each arm and phase that it failed too often, at the very request", () => {
    const { figures, tripped } = opened();
    const route = canary({ hard: { failures: 3, latencyMs: 250 } });
    figures.answered(sample(route, "candidate", failure));
    figures.answered(sample(route, "stable", failure));
    figures.answered(sample(route, "stable", { ...failure, isRetry: true }));
    figures.answered(sample(route, "candidate", { latencyUs: 250_000 }));
    figures.answered(sample({ ...route, revision: 2 }, "candidate", { latencyUs: 250_001 }));
    assert.deepEqual(tripped, []);
    figures.answered(sample(route, "candidate", { ...failure, outcome: "RUNNER_CRASHED" }));
    assert.deepEqual(tripped, [{ route, arm: "candidate", reason: "RUNNER_CRASHED" }]);
    figures.answered(sample(route, "candidate", failure));
    assert.equal(tripped.length, 1);
    const next = canary({ phase: "staged", hard: { failures: 1, latencyMs: 250 } });
    figures.answered(sample(next, "candidate", { latencyUs: 300_000 }));
    assert.deepEqual(tripped.slice(1), [{ route: next, arm: "candidate", reason: "answered after 300 ms" }]);
  });

  it("takes a shadow from where it is asked for what it fails at", () => {
    const { figures, tripped } = opened();
    const route = shadowing();
    for (let count = 0; count < 3; count++) figures.paired(pair(route, labels("a"), [], { ...failure, outcome: "CANDIDATE_TIMEOUT" }));
    assert.deepEqual(tripped, [{ route, arm: "candidate", reason: "CANDIDATE_TIMEOUT" }]);
  });

  it("says which phases have changed, and forgets a rollout that ended", () => {
    const { figures } = opened();
    const route = canary();
    figures.answered(sample(route, "stable"));
    const [before] = figures.open();
    assert.deepEqual({ ...before, changes: 0 }, { rollout: "rol_1", phase: "canary", changes: 0 });
    assert.deepEqual(figures.open(), [before]);
    figures.answered(sample(route, "stable"));
    assert.notDeepEqual(figures.open(), [before]);
    figures.drop("rol_1");
    assert.deepEqual(figures.open(), []);
    // A request that began before.
    figures.answered(sample(route, "stable"));
    assert.deepEqual(figures.open(), []);
  });
});
