import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Tensor } from "../../core/tensor.ts";
import type { Signature } from "../../registry/index.ts";
import { outputProblem } from "./check-outputs.ts";

function signature(missingAllowed = false, batchable = true): Signature {
  return {
    inputs: [], batchable,
    outputs: [{ name: "y", datatype: "FP32", shape: [-1, 2], missingAllowed }, { name: "half", datatype: "FP16", shape: [-1], missingAllowed }, { name: "label", datatype: "BYTES", shape: [-1], missingAllowed }],
  };
}

const asked: Tensor[] = [{ name: "x", datatype: "FP32", shape: [2, 1], data: Float32Array.of(1, 2) }];
const good: Tensor[] = [
  { name: "y", datatype: "FP32", shape: [2, 2], data: Float32Array.of(1, -2, 3.4e38, 0) },
  { name: "half", datatype: "FP16", shape: [2], data: Uint16Array.of(0x7bff, 0) },
  { name: "label", datatype: "BYTES", shape: [2], data: ["a", ""] },
];

function problem(change: Partial<Tensor>, of = 0, own = signature(), stable = signature()): string | null {
  return outputProblem(good.map((tensor, index) => (index === of ? { ...tensor, ...change } : tensor)), own, asked, stable);
}

describe("outputProblem", () => {
  it("takes what the signature says, and more outputs than it says", () => {
    assert.equal(problem({}), null);
    assert.equal(outputProblem([...good, { name: "extra", datatype: "INT8", shape: [], data: Int8Array.of(1) }], signature(), asked, signature()), null);
  });

  it("names what is missing, of another type, shape or number of rows", () => {
    assert.match(problem({ name: "z" })!, /did not answer "y"/);
    assert.match(problem({ datatype: "FP64", data: new Float64Array(4) })!, /FP64 and not FP32/);
    for (const shape of [[2, 3], [1, 2], [4], [2, 2, 1], []]) assert.match(problem({ shape })!, /shape/, String(shape));
    assert.match(problem({ data: new Float32Array(3) })!, /shape/);
    const once = [{ ...asked[0]!, shape: [1, 1], data: Float32Array.of(1) }];
    assert.equal(outputProblem(good, signature(false, false), once, signature(false, false)), null, "a model without a batch has the rows that it has");
    assert.match(outputProblem(good, signature(false, false), once, signature())!, /shape \[2, 2\] for 1 row of/, "callers of a version that answers row by row count on it");
  });

  it("refuses what is no finite number, unless one of both versions may miss values", () => {
    for (const value of [NaN, Infinity, -Infinity]) {
      const data = Float32Array.of(1, 2, 3, value);
      assert.match(problem({ data })!, /not numbers or are infinite/);
      assert.equal(problem({ data }, 0, signature(true)), null);
      assert.equal(problem({ data }, 0, signature(), signature(true)), null);
    }
    for (const bits of [0x7c00, 0xfc00, 0x7e00]) assert.match(problem({ data: Uint16Array.of(0, bits) }, 1)!, /"half"/);
  });
});
