import assert from "node:assert/strict";
import { createReadStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { MlflowModelReader, type ReadModel } from "../../src/adapters/python/mlflow-model-reader.ts";
import { pythonBench } from "../../src/adapters/python/python-models.fixture.ts";
import { PythonInspector } from "../../src/adapters/python/python-inspector.ts";
import type { PythonRuntime } from "../../src/adapters/python/python-runtime.ts";
import { typedArrayOf, type NumericData, type Tensor } from "../../src/core/tensor.ts";
import type { Artifact, Contract } from "../../src/registry/index.ts";
import { trainedModels } from "../python/trained-models.ts";

const python = process.env.SLIPWAY_TEST_PYTHON ?? fileURLToPath(new URL("../../.venv/bin/python", import.meta.url));

interface Expected {
  inputs: Record<string, unknown[]> | number[][];
  outputs: Record<string, unknown[] | unknown[][]>;
}

describe("models of Python libraries", () => {
  const bench = pythonBench(python);
  let directory: string;
  let expected: Record<string, Expected>;
  let runtime: PythonRuntime;
  let reader: MlflowModelReader;
  before(async () => {
    directory = await trainedModels(python);
    expected = JSON.parse(await readFile(join(directory, "expected.json"), "utf8")) as Record<string, Expected>;
    runtime = await bench.runtime();
    reader = new MlflowModelReader({ blobs: bench.blobs, inspector: new PythonInspector(runtime) });
  });

  /** Every file of a folder, or the one file, in the blob store. */
  async function stored(path: string): Promise<Artifact[]> {
    const whole = (await stat(path)).isDirectory();
    const paths = whole
      ? (await readdir(path, { withFileTypes: true, recursive: true })).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
      : [path];
    const files: Artifact[] = [];
    for (const file of paths) files.push({ path: whole ? relative(path, file) : file.split("/").at(-1)!, ...(await bench.blobs.put(createReadStream(file))) });
    return files;
  }

  async function predictsAsItsLibrary(name: string, check: (model: ReadModel) => void): Promise<void> {
    const wanted = expected[name];
    assert.ok(wanted !== undefined, `${name} was not made: install test/clients/requirements.txt`);
    const model = await reader.read(await stored(join(directory, name)));
    assert.ok(model?.signature && model.runtime.kind === "python");
    check(model);
    const contract = {
      model: "some-model", version: "1", signature: { ...model.signature, batchable: true }, runtime: { kind: "python", artifacts: model.files, notes: [], python: model.runtime.python },
    } as unknown as Contract;
    const runner = await runtime.start("", contract);
    try {
      const { outputs } = await runner.run(tensorsOf(model, wanted.inputs));
      assert.deepEqual(outputs.map((output) => output.name), Object.keys(wanted.outputs));
      for (const output of outputs) assertClose(output, wanted.outputs[output.name]!.flat());
      assert.deepEqual(outputs.map(({ datatype }) => datatype), model.signature.outputs.map(({ datatype }) => datatype));
    } finally {
      await runner.close();
    }
  }

  const iris = (model: ReadModel): void => {
    assert.deepEqual(model.signature!.inputs.map(({ shape, columns }) => [shape, columns?.length]), [[[-1, 4], 4]]);
    assert.deepEqual(model.signature!.outputs.map(({ name, shape }) => [name, shape]), [["label", [-1]], ["probabilities", [-1, 3]]]);
    assert.equal(model.batchable, true);
  };

  it("reads a bare pickle of scikit-learn, says that it is code, and predicts as it does", () =>
    predictsAsItsLibrary("classifier.pkl", (model) => {
      iris(model);
      assert.match(model.notes.join(" "), /A pickle is code/);
      assert.match(model.notes.join(" "), /scikit-learn==\d/);
    }));

  it("reads a compressed file of joblib whose model has no names of columns", () =>
    predictsAsItsLibrary("regressor.joblib", (model) => {
      assert.deepEqual(model.signature!.inputs.map(({ datatype, shape, columns }) => [datatype, shape, columns]), [["FP64", [-1, 4], undefined]]);
    }));

  it("takes the columns of texts of a pipeline as texts", () =>
    predictsAsItsLibrary("mixed.pkl", (model) => {
      assert.deepEqual(model.signature!.inputs.map(({ name, datatype }) => [name, datatype]), [["city", "BYTES"], ["size", "FP64"]]);
    }));

  it("reads a file of skops", () => predictsAsItsLibrary("classifier.skops", iris));
  it("reads a file of XGBoost", () => predictsAsItsLibrary("boosted.ubj", (model) => assert.deepEqual(model.signature!.inputs[0]!.shape, [-1, 4])));

  it("reads MLflow's folder of a scikit-learn model, with its example", () =>
    predictsAsItsLibrary("mlflow-sklearn", (model) => {
      assert.deepEqual(model.signature!.inputs.map(({ datatype, shape }) => [datatype, shape]), Array.from({ length: 4 }, () => ["FP64", [-1]]));
      assert.deepEqual(model.example?.map(({ shape, data }) => [shape, data.length]), Array.from({ length: 4 }, () => [[1], 1]));
      assert.deepEqual(model.flavours, ["python_function", "sklearn"]);
    }));

  it("reads MLflow's folder of an XGBoost model", () => predictsAsItsLibrary("mlflow-xgboost", () => undefined));
  it("reads MLflow's folder of a LightGBM model", () => predictsAsItsLibrary("mlflow-lightgbm", (model) => assert.deepEqual(model.flavours, ["lightgbm", "python_function"])));

  it("gives a function of MLflow texts, times and whole numbers as its signature says, and answers its columns", () =>
    predictsAsItsLibrary("mlflow-pyfunc", (model) => {
      assert.deepEqual(model.signature!.inputs.map(({ datatype }) => datatype), ["FP64", "BYTES", "BYTES", "INT32"]);
      assert.deepEqual(model.example?.map(({ name }) => name), ["x", "name", "day", "small"]);
    }));
});

function tensorsOf(model: ReadModel, inputs: Expected["inputs"]): Tensor[] {
  const rows = Array.isArray(inputs) ? inputs.length : Object.values(inputs)[0]!.length;
  return model.signature!.inputs.map(({ name, datatype, shape, columns }) => {
    const flat = Array.isArray(inputs)
      ? inputs.flat()
      : shape.length === 1 ? inputs[name]! : Array.from({ length: rows }, (_, row) => (columns ?? Object.keys(inputs)).map((column) => inputs[column]![row])).flat();
    const whole = [rows, ...shape.slice(1)];
    if (datatype === "BYTES") return { name, datatype, shape: whole, data: flat.map(String) };
    const data: NumericData = new typedArrayOf[datatype](flat.length);
    flat.forEach((value, index) => ((data as { [index: number]: number | bigint })[index] = datatype.endsWith("INT64") ? BigInt(Number(value)) : Number(value)));
    return { name, datatype, shape: whole, data };
  });
}

function assertClose(output: Tensor, wanted: readonly unknown[]): void {
  assert.equal(output.data.length, wanted.length, output.name);
  wanted.forEach((value, index) => {
    const got = output.data[index];
    if (typeof value === "string") assert.equal(got, value);
    else assert.ok(Math.abs(Number(got) - Number(value)) <= 1e-6 * Math.max(1, Math.abs(Number(value))), `${output.name}[${index}] is ${got}, the library says ${String(value)}`);
  });
}
