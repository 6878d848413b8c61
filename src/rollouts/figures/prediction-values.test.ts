import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { numberToHalf } from "../../core/half-float.ts";
import type { Datatype, Tensor, TensorData } from "../../core/tensor.ts";
import { predictionValuesOf } from "./prediction-values.ts";

const tensor = (datatype: Datatype, shape: number[], data: TensorData, name = "y"): Tensor => ({ name, datatype, shape, data });
const labels = (...values: string[]): object => ({ kind: "label", labels: values });
const numbers = (...values: number[]): object => ({ kind: "number", numbers: Float64Array.from(values) });

describe("prediction values", () => {
  it("takes whole numbers, texts and booleans of one value for each row as labels", () => {
    assert.deepEqual(predictionValuesOf([tensor("INT64", [2], BigInt64Array.of(3n, -(2n ** 63n)))], 2), labels("3", "-9223372036854775808"));
    assert.deepEqual(predictionValuesOf([tensor("INT32", [2, 1], Int32Array.of(1, -1))], 2), labels("1", "-1"));
    assert.deepEqual(predictionValuesOf([tensor("BYTES", [1, 1], ["delayed"])], 1), labels("delayed"));
    assert.deepEqual(predictionValuesOf([tensor("BOOL", [2], Uint8Array.of(1, 0))], 2), labels("true", "false"));
  });

  it("takes one float for each row as a number", () => {
    assert.deepEqual(predictionValuesOf([tensor("FP32", [2, 1], Float32Array.of(0.5, NaN))], 2), numbers(0.5, NaN));
    assert.deepEqual(predictionValuesOf([tensor("FP64", [1], Float64Array.of(-1e300))], 1), numbers(-1e300));
    assert.deepEqual(predictionValuesOf([tensor("FP16", [2], Uint16Array.of(numberToHalf(1.5), numberToHalf(-2)))], 2), numbers(1.5, -2));
  });

  it("takes the greatest of several floats as the label, by name where the signature has names", () => {
    const scores = tensor("FP32", [3, 2], Float32Array.of(0.25, 0.75, 0.5, 0.5, NaN, -3));
    assert.deepEqual(predictionValuesOf([scores], 3), labels("1", "0", "1"));
    const spec = { name: "y", datatype: "FP32", shape: [-1, 2], columns: ["late", "on time"], missingAllowed: false } as const;
    assert.deepEqual(predictionValuesOf([scores], 3, { specs: [{ ...spec, shape: [...spec.shape], columns: [...spec.columns] }] }), labels("on time", "late", "on time"));
    assert.deepEqual(predictionValuesOf([tensor("FP16", [1, 2], Uint16Array.of(numberToHalf(-1), numberToHalf(-2)))], 1), labels("0"));
    assert.deepEqual(predictionValuesOf([tensor("FP32", [1, 2], Float32Array.of(NaN, NaN))], 1), labels(""));
  });

  it("prefers labels of their own, wherever they stand, and looks at one output alone where it is named", () => {
    const outputs = [tensor("FP32", [1, 2], Float32Array.of(1, 0), "scores"), tensor("BYTES", [1], ["late"], "label"), tensor("FP64", [1], Float64Array.of(7), "minutes")];
    assert.deepEqual(predictionValuesOf(outputs, 1), labels("late"));
    assert.deepEqual(predictionValuesOf(outputs, 1, { output: "minutes" }), numbers(7));
    assert.deepEqual(predictionValuesOf(outputs, 1, { output: "scores" }), labels("0"));
    assert.equal(predictionValuesOf(outputs, 1, { output: "other" }), null);
  });

  it("reads nothing out of shapes without one prediction for each row", () => {
    for (const shape of [[3], [2, 2, 1], [], [2, 0], [1, 2]]) {
      assert.equal(predictionValuesOf([tensor("FP32", shape, new Float32Array(shape.reduce((product, size) => product * size, 1)))], 2), null, String(shape));
    }
    assert.equal(predictionValuesOf([tensor("INT64", [2, 2], new BigInt64Array(4))], 2), null);
    assert.equal(predictionValuesOf([], 2), null);
    assert.equal(predictionValuesOf([tensor("FP32", [0], new Float32Array(0))], 0), null);
  });

  it("gives one value for each row, whatever the width", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 6 }), fc.infiniteStream(fc.double({ noNaN: true })), (rows, width, stream) => {
        const data = Float64Array.from({ length: rows * width }, () => stream.next().value as number);
        const values = predictionValuesOf([tensor("FP64", [rows, width], data)], rows)!;
        if (values.kind === "number") assert.deepEqual([width, values.numbers], [1, data]);
        // As numbers are compared: of 0 and -0 either is the greatest.
        else values.labels.forEach((label, row) => assert.ok(data[row * width + Number(label)] === Math.max(...data.subarray(row * width, (row + 1) * width))));
      }),
    );
  });
});
