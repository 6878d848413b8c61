import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { alignBuckets, compareDistributions, groupByQuantiles, mergeSparseCounts, notANumberBucket, signedBucket, signedBucketValue } from "./index.ts";
import { known } from "./near.fixture.ts";

/** A normal deviate out of twelve uniform ones of a linear congruential generator: the same in every run. */
function normals(seed: number): () => number {
  let state = seed >>> 0;
  const uniform = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
  return () => Array.from({ length: 12 }, uniform).reduce((sum, value) => sum + value, -6);
}

const countsOf = (values: readonly number[]) => mergeSparseCounts(values.map((value) => [[signedBucket(value), 1]] as const));

function index(stable: readonly number[], candidate: readonly number[]): { stabilityIndex: number; significant: boolean; groups: number } {
  const mean = stable.reduce((sum, value) => sum + value, 0) / stable.length;
  const deviation = Math.sqrt(stable.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, stable.length - 1));
  const grouped = groupByQuantiles(alignBuckets(countsOf(stable), countsOf(candidate)), deviation);
  const { stabilityIndex, significant } = known(compareDistributions([{ ...grouped, candidateShare: 0.5 }]));
  return { stabilityIndex, significant, groups: grouped.stable.filter((count) => count > 0).length };
}

describe("groupByQuantiles", () => {
  it("takes a version that predicts slightly differently for the same, whatever values repeat", () => {
    const repeated = Array.from({ length: 400 }, (_, place) => [0.402, 4.05, 17][place % 3]!);
    assert.ok(index(repeated, repeated.map((value) => value * 1.02)).stabilityIndex < 0.01);
    const draw = normals(1);
    const stable = Array.from({ length: 500 }, () => 2.5 * draw());
    const { stabilityIndex, groups } = index(stable, stable.map((value) => 0.95 * value + 0.1 * draw()));
    assert.ok(stabilityIndex < 0.1, String(stabilityIndex));
    assert.equal(groups, 10);
  });

  it("has the index that deciles have, of distributions that are known", () => {
    // Two normal distributions half a deviation apart: sum of (q - p) ln(q / p) over the deciles of the first, by scipy.stats.norm.
    const expected = 0.23775;
    const draw = normals(2);
    const found = index(Array.from({ length: 60_000 }, () => 50 + 10 * draw()), Array.from({ length: 60_000 }, () => 55 + 10 * draw()));
    assert.ok(Math.abs(found.stabilityIndex - expected) < 0.03, String(found.stabilityIndex));
    assert.equal(found.significant, true);
  });

  it("finds what is predicted elsewhere: by a version that never varied, beyond all, between, and what is no number", () => {
    const constant = Array<number>(300).fill(0.4);
    for (const candidate of [40, -0.4, 0.5, 0]) assert.ok(index(constant, Array<number>(300).fill(candidate)).stabilityIndex > 2, String(candidate));
    const two = Array.from({ length: 400 }, (_, place) => (place % 2 === 0 ? 10 : 1000));
    assert.ok(index(two, two.map((value) => (value === 10 ? 500 : value))).stabilityIndex > 1);
    const draw = normals(3);
    const stable = Array.from({ length: 500 }, () => 100 + draw());
    assert.ok(index(stable, stable.map((value, place) => (place % 4 === 0 ? NaN : value))).stabilityIndex > 0.2);
    assert.ok(index(stable, stable.map((value, place) => (place % 4 === 0 ? 300 : value))).stabilityIndex > 0.2);
  });

  it("loses no prediction", () => {
    const values = fc.array(fc.oneof(fc.double(), fc.integer({ min: -50, max: 50 }), fc.constantFrom(NaN, Infinity, -Infinity, 0)), { maxLength: 60 });
    fc.assert(
      fc.property(values, values, fc.double({ min: 0, max: 1e6, noNaN: true }), (left, right, deviation) => {
        const { stable, candidate } = groupByQuantiles(alignBuckets(countsOf(left), countsOf(right)), deviation);
        const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
        assert.deepEqual([sum(stable), sum(candidate)], [left.length, right.length]);
        assert.ok(stable.length <= 12);
      }),
    );
  });
});

describe("signedBucketValue", () => {
  it("lies in the bucket", () => {
    for (let bucket = -436; bucket <= 436; bucket++) assert.equal(signedBucket(signedBucketValue(bucket)), bucket);
    assert.ok(Number.isNaN(signedBucketValue(notANumberBucket)));
  });
});
