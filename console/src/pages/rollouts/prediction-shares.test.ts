import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../../test/kit/fast-check.ts";
import { notANumberBucket, signedBucket } from "../../../../src/rollouts/statistics/index.ts";
import { bucketLower, predictionShares } from "./prediction-shares.ts";

const numbers = (counts: [number, number][]) => ({ kind: "number" as const, counts, moments: { count: 0, mean: 0, m2: 0 } });
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

describe("shares of predictions", () => {
  it("have the edges of the buckets that the server counts in", () => {
    fc.assert(fc.property(fc.double({ min: -1e11, max: 1e11, noNaN: true }), (value) => {
      const bucket = signedBucket(value);
      const room = Math.abs(value) * 1e-9 + 1e-12;
      assert.ok(bucketLower(bucket) <= value + room && value - room <= bucketLower(bucket + 1), `${value} in ${bucket}`);
    }));
  });

  it("add up to one on both sides, wherever the numbers lie", () => {
    const counts = fc.uniqueArray(fc.tuple(fc.integer({ min: -436, max: 437 }), fc.integer({ min: 1, max: 1000 })), { selector: ([bucket]) => bucket, minLength: 1, maxLength: 60 });
    fc.assert(fc.property(counts, counts, (stable, candidate) => {
      const shares = predictionShares(numbers(stable), numbers(candidate))!;
      assert.equal(shares.stable.length, shares.labels.length);
      assert.ok(Math.abs(sum(shares.stable) - 1) < 1e-6 && Math.abs(sum(shares.candidate) - 1) < 1e-6, `${sum(shares.stable)} ${sum(shares.candidate)}`);
    }));
  });

  it("keep what is no number apart", () => {
    const shares = predictionShares(numbers([[signedBucket(3), 3]]), numbers([[signedBucket(3), 1], [notANumberBucket, 3]]))!;
    assert.deepEqual([shares.labels.at(-1), shares.stable.at(-1), shares.candidate.at(-1)], ["NaN", 0, 0.75]);
  });

  it("name the most frequent labels, and put the rest together", () => {
    const shares = predictionShares({ kind: "label", counts: { late: 1, "on time": 3 }, other: 0 }, { kind: "label", counts: { late: 2 }, other: 2 })!;
    assert.deepEqual(shares, { labels: ["late", "on time", "other"], stable: [0.25, 0.75, 0], candidate: [0.5, 0, 0.5] });
    assert.equal(predictionShares({ kind: "label", counts: {}, other: 0 }, { kind: "label", counts: {}, other: 0 }), null);
    assert.equal(predictionShares(null, numbers([[1, 1]])), null);
  });
});
