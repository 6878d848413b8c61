import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { latencyBucket } from "../../../../src/rollouts/statistics/index.ts";
import type { ArmFigures, PhaseFigures, RolloutVerdict } from "../../data/types.ts";
import { measuresOf, pairedMeasures } from "./arm-values.ts";
import { metricLines, phaseEnds, verdictLines } from "./verdict-lines.ts";

const arm = (name: string, requests: number, failed = 0): ArmFigures => ({
  arm: name, version: "1", requests, rows: requests, failures: failed === 0 ? {} : { INVALID_OUTPUT: failed }, retries: 0, latencyUs: [[latencyBucket(2000), requests]],
  predictions: { kind: "number", counts: [], moments: { count: requests, mean: 5, m2: requests } }, errors: { count: 0, mean: 0, m2: 0 },
});
const figures = (requests: number, failed = 0): PhaseFigures => ({ arms: [arm("stable", requests), arm("candidate", requests, failed)], paired: [] });
const verdict = (time: number, phase: number, decision: RolloutVerdict["decision"] = "hold", requests = 1000): RolloutVerdict => ({
  id: `ver_${time}`, rollout: "rol_1", phase, time, decision, reason: "", by: null, seconds: 0, gates: [], figures: figures(requests), metrics: [],
});

describe("the lines of a rollout", () => {
  it("are in order of time, break between phases, and end with what is seen now", () => {
    const { times, lines } = verdictLines([verdict(4000, 1), verdict(2000, 0, "promote"), verdict(1000, 0)], { time: 5000, phase: 1, figures: figures(3000, 3) }, ["stable", "candidate"], 0.05);
    assert.deepEqual(times, [1, 2, 3, 4, 5]);
    assert.deepEqual(lines.map(({ measure }) => measure.id), ["p50", "p95", "p99", "errors", "mean"]);
    const errors = lines.find(({ measure }) => measure.id === "errors")!;
    assert.deepEqual(errors.arms.map(({ values }) => values), [[0, 0, null, 0, 0], [0, 0, null, 0, 0.001]]);
    for (const { measure, arms } of lines) {
      for (const { values, low, high } of arms) {
        values.forEach((value, index) => {
          if (value !== null && low[index] !== null) assert.ok(low[index]! <= value && value <= high[index]!, `${measure.id}: ${low[index]} ${value} ${high[index]}`);
        });
      }
    }
  });

  it("get surer with more requests", () => {
    const widths = [300, 3000, 30_000].map((requests) => {
      const { low, high } = measuresOf(figures(requests).arms).find(({ id }) => id === "errors")!.of(arm("candidate", requests), 0.05);
      return high! - low!;
    });
    assert.ok(widths[0]! > widths[1]! && widths[1]! > widths[2]!, widths.join(" "));
  });

  it("have times in milliseconds, within a bucket of what they were", () => {
    const { value } = measuresOf(figures(1000).arms)[0]!.of(arm("stable", 1000), 0.05);
    assert.ok(value! >= 1.9 && value! <= 2.11, String(value));
  });

  it("follow metrics from elsewhere from verdict to verdict", () => {
    const metrics = (candidate: number | null) => [{ name: "revenue", candidate, stable: 2 }];
    assert.deepEqual(metricLines([{ ...verdict(2000, 0), metrics: metrics(3) }, { ...verdict(1000, 0), metrics: metrics(null) }, verdict(500, 0)]), [{ name: "revenue", times: [1, 2], stable: [2, 2], candidate: [null, 3] }]);
  });

  it("tell how a phase ended", () => {
    const ends = phaseEnds([verdict(4000, 1, "roll back"), verdict(3000, 1), verdict(2000, 0, "promote"), verdict(1000, 0)]);
    assert.deepEqual([...ends].map(([phase, { decision }]) => [phase, decision]), [[0, "promote"], [1, "roll back"]]);
  });
});

describe("answers to the same inputs", () => {
  it("are compared as labels, as numbers, or as both", () => {
    const none = { count: 0, mean: 0, m2: 0 };
    const pairs = { arm: "candidate", pairs: 100, skipped: 0, disagreements: 3, labels: 100, difference: none, absoluteDifference: none, latencyUs: none };
    assert.deepEqual(pairedMeasures(pairs, 0.05).map(({ id, value }) => [id, value.value]), [["disagreement", 0.03]]);
    assert.deepEqual(pairedMeasures({ ...pairs, labels: 0, difference: { count: 100, mean: 0.5, m2: 100 } }, 0.05).map(({ id, count }) => [id, count]), [["difference", 100]]);
  });
});
