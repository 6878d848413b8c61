import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { decileEdges, numericProfile } from "./numeric-profile.ts";

/** Straight from the definitions, in the order in which the rows come. */
function bruteForce(rows: readonly number[]): ReturnType<typeof numericProfile> {
  const present = rows.filter((value) => !Number.isNaN(value));
  const finite = present.filter(Number.isFinite).sort((left, right) => left - right);
  const edges: number[] = [];
  for (const share of [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]) {
    if (finite.length === 0) break;
    const position = share * (finite.length - 1);
    const low = finite[Math.floor(position)]!;
    const high = finite[Math.ceil(position)]!;
    const weight = position - Math.floor(position);
    const edge = weight < 0.5 ? low + (high - low) * weight : high - (high - low) * (1 - weight);
    if (!edges.includes(edge + 0)) edges.push(edge + 0);
  }
  const counts = new Array<number>(edges.length + 1).fill(0);
  for (const value of present) counts[edges.filter((edge) => edge <= value).length]!++;
  const mean = finite.reduce((sum, value) => sum + value, 0) / finite.length;
  const deviation = Math.sqrt(finite.reduce((sum, value) => sum + (value - mean) ** 2, 0) / finite.length);
  return {
    count: rows.length,
    missing: rows.length - present.length,
    min: finite.length === 0 ? null : finite[0]! + 0,
    max: finite.length === 0 ? null : finite.at(-1)! + 0,
    mean: finite.length === 0 ? null : mean,
    standardDeviation: finite.length === 0 ? null : deviation,
    edges,
    counts,
  };
}

function assertClose(actual: number | null, expected: number | null, scale: number): void {
  if (expected === null) assert.equal(actual, null);
  else assert.ok(actual !== null && Math.abs(actual - expected) <= 1e-9 * scale, `${actual} and ${expected}`);
}

describe("numericProfile", () => {
  it("agrees with the definitions on any column", () => {
    const value = fc.oneof(fc.double({ min: -1e6, max: 1e6 }), fc.integer({ min: -3, max: 3 }), fc.constantFrom(Number.NaN, Infinity, -Infinity, -0));
    fc.assert(
      fc.property(fc.array(value, { maxLength: 200 }), (rows) => {
        const actual = numericProfile(Float64Array.from(rows));
        const expected = bruteForce(rows);
        assertClose(actual.mean, expected.mean, 1e6);
        assertClose(actual.standardDeviation, expected.standardDeviation, 1e6);
        assert.deepEqual({ ...actual, mean: 0, standardDeviation: 0 }, { ...expected, mean: 0, standardDeviation: 0 });
      }),
      { numRuns: 500 },
    );
  });

  it("gives what numpy gives", () => {
    // numpy.quantile(x, numpy.arange(1, 10) / 10), x.mean(), x.std() for x_i = ((i * 7919) mod 10007) / 1024 - 3, i < 800.
    const profile = numericProfile(Float64Array.from({ length: 800 }, (_, index) => ((index * 7919) % 10007) / 1024 - 3));
    assert.deepEqual(profile.edges, [-2.0146484375, -1.0380859375, -0.0622070312500001, 0.9105468750000004, 1.890625, 2.857421875, 3.8525390624999996, 4.802539062500001, 5.7967773437500005]);
    assertClose(profile.mean, 1.88867431640625, 1e-3);
    assertClose(profile.standardDeviation, 2.821139712342474, 1e-3);
    assert.deepEqual(profile.counts, [80, 80, 80, 80, 80, 80, 80, 80, 80, 80]);
  });

  it("does not depend on the order of the rows", () => {
    const rows = Array.from({ length: 5000 }, (_, index) => Math.sin(index) * 10 ** (index % 12));
    assert.deepEqual(numericProfile(Float64Array.from(rows)), numericProfile(Float64Array.from(rows.toReversed())));
  });

  it("counts infinities in the outer buckets and nowhere else", () => {
    const profile = numericProfile(Float64Array.of(-Infinity, Infinity, Infinity, 1, 2, Number.NaN));
    assert.deepEqual([profile.count, profile.missing, profile.min, profile.max, profile.mean], [6, 1, 1, 2, 1.5]);
    assert.equal(profile.counts[0], 2);
    assert.equal(profile.counts.at(-1), 3);
    assert.ok(profile.edges.every(Number.isFinite));
  });

  it("stays within the range of a double for the largest and the smallest of them", () => {
    const largest = numericProfile(Float64Array.of(-Number.MAX_VALUE, Number.MAX_VALUE));
    assert.deepEqual([largest.mean, largest.standardDeviation], [0, Number.MAX_VALUE]);
    assert.ok(largest.edges.every(Number.isFinite));
    const smallest = numericProfile(Float64Array.of(1e-300, 3e-300));
    assertClose(smallest.standardDeviation! / 1e-300, 1, 1);
  });

  it("has one edge for a constant column and none for an empty one", () => {
    assert.deepEqual(decileEdges(Float64Array.of(5, 5, 5)), [5]);
    assert.deepEqual(numericProfile(Float64Array.of(5, 5, 5)).counts, [0, 3]);
    assert.deepEqual(numericProfile(new Float64Array()), { count: 0, missing: 0, min: null, max: null, mean: null, standardDeviation: null, edges: [], counts: [0] });
  });
});
