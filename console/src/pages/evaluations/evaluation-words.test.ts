import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { EvaluationComparison } from "../../data/types.ts";
import { differenceScale, metricRows, verdictWords } from "./evaluation-words.ts";

const comparison = (change: Partial<EvaluationComparison>): EvaluationComparison => ({
  role: "champion", rival: { kind: "version", version: "3" }, metrics: {}, rows: 10, difference: 0.1, interval: { low: 0.05, high: 0.2, confidence: 0.95 }, method: "paired_t", verdict: "better", ...change,
});

describe("an evaluation in words", () => {
  it("says what was decided, and against whom", () => {
    assert.equal(verdictWords(comparison({})), "Better than v3, the champion");
    assert.equal(verdictWords(comparison({ verdict: "worse", role: "baseline", rival: { kind: "majority_class", label: "on time" } })), "Worse than the trivial model (always “on time”)");
    assert.equal(verdictWords(comparison({ verdict: "undecided", rival: { kind: "last_value" } })), "Not decided against the trivial model (the value before): the interval holds 0");
  });

  it("has each metric once, the one that decides first", () => {
    const evaluation = { metric: "auc" as const, metrics: { accuracy: 0.9, auc: 0.8 }, comparisons: [comparison({ metrics: { log_loss: 1, accuracy: 0.7 } })] };
    assert.deepEqual(metricRows(evaluation), ["auc", "accuracy", "log_loss"]);
  });

  it("finds one scale for all intervals", () => {
    const scale = differenceScale([comparison({}), comparison({ interval: { low: -0.4, high: 0.1, confidence: 0.9 } }), comparison({ difference: NaN })]);
    assert.ok(scale > 0.4 && scale < 0.6);
    assert.ok(differenceScale([]) > 0);
    assert.ok(differenceScale([comparison({ difference: 0, interval: { low: 0, high: 0, confidence: 0.95 } })]) > 0);
  });
});
