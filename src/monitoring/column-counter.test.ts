import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import type { ColumnProfile } from "../registry/index.ts";
import { bucketOf, ColumnCounter } from "./column-counter.ts";

const basics = { name: "c", input: "x", index: 1, count: 0, missing: 0 };

describe("ColumnCounter", () => {
  it("puts a value on an edge into the bucket above it", () => {
    assert.deepEqual([0, 1, 1.5, 2, 3].map((value) => bucketOf([1, 2], value)), [0, 1, 1, 2, 2]);
  });

  it("names a bucket by its bounds, and by its value where it holds only one", () => {
    const labelsOf = (edges: number[]): readonly string[] =>
      new ColumnCounter({ ...basics, kind: "numeric", min: null, max: null, mean: null, standardDeviation: null, edges, counts: new Array<number>(edges.length + 1).fill(0) }).labels;
    assert.deepEqual(labelsOf([0, 0.25]), ["< 0", "0 – 0.25", "≥ 0.25", "missing"]);
    assert.deepEqual(labelsOf([5, 5.000000000000001]), ["< 5", "5", "> 5", "missing"]);
    assert.deepEqual(labelsOf([2001.1, 2001.2]), ["< 2001", "2001.1 – 2001.2", "≥ 2001", "missing"]);
    assert.deepEqual(labelsOf([]), ["all", "missing"]);
  });

  it("counts the column of its index only, and NaN as missing", () => {
    const profile: ColumnProfile = { ...basics, kind: "numeric", min: 0, max: 3, mean: 1, standardDeviation: 1, edges: [1, 2], counts: [1, 1, 1] };
    const counter = new ColumnCounter(profile);
    const counts = new Uint32Array(counter.labels.length);
    counter.count({ datatype: "FP32", data: Float32Array.of(9, 0, 9, 1, 9, 2, 9, NaN, 9, -Infinity) }, 2, counts);
    assert.deepEqual([...counts], [2, 1, 1, 1]);
  });

  it("reads half floats as the numbers that they stand for", () => {
    const counter = new ColumnCounter({ ...basics, index: 0, kind: "numeric", min: 0, max: 3, mean: 1, standardDeviation: 1, edges: [1, 2], counts: [1, 1, 1] });
    const counts = new Uint32Array(counter.labels.length);
    counter.count({ datatype: "FP16", data: Uint16Array.of(0x3800, 0x3c00, 0x4000, 0xc000, 0x7e00) }, 1, counts);
    assert.deepEqual([...counts], [2, 1, 1, 1]);
  });

  it("tells listed, other known and new categories apart", () => {
    const categories = Array.from({ length: 25 }, (_, index) => ({ value: `k${index}`, count: 100 - index }));
    const counter = new ColumnCounter({ ...basics, index: 0, kind: "categorical", distinct: 25, categories, otherCount: 0 });
    const counts = new Uint32Array(counter.labels.length);
    counter.count({ datatype: "BYTES", data: ["k0", "k19", "k20", "k24", "never seen"] }, 1, counts);
    assert.deepEqual([counts[0], counts[19], counts[20], counts[21], counts[22]], [1, 1, 2, 1, 0]);
    assert.equal(counter.reference[20], 80 + 79 + 78 + 77 + 76);
  });

  it("lists no category of many that has few rows, and takes categories of one row for what is new", () => {
    const categories = [{ value: "often", count: 40 }, { value: "at times", count: 10 }, ...Array.from({ length: 30 }, (_, index) => ({ value: `k${index}`, count: index < 20 ? 2 : 1 }))];
    const counter = new ColumnCounter({ ...basics, index: 0, kind: "categorical", distinct: 32, categories, otherCount: 0 });
    assert.deepEqual(counter.labels, ["often", "at times", "other known", "new", "missing"]);
    assert.deepEqual(counter.reference, [40, 10, 40, 10, 0]);
    const counts = new Uint32Array(counter.labels.length);
    counter.count({ datatype: "BYTES", data: ["often", "k0", "k29", "never seen"] }, 1, counts);
    assert.deepEqual([...counts], [1, 0, 2, 1, 0]);
    const truncated = new ColumnCounter({ ...basics, index: 0, kind: "categorical", distinct: 40, categories, otherCount: 8 });
    assert.deepEqual(truncated.reference, [40, 10, 58, 0, 0]);
  });

  it("expects of another reference what this one has, but for the luck of the most frequent of many", () => {
    const counterOf = (counts: number[]): ColumnCounter =>
      new ColumnCounter({ ...basics, index: 0, kind: "categorical", distinct: counts.length, categories: counts.map((count, index) => ({ value: `k${index}`, count })), otherCount: 0 });
    const few = counterOf([30, 20, 10]);
    assert.deepEqual(few.expected, few.reference);
    // Poisson counts have a variance like their mean: all that is above it is luck.
    const equal = counterOf(Array.from({ length: 40 }, (_, index) => 44 - Math.floor(index / 5)));
    assert.ok(equal.expected.slice(0, 20).every((rows) => rows === 40.5), String(equal.expected));
    const unequal = counterOf(Array.from({ length: 40 }, (_, index) => 2000 / (index + 1)));
    unequal.expected.slice(0, 20).forEach((rows, index) => assert.ok(Math.abs(rows / unequal.reference[index]! - 1) < 0.01));
    for (const { expected, reference } of [equal, unequal]) assert.ok(Math.abs(expected.reduce((sum, rows) => sum + rows, 0) - reference.reduce((sum, rows) => sum + rows, 0)) < 1e-9);
  });

  it("does not call a category new that the profile had no room for", () => {
    const counter = new ColumnCounter({ ...basics, index: 0, kind: "categorical", distinct: 9, categories: [{ value: "often", count: 10 }], otherCount: 8 });
    const counts = new Uint32Array(counter.labels.length);
    counter.count({ datatype: "BYTES", data: ["often", "perhaps known"] }, 1, counts);
    assert.deepEqual([[...counts], counter.reference], [[1, 1, 0, 0], [10, 8, 0, 0]]);
  });

  it("loses no row", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.double({ noNaN: true }), { maxLength: 9 }), fc.array(fc.double()), (edges, values) => {
        const sorted = edges.sort((a, b) => a - b);
        const counter = new ColumnCounter({ ...basics, index: 0, kind: "numeric", min: null, max: null, mean: null, standardDeviation: null, edges: sorted, counts: new Array<number>(sorted.length + 1).fill(0) });
        const counts = new Uint32Array(counter.labels.length);
        counter.count({ datatype: "FP64", data: Float64Array.from(values) }, 1, counts);
        assert.equal(counts.reduce((sum, count) => sum + count, 0), values.length);
      }),
    );
  });
});
