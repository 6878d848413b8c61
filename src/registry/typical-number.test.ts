import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { NumericColumnProfile } from "./schemas.ts";
import { typicalNumber } from "./typical-number.ts";

const profile = (edges: number[], counts: number[], mean: number | null = null): NumericColumnProfile => ({
  kind: "numeric", name: "x", input: "x", index: 0, count: 0, missing: 0, min: null, max: null, mean, standardDeviation: null, edges, counts,
});

describe("typicalNumber", () => {
  it("is the median of deciles", () => assert.equal(typicalNumber(profile([1, 2, 3, 4, 5, 6, 7, 8, 9], new Array<number>(10).fill(80))), 5));

  it("is the frequent value, not the rare one, nor what only separates", () => {
    assert.equal(typicalNumber(profile([0, 1], [0, 95, 5])), 0);
    assert.equal(typicalNumber(profile([0, 1, 1.5], [0, 5, 95, 0])), 1);
    assert.equal(typicalNumber(profile([5, 5.000000000000001], [0, 3, 0])), 5);
    assert.equal(typicalNumber(profile([1], [600, 400])), 1);
  });

  it("is the mean, or zero, where there are no edges or no rows", () => {
    assert.equal(typicalNumber(profile([], [0], 7)), 7);
    assert.equal(typicalNumber(profile([], [0])), 0);
    assert.equal(typicalNumber(profile([3], [0, 0])), 3);
  });
});
