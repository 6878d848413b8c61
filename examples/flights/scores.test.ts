import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fastCheck from "../../test/kit/fast-check.ts";
import { areaUnderCurve, scoresOf } from "./scores.ts";

/** By its definition: the share of pairs of a late and a punctual flight that are in the right order, ties counting half. */
function pairwise(probabilities: readonly number[], late: readonly number[]): number {
  let pairs = 0, right = 0;
  probabilities.forEach((high, i) => probabilities.forEach((low, j) => {
    if (late[i] !== 1 || late[j] !== 0) return;
    pairs++;
    right += high > low ? 1 : high === low ? 0.5 : 0;
  }));
  return right / pairs;
}

describe("scores", () => {
  it("finds the area under the curve as counting all pairs does, ties included", () => {
    const flight = fastCheck.record({ probability: fastCheck.integer({ min: 0, max: 8 }).map((value) => value / 8), late: fastCheck.integer({ min: 0, max: 1 }) });
    fastCheck.assert(fastCheck.property(fastCheck.array(flight, { minLength: 2, maxLength: 40 }), (flights) => {
      const probabilities = flights.map(({ probability }) => probability);
      const late = flights.map(({ late: happened }) => happened);
      const area = areaUnderCurve(Float64Array.from(probabilities), Uint8Array.from(late));
      const expected = pairwise(probabilities, late);
      if (Number.isNaN(expected)) assert.ok(Number.isNaN(area));
      else assert.ok(Math.abs(area - expected) < 1e-12, `${area} is ${expected}`);
    }));
  });

  it("finds the Brier score, log loss and shares of a worked example", () => {
    const scores = scoresOf(Float64Array.of(0.9, 0.2, 0.5, 0.1), Uint8Array.of(1, 0, 1, 0));
    assert.ok(Math.abs(scores.brier - (0.01 + 0.04 + 0.25 + 0.01) / 4) < 1e-12);
    assert.ok(Math.abs(scores.logLoss - -(Math.log(0.9) + Math.log(0.8) + Math.log(0.5) + Math.log(0.9)) / 4) < 1e-12);
    assert.deepEqual([scores.rows, scores.auc, scores.lateShare], [4, 1, 0.5]);
    assert.ok(Math.abs(scores.meanPrediction - 0.425) < 1e-12);
  });
});
