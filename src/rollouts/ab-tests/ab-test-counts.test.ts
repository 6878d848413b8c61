import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs } from "../../core/clock.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { SplitSample } from "../../gateway/index.ts";
import type { ArmSample, TrafficRoute } from "../../serving/index.ts";
import { trafficRoute } from "../../serving/traffic/traffic-route.fixture.ts";
import { AbTestCounts } from "./ab-test-counts.ts";
import { plannedTest } from "./ab-test-plan.ts";
import { NewAbTest, specOf, type UnitFigures } from "./schemas.ts";

const numbers = (...values: number[]): Tensor[] => [{ name: "y", datatype: "FP64", shape: [values.length], data: Float64Array.from(values) }];
const labels = (...values: string[]): Tensor[] => [{ name: "y", datatype: "BYTES", shape: [values.length], data: values }];
const version = { version: "1", contract: { signature: { inputs: [{ name: "x", datatype: "FP64", shape: [-1, 2], columns: ["age", "fare"] }], outputs: [] } } } as unknown as ArmSample["version"];

function opened(asked: Partial<NewAbTest> & { metric: string }) {
  const spec = specOf(plannedTest(NewAbTest.parse({ variants: [{ name: "b", version: "2", percent: 50 }], direction: "up", ...asked })));
  const counts = new AbTestCounts();
  const route: TrafficRoute = trafficRoute({ kind: "ab-test", rollout: "rol_1", phase: "test", test: spec });
  let last = 0;
  const sample = (arm: string, change: Partial<ArmSample> = {}): ArmSample => {
    const outputs = change.outputs ?? numbers(1);
    return {
      route, arm, version, predictionId: `prd_${++last}`, time: 0 as ArmSample["time"], rows: outputs[0]?.shape[0] ?? 1, outcome: "ok", isFailure: false, latencyUs: 1500, inputs: [],
      isRetry: false, outputs, choice: { by: "draw", fraction: arm === "b" ? 0.25 : 0.75 }, ...change,
    };
  };
  const armOf = (arm: string): UnitFigures | undefined => counts.of("rol_1")?.arms.find((one) => one.arm === arm);
  return { counts, sample, armOf };
}

