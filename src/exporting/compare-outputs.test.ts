import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Tensor } from "../core/tensor.ts";
import { compareOutputs, describeDifferences } from "./compare-outputs.ts";
import { comparedRows, madeUpRow, rowsAround } from "./comparison-rows.ts";

const floats = (...data: number[]): Tensor => ({ name: "y", datatype: "FP64", shape: [data.length], data: Float64Array.from(data) });
const texts = (...data: string[]): Tensor => ({ name: "label", datatype: "BYTES", shape: [data.length], data });

describe("the comparison of outputs", () => {
  it("takes floats within 1e-5 and 1e-4 of the value, and counts those beyond", () => {
    const [small] = compareOutputs([floats(0, 1000)], [floats(0.9e-5, 1000.09)]);
    assert.deepEqual([small!.beyond, small!.values], [0, 2]);
    const [large] = compareOutputs([floats(0, 1000, -2)], [floats(1.2e-5, 1000.2, -2)]);
    assert.equal(large!.beyond, 2);
    assert.ok(Math.abs(large!.largestAbsolute! - 0.2) < 1e-9 && Math.abs(large!.largestRelative! - 0.0002) < 1e-9);
  });

  it("knows what has no size: NaN is like NaN alone, infinities like themselves", () => {
    const [same] = compareOutputs([floats(NaN, Infinity)], [floats(NaN, Infinity)]);
    const [other] = compareOutputs([floats(NaN, Infinity, 1)], [floats(1, -Infinity, NaN)]);
    assert.deepEqual([same!.beyond, other!.beyond], [0, 3]);
  });

  it("wants labels equal, also across kinds of whole numbers", () => {
    const whole: Tensor = { name: "label", datatype: "INT32", shape: [2], data: Int32Array.of(1, 2) };
    const wide: Tensor = { name: "label", datatype: "INT64", shape: [2], data: BigInt64Array.of(1n, 3n) };
    const differences = compareOutputs([texts("a", "b"), { ...whole, name: "whole" }], [texts("a", "c"), { ...wide, name: "whole" }]);
    assert.deepEqual(differences.map(({ beyond, largestAbsolute }) => [beyond, largestAbsolute]), [[1, null], [1, null]]);
    assert.equal(describeDifferences(differences), "label: 1 of 2 differ; whole: 1 of 2 differ");
  });

  it("refuses what is missing or of another size", () => {
    assert.throws(() => compareOutputs([floats(1)], [texts("a")]), { code: "EXPORT_FAILED" });
    assert.throws(() => compareOutputs([floats(1)], [floats(1, 2)]), { code: "EXPORT_FAILED" });
  });
});

describe("the rows that are compared", () => {
  const inputs = [
    { name: "x", datatype: "FP64", shape: [-1, 2], missingAllowed: false },
    { name: "n", datatype: "INT64", shape: [-1], missingAllowed: false },
    { name: "city", datatype: "BYTES", shape: [-1], missingAllowed: false },
  ] as const;

  it("begin with the example, and differ by row and by column", () => {
    const row = madeUpRow(inputs.map((one) => ({ ...one, shape: [...one.shape] })));
    const [x, n, city] = rowsAround(row, comparedRows);
    assert.deepEqual([x!.shape, n!.shape, city!.shape], [[comparedRows, 2], [comparedRows], [comparedRows]]);
    const values = Array.from(x!.data as Float64Array);
    assert.deepEqual(values.slice(0, 2), [0, 0]);
    assert.equal(new Set(values.map((value, index) => `${index % 2} ${value}`)).size, comparedRows * 2);
    assert.ok(Array.from(n!.data as BigInt64Array).every((value) => value >= 0n), "codes of categories are no negative numbers");
    assert.deepEqual(new Set(city!.data as string[]), new Set([""]));
  });

  it("leave alone what they cannot vary", () => {
    const [flag, text] = rowsAround([{ name: "f", datatype: "BOOL", shape: [1], data: [true] }, { name: "t", datatype: "BYTES", shape: [1], data: ["Oslo"] }], 2);
    assert.deepEqual([[...(flag!.data as Uint8Array)], text!.data], [[1, 1], ["Oslo", "Oslo"]]);
  });
});
