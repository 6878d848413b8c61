import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { roundToHalf } from "../../core/half-float.ts";
import { ColumnCounter } from "../../monitoring/column-counter.ts";
import { populationStabilityIndex } from "../../monitoring/psi.ts";
import { bucketEdges, numericProfile } from "./numeric-profile.ts";

/** Straight from the definitions, in the order in which the rows come. */
function bruteForce(rows: readonly number[]): ReturnType<typeof numericProfile> {
  const present = rows.filter((value) => !Number.isNaN(value));
  const finite = present.filter(Number.isFinite).sort((left, right) => left - right);
  const deciles: number[] = [];
  for (const share of [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]) {
    if (finite.length === 0) break;
    const position = share * (finite.length - 1);
    const low = finite[Math.floor(position)]!;
    const high = finite[Math.ceil(position)]!;
    const weight = position - Math.floor(position);
    const edge = weight < 0.5 ? low + (high - low) * weight : high - (high - low) * (1 - weight);
    deciles.push(edge + 0);
  }
  const edges = [...new Set(deciles)];
  const last = deciles.at(-1);
  for (const edge of new Set(deciles)) {
    const ties = finite.filter((value) => value === edge).length;
    const above = finite.filter((value) => value > edge);
    const fills = deciles.filter((decile) => decile === edge).length > 1;
    const hides = edge === last && ties > 1 && ties + above.length > 0.12 * finite.length;
    // Nothing lies between a value and the next one; a decile between them separates them already.
    if ((fills || hides) && !deciles.some((decile) => decile > edge && decile <= (above[0] ?? Infinity))) edges.push((above[0] ?? justAbove(edge)) + 0);
  }
  edges.sort((left, right) => left - right);
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

/** Halves the way until no double lies between. */
function justAbove(value: number): number {
  let above = value + Math.max(Math.abs(value), Number.MIN_VALUE);
  for (let middle = value + (above - value) / 2; middle > value && middle < above; middle = value + (above - value) / 2) above = middle;
  return above;
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

  it("gives the value that ends a column an end of its own, and has no edge for an empty column", () => {
    assert.deepEqual(bucketEdges(Float64Array.of(5, 5, 5)), [5, 5.000000000000001]);
    assert.deepEqual(bucketEdges(Float64Array.of(-2, -2)), [-2, -1.9999999999999998]);
    assert.deepEqual(bucketEdges(new Float64Array(3)), [0, 5e-324]);
    assert.deepEqual(bucketEdges(Float64Array.of(Number.MAX_VALUE, Number.MAX_VALUE)), [Number.MAX_VALUE], "no finite number is larger");
    assert.deepEqual(numericProfile(Float64Array.of(5, 5, 5)).counts, [0, 3, 0]);
    assert.deepEqual(numericProfile(new Float64Array()), { count: 0, missing: 0, min: null, max: null, mean: null, standardDeviation: null, edges: [], counts: [0] });
  });

  it("tells a rare larger value from the frequent one, also between other values", () => {
    const rare = new Float64Array(100).fill(1, 95);
    assert.deepEqual([bucketEdges(rare), numericProfile(rare).counts], [[0, 1], [0, 95, 5]]);
    const frequent = new Float64Array(100).fill(1, 5);
    assert.deepEqual([bucketEdges(frequent), numericProfile(frequent).counts], [[1, 1.0000000000000002], [5, 95, 0]]);
    const inflated = Float64Array.from({ length: 100 }, (_, index) => Math.max(0, index - 84));
    assert.deepEqual(bucketEdges(inflated).slice(0, 2), [0, 1], "85 zeros, then 1 to 15");
  });
});

describe("edges and what moves past them", () => {
  const rounding = { FP16: roundToHalf, FP32: Math.fround, FP64: (value: number) => value };
  const datatype = fc.constantFrom("FP16", "FP32", "FP64");
  /** What the drift report says of live rows, as the model's input holds them. */
  function stabilityIndex(reference: readonly number[], live: readonly number[], as: "FP16" | "FP32" | "FP64"): number {
    const profile = numericProfile(Float64Array.from(reference, rounding[as]));
    const counter = new ColumnCounter({ kind: "numeric", name: "x", input: "x", index: 0, ...profile });
    const counts = new Uint32Array(counter.labels.length);
    const rounded = Float64Array.from(live, rounding[as]);
    const data = as === "FP16" ? Uint16Array.from(rounded, halfBits) : as === "FP32" ? Float32Array.from(rounded) : rounded;
    counter.count({ datatype: as, data }, 1, counts);
    return populationStabilityIndex(counter.reference, counts);
  }

  const value = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ min: -1000, max: 1000, noNaN: true }));
  /** Constant columns, rare values, ties and none, of any shape. */
  const column = fc.array(fc.tuple(value, fc.integer({ min: 1, max: 100 })), { minLength: 1, maxLength: 60 }).map((parts) => {
    const rows = parts.flatMap(([part, times]) => new Array<number>(times).fill(part));
    return Array.from({ length: 100 * Math.ceil(rows.length / 100) }, (_, index) => rows[index % rows.length]!);
  });

  it("sees three rows in ten above or below everything in the reference, whichever rows they were", () => {
    fc.assert(
      fc.property(column, fc.boolean(), fc.nat(), datatype, (rows, up, start, as) => {
        const [low, high] = rows.map(rounding[as]).reduce(([least, most], entry) => [Math.min(least, entry), Math.max(most, entry)], [Infinity, -Infinity]);
        // The nearest value beyond the range that the datatype has.
        const beyond = up ? neighbour(high!, as, 1) : neighbour(low!, as, -1);
        const sorted = rows.toSorted((left, right) => left - right);
        const live = sorted.map((row, index) => ((index + start) % rows.length < 0.3 * rows.length ? beyond : row));
        const psi = stabilityIndex(rows, live, as);
        assert.ok(psi > 0.2, `PSI ${psi}`);
      }),
      { numRuns: 500 },
    );
  });

  it("sees a share of one of two values move between 5% and 50%, both ways", () => {
    fc.assert(
      fc.property(fc.tuple(value, value).filter(([left, right]) => roundToHalf(left) !== roundToHalf(right)), fc.integer({ min: 40, max: 2000 }), fc.boolean(), datatype, (values, rows, rises, as) => {
        const shared = (share: number): number[] => Array.from({ length: rows }, (_, index) => values[index < Math.round(share * rows) ? 0 : 1]);
        const [few, half] = [shared(0.05), shared(0.5)];
        const psi = rises ? stabilityIndex(few, half, as) : stabilityIndex(half, few, as);
        assert.ok(psi > 0.2, `PSI ${psi}`);
      }),
    );
  });

  function neighbour(value: number, as: "FP16" | "FP32" | "FP64", direction: 1 | -1): number {
    for (let step = Number.MIN_VALUE; ; step = step * 2) {
      const next = rounding[as](value + direction * step);
      if (next !== value) return next;
    }
  }
});

function halfBits(value: number): number {
  return new Uint16Array(Float16Array.of(value).buffer)[0]!;
}
