import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Signature } from "../../registry/index.ts";
import type { PredictionLog } from "./prediction-log.ts";
import { recordedInputs, repeatRows } from "./recorded-inputs.ts";
import type { Prediction } from "../schemas.ts";

const signature: Signature = {
  inputs: [{ name: "x", datatype: "FP32", shape: [-1, 2], missingAllowed: true }, { name: "word", datatype: "BYTES", shape: [-1], missingAllowed: false }],
  outputs: [], batchable: true,
};

function prediction(rows: number, x: (number | string)[] | null, word: string[]): Prediction {
  return {
    id: "prd_01ktz0000000000000000000ab", time: 1, model: "m", version: "1", requestId: null, rows, outcome: "ok", timing: { queueUs: 0, runUs: 0, totalUs: 0, batchRows: 1 },
    inputs: [{ name: "word", datatype: "BYTES", shape: [rows], data: word }, { name: "x", datatype: "FP32", shape: [rows, 2], data: x }], outputs: [], assignment: null, traceId: null,
  };
}

function logOf(predictions: Prediction[]): PredictionLog {
  return { list: () => Promise.resolve(predictions) } as unknown as PredictionLog;
}

describe("recorded inputs", () => {
  it("are what callers sent, as one request, without what was withheld", async () => {
    const inputs = await recordedInputs(logOf([prediction(1, [1, "NaN"], ["a"]), prediction(1, null, ["b"]), prediction(2, [3, 4, 5, 6], ["c", "d"])]), "m", "1", signature);
    assert.deepEqual(inputs, [
      { name: "x", datatype: "FP32", shape: [3, 2], data: Float32Array.of(1, NaN, 3, 4, 5, 6) }, { name: "word", datatype: "BYTES", shape: [3], data: ["a", "c", "d"] },
    ]);
    assert.deepEqual(repeatRows(inputs!, 5), [
      { name: "x", datatype: "FP32", shape: [5, 2], data: Float32Array.of(1, NaN, 3, 4, 5, 6, 1, NaN, 3, 4) }, { name: "word", datatype: "BYTES", shape: [5], data: ["a", "c", "d", "a", "c"] },
    ]);
    assert.deepEqual(repeatRows(inputs!, 1).map(({ shape }) => shape), [[1, 2], [1]]);
  });

  it("are none where nothing was logged whole, or for another signature", async () => {
    assert.equal(await recordedInputs(logOf([]), "m", "1", signature), null);
    assert.equal(await recordedInputs(logOf([prediction(1, null, ["b"]), prediction(0, [], [])]), "m", "1", signature), null);
    const wider: Signature = { ...signature, inputs: [{ ...signature.inputs[0]!, shape: [-1, 3] }, signature.inputs[1]!] };
    assert.equal(await recordedInputs(logOf([prediction(1, [1, 2], ["a"])]), "m", "1", wider), null);
  });
});