describe("counts of an A/B test", () => {
  it("hold the cost or the latency of each call of a route", () => {
    const call = (sample: ReturnType<typeof opened>["sample"], arm: string, change: Partial<SplitSample> = {}): SplitSample => {
      const { route, choice } = sample(arm);
      return { route, arm, revision: "1", callId: "c", traceId: "t", time: epochMs(1), outcome: "ok", isFailure: false, isRetry: false, latencyUs: 2000, costDollars: 0.5, choice: choice!, ...change };
    };
    const byCost = opened({ metric: "cost" });
    byCost.counts.answeredCall(call(byCost.sample, "b"));
    byCost.counts.answeredCall(call(byCost.sample, "b", { costDollars: null }));
    byCost.counts.answeredCall(call(byCost.sample, "b", { outcome: "cached", costDollars: 0 }));
    byCost.counts.answeredCall(call(byCost.sample, "stable", { isFailure: true, outcome: "PROVIDER_FAILED" }));
    assert.deepEqual([byCost.armOf("b")!.requests, byCost.armOf("b")!.all.count, byCost.armOf("b")!.all.meanY, byCost.armOf("stable")!.failures], [3, 1, 0.5, 1]);
    const byLatency = opened({ metric: "latency" });
    byLatency.counts.answeredCall(call(byLatency.sample, "b"));
    assert.equal(byLatency.armOf("b")!.all.meanY, 2);
    const byScore = opened({ metric: "helpful" });
    byScore.counts.answeredCall(call(byScore.sample, "b"));
    // Its scores are read from the stored traces.
    assert.deepEqual([byScore.armOf("b")!.requests, byScore.armOf("b")!.all.count], [1, 0]);
  });

  it("hold each row's prediction by arm, and requests without a key apart", () => {
    const { counts, sample, armOf } = opened({ metric: "prediction" });
    counts.answered(sample("b", { outputs: numbers(3) }));
    counts.answered(sample("b", { outputs: numbers(1, 2), choice: { by: "key", fraction: 0.1 } }));
    counts.answered(sample("stable", { outputs: labels("7") }));
    counts.answered(sample("stable", { outputs: labels("red") }));
    const b = armOf("b")!;
    assert.deepEqual([b.requests, b.drawn, b.all.count, b.all.meanY, b.single.count, b.buckets.map(([, count, , sum]) => [count, sum])], [2, 1, 3, 2, 1, [[2, 3]]]);
    assert.deepEqual([armOf("stable")!.requests, armOf("stable")!.all.count, armOf("stable")!.all.meanY], [2, 1, 7]);
    assert.deepEqual(Object.keys(counts.of("rol_1")!.keys.hashes), ["b"]);
  });

  it("leave out what stable answers in a variant's place, whether it failed or lost its traffic", () => {
    const { counts, sample, armOf } = opened({ metric: "prediction" });
    counts.answered(sample("b", { outcome: "INVALID_OUTPUT", isFailure: true, outputs: [] }));
    counts.answered(sample("stable", { isRetry: true, choice: { by: "draw", fraction: 0.25 } }));
    counts.answered(sample("stable", { choice: { by: "key", fraction: 0.25 } }));
    assert.deepEqual([armOf("b")!.requests, armOf("b")!.failures, armOf("b")!.all.count, armOf("stable")], [1, 1, 0, undefined]);
    assert.deepEqual(counts.of("rol_1")!.keys.hashes, {});
  });

  it("measure latency in milliseconds, and not that of cached answers", () => {
    const { counts, sample, armOf } = opened({ metric: "latency" });
    counts.answered(sample("b", { latencyUs: 2500 }));
    counts.answered(sample("b", { latencyUs: 3, outcome: "cached" }));
    assert.deepEqual([armOf("b")!.requests, armOf("b")!.all.count, armOf("b")!.all.meanY], [2, 1, 2.5]);
  });

  it("hold truth against predictions, once, and take back what was corrected", () => {
    const { counts, sample, armOf } = opened({ metric: "accuracy" });
    const answered = sample("b", { outputs: labels("late", "on time") });
    counts.answered(answered);
    const truth = (row: number, value: string): void => counts.truth([{ predictionId: answered.predictionId, row, value }]);
    truth(0, "late");
    truth(0, "late");
    truth(1, "late");
    assert.deepEqual([armOf("b")!.all.count, armOf("b")!.all.meanY], [2, 0.5]);
    truth(1, "on time");
    truth(7, "late");
    counts.truth([{ predictionId: "prd_other", row: 0, value: "late" }]);
    assert.deepEqual([armOf("b")!.all.count, armOf("b")!.all.meanY], [2, 1]);
  });

  it("take the error of numbers, beside the covariate of the same row", () => {
    const { counts, sample, armOf } = opened({ metric: "error", covariate: "fare" });
    const answered = sample("stable", { outputs: numbers(10, 20), inputs: [{ name: "x", datatype: "FP64", shape: [2, 2], data: Float64Array.of(1, 100, 2, 200) }] });
    counts.answered(answered);
    counts.truth([{ predictionId: answered.predictionId, row: 1, value: 23 }]);
    assert.deepEqual([armOf("stable")!.all.count, armOf("stable")!.all.meanX, armOf("stable")!.all.meanY], [1, 200, 3]);
  });

  it("take reported values of the test's metric, the last one of each prediction", () => {
    const { counts, sample, armOf } = opened({ metric: "revenue" });
    const answered = sample("b");
    counts.answered(answered);
    const report = (value: number, metric = "revenue"): void => counts.outcomes("rol_1", [{ predictionId: answered.predictionId, metric, value }]);
    report(5);
    report(5);
    report(8);
    report(1, "clicks");
    assert.deepEqual([armOf("b")!.all.count, armOf("b")!.all.meanY], [1, 8]);
  });

  it("pass over other routes, and forget a test that is dropped", () => {
    const { counts, sample } = opened({ metric: "prediction" });
    counts.answered({ ...sample("b"), route: trafficRoute() });
    counts.answered({ ...sample("b"), route: trafficRoute({ kind: "ab-test", rollout: "rol_2", test: { metric: 7 } }) });
    assert.deepEqual(counts.open(), []);
    counts.answered(sample("b"));
    assert.deepEqual(counts.open(), [{ test: "rol_1", changes: 1, metric: "prediction" }]);
    counts.drop("rol_1");
    assert.equal(counts.of("rol_1"), null);
  });
});
