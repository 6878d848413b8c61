import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "../core/errors.ts";
import type { Tensor } from "../core/tensor.ts";
import type { DatasetColumn } from "../datasets/index.ts";
import type { TensorSpec } from "../registry/index.ts";
import { modelRows, planInputs, tensorsOf } from "./model-inputs.ts";
import { readPredictions, writePredictions } from "./prediction-file.ts";
import { chooseOutputs, PredictionCollector, taskOf } from "./predictions.ts";

const spec = (name: string, datatype: TensorSpec["datatype"], shape: number[], more: Partial<TensorSpec> = {}): TensorSpec => ({ name, datatype, shape, missingAllowed: false, ...more });
const impossible = (part: RegExp) => (error: unknown) => error instanceof AppError && error.code === "EVALUATION_IMPOSSIBLE" && part.test(error.message);
const label = spec("label", "INT64", [-1]);
const scores = spec("scores", "FP32", [-1, 3], { columns: ["a", "b", "c"] });
const number = spec("number", "FP64", [-1, 1]);

describe("outputs of a model", () => {
  it("tell the task where the target does not", () => {
    assert.equal(taskOf("text", [number]), "classification");
    assert.equal(taskOf("integer", [number]), "regression");
    assert.equal(taskOf("integer", [label, scores]), "classification");
    assert.equal(taskOf("float", [scores]), "classification");
  });

  it("are chosen by what they can hold, and by name where several can", () => {
    assert.deepEqual(chooseOutputs([label, scores], "classification", null), { label: "label", numbers: "scores", columns: ["a", "b", "c"] });
    assert.deepEqual(chooseOutputs([label, number], "classification", null), { label: "label", numbers: "number", columns: null });
    assert.deepEqual(chooseOutputs([number, label], "regression", null), { label: null, numbers: "number", columns: null });
    assert.deepEqual(chooseOutputs([label], "forecast", null), { label: null, numbers: "label", columns: null });
    const other = spec("other", "FP32", [-1, 1]);
    assert.throws(() => chooseOutputs([number, other], "regression", null), impossible(/evaluation.output names it. The outputs are number FP64\[-1, 1\], other/));
    assert.equal(chooseOutputs([number, other], "regression", "other").numbers, "other");
    assert.equal(chooseOutputs([number, other], "classification", "other").numbers, "other");
    assert.throws(() => chooseOutputs([scores], "regression", null), impossible(/one number for each row/));
  });

  it("come page by page, and out of a file as they went in", async () => {
    const collector = new PredictionCollector(chooseOutputs([label, scores], "classification", null), 5);
    const page = (labels: bigint[], values: number[]): Tensor[] => [
      { name: "label", datatype: "INT64", shape: [labels.length], data: BigInt64Array.from(labels) },
      { name: "scores", datatype: "FP32", shape: [labels.length, 3], data: Float32Array.from(values) },
    ];
    collector.add([0, 3], page([2n, 9007199254740993n], [0.1, 0.2, 0.7, 0.3, 0.3, 0.4]));
    collector.add([4], page([0n], [1, 0, 0]));
    const predictions = collector.finish(["2 rows are left out."]);
    assert.deepEqual(predictions.labels, ["2", "", "", "9007199254740993", "0"]);
    assert.deepEqual([...predictions.answered], [1, 0, 0, 1, 1]);
    assert.equal(predictions.numbers[2], Math.fround(0.7));
    const written = [...writePredictions(predictions)].join("");
    assert.deepEqual(await readPredictions(lines(written)), predictions);
    await assert.rejects(readPredictions(lines(written.slice(0, -10))), (error) => error instanceof Error);
    assert.throws(() => collector.add([1, 2], page([1n], [1, 0, 0])), impossible(/one prediction for each row/));
    assert.throws(() => collector.add([1], page([1n], [1, NaN, 0])), impossible(/scores of row 2 is no finite number/));
  });
});

async function* lines(text: string): AsyncGenerator<string> {
  yield* text.trimEnd().split("\n");
}

describe("rows of a dataset as inputs", () => {
  const columns: DatasetColumn[] = [{ name: "a", kind: "float" }, { name: "b", kind: "integer" }, { name: "word", kind: "text" }, { name: "y", kind: "integer" }];
  const plan = (inputs: TensorSpec[]) => planInputs({ inputs, outputs: [], batchable: true }, columns, "y");

  it("take the columns that the contract names, else those of their name and order", () => {
    assert.deepEqual(plan([spec("x", "FP32", [-1, 2], { columns: ["b", "a"] })]).columns, ["b", "a"]);
    assert.deepEqual(plan([spec("word", "BYTES", [-1, 1]), spec("x", "FP32", [-1, 2])]).columns, ["word", "a", "b"]);
    assert.throws(() => plan([spec("x", "FP32", [-1, 9])]), impossible(/takes 9 columns/));
    assert.throws(() => plan([spec("x", "FP32", [-1, 2], { columns: ["a", "z"] })]), impossible(/no column "z"/));
  });

  it("are elements of the datatype, and left out where the model takes no such value", () => {
    const inputs = plan([spec("a", "FP16", [-1, 1], { missingAllowed: true }), spec("b", "INT64", [-1]), spec("word", "BYTES", [-1, 1], { allowedValues: ["x", "y"] })]);
    assert.deepEqual(inputs.columns, ["a", "b", "word"]);
    const cells = [[0.5, null, 1, 2, Infinity, 3], ["9007199254740993", 2, null, 4, 5, 6], ["x", "y", "x", "new", "x", "y"]];
    const rows = modelRows(inputs, cells);
    assert.deepEqual(rows.rows, [0, 1, 5]);
    assert.deepEqual(tensorsOf(inputs, rows, 0, 2), [
      { name: "a", datatype: "FP16", shape: [2, 1], data: Uint16Array.of(0x3800, 0x7e00) },
      { name: "b", datatype: "INT64", shape: [2], data: BigInt64Array.of(9007199254740993n, 2n) },
      { name: "word", datatype: "BYTES", shape: [2, 1], data: ["x", "y"] },
    ]);
    assert.deepEqual(tensorsOf(inputs, rows, 2, 3)[1]!.data, BigInt64Array.of(6n));
    assert.throws(() => modelRows(inputs, [[1], [1.5], ["x"]]), impossible(/column b holds "1.5", which is no INT64/));
    assert.throws(() => modelRows(plan([spec("a", "UINT8", [-1], { columns: ["a"] })]), [[256]]), impossible(/no UINT8/));
    assert.throws(() => modelRows(plan([spec("a", "FP32", [-1])]), [["far"]]), impossible(/no FP32/));
    assert.deepEqual(modelRows(plan([spec("a", "BOOL", [-1], { columns: ["a"] })]), [[true, 0]]).elements, [[1, 0]]);
  });
});
