import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Tensor } from "../../core/tensor.ts";
import type { Signature } from "../../registry/index.ts";
import { ProblemList } from "./problem-list.ts";
import { RequestAdmission } from "./request-admission.ts";

const signature: Signature = {
  inputs: ["a", "b"].map((name) => ({ name, datatype: "FP32", shape: [-1, 1], missingAllowed: false })),
  outputs: [],
  batchable: true,
};

function admitted(rows: Record<string, number>, under: Signature): Tensor[] {
  const admission = new RequestAdmission(under, new ProblemList());
  for (const [name, count] of Object.entries(rows)) {
    const { rule } = admission.admit(name, "FP32", [count, 1], () => name)!;
    admission.keep({ name, datatype: "FP32", shape: [count, 1], data: new Float32Array(count) }, rule, String);
  }
  return admission.finish();
}

describe("RequestAdmission", () => {
  it("refuses inputs of different lengths where requests are joined by rows: they would shift the rows of their neighbours", () => {
    assert.deepEqual(admitted({ b: 3, a: 3 }, signature).map(({ name, shape }) => [name, shape[0]]), [["a", 3], ["b", 3]]);
    assert.throws(() => admitted({ a: 4, b: 1 }, signature), { code: "INVALID_INPUT", message: 'inputs have different numbers of rows: "a" 4, "b" 1.' });
  });

  it("leaves the first dimensions of a model that does not batch alone", () => {
    assert.equal(admitted({ a: 4, b: 1 }, { ...signature, batchable: false }).length, 2);
  });
});
