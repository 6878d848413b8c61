import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Datatype } from "../../core/tensor.ts";
import type { Signature } from "../../registry/index.ts";
import { defaultAnswer, defaultAnswerProblems } from "./default-answer.ts";

function signature(outputs: [name: string, datatype: Datatype, shape: number[]][], batchable = true): Signature {
  return { inputs: [], batchable, outputs: outputs.map(([name, datatype, shape]) => ({ name, datatype, shape, missingAllowed: false })) };
}

const two = signature([["score", "FP32", [-1, 2]], ["label", "INT64", [-1]]]);

describe("a default answer", () => {
  it("is given once for each row, in the signature's types", () => {
    assert.deepEqual(defaultAnswer({ label: [3], score: [0.5, -1] }, two, 2), [
      { name: "score", datatype: "FP32", shape: [2, 2], data: Float32Array.of(0.5, -1, 0.5, -1) },
      { name: "label", datatype: "INT64", shape: [2], data: BigInt64Array.of(3n, 3n) },
    ]);
    const texts = signature([["word", "BYTES", [-1, -1]], ["yes", "BOOL", [-1, 1]], ["half", "FP16", [-1]]]);
    assert.deepEqual(defaultAnswer({ word: ["a", "b"], yes: [true], half: [1] }, texts, 1), [
      { name: "word", datatype: "BYTES", shape: [1, 2], data: ["a", "b"] }, { name: "yes", datatype: "BOOL", shape: [1, 1], data: Uint8Array.of(1) },
      { name: "half", datatype: "FP16", shape: [1], data: Uint16Array.of(0x3c00) },
    ]);
    assert.deepEqual(defaultAnswer({ y: [1] }, signature([["y", "FP64", []]], false), 1), [{ name: "y", datatype: "FP64", shape: [], data: Float64Array.of(1) }]);
  });

  it("must have every output, of its type and size", () => {
    assert.deepEqual(defaultAnswerProblems({ score: [1, 2], label: [3] }, two), []);
    const messages = (answer: Record<string, (number | string | boolean)[]>): string[] => defaultAnswerProblems(answer, two).map(({ path, message }) => `${path} ${message}`);
    assert.deepEqual(messages({ score: [1], label: [1.5], more: [1] }), [
      'policy.fallback.answer.more the model has no output "more"; it has "score", "label"',
      "policy.fallback.answer.score has 1 value where one row is [2]",
      "policy.fallback.answer.label[0] 1.5 is no value of INT64",
    ]);
    assert.deepEqual(messages({ score: [1, "2"] }), ['policy.fallback.answer.score[1] "2" is no value of FP32', 'policy.fallback.answer.label is missing; the model answers "label"']);
    assert.equal(defaultAnswerProblems({ y: [256] }, signature([["y", "UINT8", [-1]]])).length, 1);
    assert.deepEqual(defaultAnswer({ score: [1], label: [1] }, two, 1).map(({ name }) => name), ["label"]);
  });
});
