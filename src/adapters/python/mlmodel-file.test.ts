import assert from "node:assert/strict";
import { deflateSync } from "node:zlib";
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { AppError } from "../../core/errors.ts";
import { readBareModel } from "./bare-model-file.ts";
import { exampleTensors, specsOfExample } from "./mlflow-example.ts";
import { readMlflowInputs, readMlflowOutputs } from "./mlflow-signature.ts";
import { readMlmodel } from "./mlmodel-file.ts";
import { layoutOf } from "./model-plan.ts";
import { parseCondaFile, parsePythonEnvironmentFile, parseRequirements } from "./requirements.ts";

const invalid = (error: unknown): boolean => (error as AppError).code === "MODEL_FILE_INVALID";

describe("readMlmodel", () => {
  const text = `flavors:
  python_function:
    code: code
    loader_module: mlflow.sklearn
    python_version: 3.11.7
  sklearn:
    pickled_model: model.pkl
    serialization_format: cloudpickle
model_id: m-0123456789abcdef0123456789abcdef
model_size_bytes: 1170
run_id: 9f6e
saved_input_example_info:
  artifact_path: input_example.json
  type: dataframe
signature:
  inputs: '[{"type": "double", "name": "it''s a \\u00e4 column", "required": true}, {"type":
    "long", "name": "b", "required": true}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'
  params: null
`;

  it("reads flavours, signature and where the model comes from", () => {
    const model = readMlmodel(Buffer.from(text));
    assert.deepEqual([model.flavour, model.flavours, model.pythonVersion, model.codePath], ["sklearn", ["python_function", "sklearn"], "3.11.7", "code"]);
    assert.deepEqual(model.inputs?.specs.map(({ name, datatype, shape }) => [name, datatype, shape]), [["it's a ä column", "FP64", [-1]], ["b", "INT64", [-1]]]);
    assert.deepEqual(model.outputs?.map(({ name, datatype }) => [name, datatype]), [["output", "INT64"]]);
    assert.deepEqual([model.runId, model.modelId, model.sizeBytes, model.example?.path], ["9f6e", "m-0123456789abcdef0123456789abcdef", 1170, "input_example.json"]);
  });

  it("refuses what is no MLmodel file", () => {
    const bombs = `a: &a [x,x,x,x,x,x,x,x]\n${"bcdefghij".split("").map((name, index) => `${name}: &${name} [${`*${"abcdefghi"[index]},`.repeat(8)}]`).join("\n")}\nflavors: {}`;
    for (const wrong of ["", "flavors: 7", "flavors: {}", "- a list", "{", bombs, `x: ${"y".repeat(1024 * 1024)}`, text.replace('"double"', "double")]) {
      assert.throws(() => readMlmodel(Buffer.from(wrong)), invalid, wrong.slice(0, 40));
    }
    assert.throws(() => readMlmodel(Buffer.of(0xff, 0xfe, 0x00)), invalid);
  });
});

describe("MLflow's signatures", () => {
  const inputsOf = (fields: unknown): ReturnType<typeof readMlflowInputs> => readMlflowInputs(JSON.stringify(fields));

  it("knows every type of a column", () => {
    const types = ["boolean", "integer", "long", "float", "double", "string", "binary", "datetime"];
    const { layout, specs, readings } = inputsOf(types.map((type) => ({ type, name: type })));
    assert.equal(layout, "columns");
    assert.deepEqual(specs.map(({ datatype }) => datatype), ["BOOL", "INT32", "INT64", "FP32", "FP64", "BYTES", "BYTES", "BYTES"]);
    assert.deepEqual(readings.flatMap(({ name, type }) => (type === undefined ? [] : [[name, type]])), [["binary", "binary"], ["datetime", "datetime"]]);
  });

  it("takes lists of numbers as rows of a matrix, and structures as JSON", () => {
    const { specs, readings } = inputsOf([
      { type: "array", items: { type: "double" }, name: "vector", required: true },
      { type: "object", properties: { a: { type: "string" } }, name: "record", required: true },
      { type: "array", items: { type: "object", properties: {} }, name: "records" },
    ]);
    assert.deepEqual(specs.map(({ datatype, shape }) => [datatype, shape]), [["FP64", [-1, -1]], ["BYTES", [-1]], ["BYTES", [-1]]]);
    assert.deepEqual(readings.map(({ type }) => type), ["array", "json", "json"]);
  });

  it("knows tensors, with and without names", () => {
    const tensor = (dtype: string, shape: number[], name?: string): unknown => ({ type: "tensor", ...(name !== undefined && { name }), "tensor-spec": { dtype, shape } });
    assert.deepEqual([inputsOf([tensor("float32", [-1, 28, 28])]).layout, inputsOf([tensor("float32", [-1, 3], "a")]).layout], ["tensor", "tensors"]);
    assert.deepEqual(readMlflowOutputs(JSON.stringify([tensor("<U7", [-1]), tensor("float16", [-1, 2], "p")])).map(({ name, datatype }) => [name, datatype]), [["output-0", "BYTES"], ["p", "FP16"]]);
    assert.throws(() => inputsOf([tensor("complex64", [-1])]), invalid);
  });

  it("takes columns without names by their order", () => {
    assert.deepEqual(inputsOf([{ type: "double" }, { type: "double" }]).specs.map(({ name, shape }) => [name, shape]), [["input", [-1, 2]]]);
    assert.equal(inputsOf([{ type: "string" }]).layout, "values");
    assert.throws(() => inputsOf([{ type: "double" }, { type: "string" }]), invalid);
    assert.throws(() => inputsOf([{ type: "double", name: "a" }, { type: "long", name: "a" }]), invalid);
    assert.throws(() => inputsOf([]), invalid);
  });
});

describe("layoutOf", () => {
  it("tells a frame from columns and tensors", () => {
    const spec = (name: string, shape: number[], columns?: string[]) => ({ name, datatype: "FP64" as const, shape, missingAllowed: false, ...(columns && { columns }) });
    assert.equal(layoutOf([spec("x", [-1, 2], ["a", "b"])]).layout, "frame");
    assert.equal(layoutOf([spec("x", [-1, 2])]).layout, "tensor");
    assert.equal(layoutOf([spec("x", [-1]), spec("y", [-1, 1])]).layout, "columns");
    assert.equal(layoutOf([spec("x", [-1]), spec("y", [-1, 4])]).layout, "tensors");
  });
});

describe("requirements", () => {
  it("keeps packages and their versions, and nothing else", () => {
    const text = "mlflow==3.17.2\nnumpy<3,>=1.26 # why\n\n--extra-index-url https://host/simple\npandas[parquet] ~= 2.2 ; python_version > '3.8'\nnumpy<3,>=1.26\nplain\n  torch==2.4.0+cpu \\\n   --hash=sha256:abc\n";
    const { packages, notes } = parseRequirements(text);
    assert.deepEqual(packages, ["mlflow==3.17.2", "numpy<3,>=1.26", "pandas[parquet] ~= 2.2 ; python_version > '3.8'", "plain", "torch==2.4.0+cpu"]);
    assert.match(notes.join(), /--extra-index-url is passed over/);
  });

  it("refuses paths, addresses, other files and options of the installer", () => {
    for (const line of ["./evil", "../evil", "/tmp/evil", "git+https://host/x", "https://host/x.whl", "x @ file:///x", "-e .", "-r other.txt", "--find-links=/x", "--config-settings=a", "evil.whl/", "-"]) {
      assert.throws(() => parseRequirements(line), invalid, line);
    }
    assert.throws(() => parseRequirements(`x${"!".repeat(600)}`), invalid);
  });

  it("reads the pip part of conda.yaml, and python_env.yaml", () => {
    const conda = parseCondaFile(Buffer.from("channels: [conda-forge]\ndependencies:\n- python=3.11.7\n- pip<=23\n- libgcc=9\n- pip:\n  - scikit-learn==1.9.1\n"));
    assert.deepEqual([conda.python, conda.requirements.packages], ["3.11.7", ["scikit-learn==1.9.1"]]);
    assert.match(conda.requirements.notes.join(), /libgcc/);
    const environment = parsePythonEnvironmentFile(Buffer.from("python: 3.10.4\nbuild_dependencies: [pip]\ndependencies:\n- -r requirements.txt\n- numpy\n"));
    assert.deepEqual([environment.python, environment.requirements.packages], ["3.10.4", ["numpy"]]);
  });
});

describe("input examples", () => {
  const inputs = readMlflowInputs(JSON.stringify([{ type: "double", name: "a" }, { type: "string", name: "b" }, { type: "long", name: "c" }])).specs;

  it("takes the first row of every form", () => {
    const wanted = [["a", [1.5]], ["b", ["x"]], ["c", [7]]];
    const split = { columns: ["c", "b", "a"], data: [[7, "x", 1.5], [8, "y", 2]] };
    for (const form of [split, { dataframe_split: split }, [{ a: 1.5, b: "x", c: 7 }], { dataframe_records: [{ a: 1.5, b: "x", c: 7 }] }, { a: [1.5], b: ["x"], c: [7] }]) {
      assert.deepEqual(exampleTensors(JSON.stringify(form), inputs)?.map(({ name, data }) => [name, data]), wanted, JSON.stringify(form));
    }
    const matrix = readMlflowInputs(JSON.stringify([{ type: "tensor", "tensor-spec": { dtype: "float64", shape: [-1, 2] } }])).specs;
    assert.deepEqual(exampleTensors('{"inputs": [[1, 2], [3, 4]]}', matrix)?.map(({ shape, data }) => [shape, data]), [[[1, 2], [1, 2]]]);
  });

  it("gives nothing where the example does not fit", () => {
    for (const text of ["", "7", "{}", "[]", '{"columns": ["a"], "data": []}', '[{"a": "text", "b": "x", "c": 1}]', '[{"a": 1, "b": "x"}]', '[{"a": null, "b": "x", "c": 1}]', '[{"a": 1, "b": "x", "c": 1.5}]']) {
      assert.equal(exampleTensors(text, inputs), null, text);
    }
  });

  it("stands for a signature where there is none", () => {
    assert.deepEqual(specsOfExample('[{"a": 1.5, "b": "x", "c": true}]')?.map(({ name, datatype }) => [name, datatype]), [["a", "FP64"], ["b", "BYTES"], ["c", "BOOL"]]);
    assert.deepEqual(specsOfExample('{"inputs": [[1, 2, 3]]}')?.map(({ datatype, shape }) => [datatype, shape]), [["FP64", [-1, 3]]]);
    assert.equal(specsOfExample('{"a": 1}'), null);
  });
});

describe("readBareModel", () => {
  const directory = mkdtempSync(join(tmpdir(), "slipway-bare-"));
  after(() => rmSync(directory, { recursive: true }));
  // As protocol 4 writes them: a module's name, and the version behind its key.
  const pickle = Buffer.from("\x80\x04\x8c\x1esklearn.linear_model._logistic\x94\x8c\x12LogisticRegression\x94\x8c\x05numpy\x94\x8c\x10_sklearn_version\x94\x8c\x051.9.1\x94.", "latin1");

  it("finds the library and its version in a pickle, compressed or not", async () => {
    for (const bytes of [pickle, deflateSync(pickle), Buffer.concat([Buffer.alloc(200_000), pickle])]) {
      const path = join(directory, "model");
      writeFileSync(path, bytes);
      assert.deepEqual(await readBareModel(path, "model.pkl"), { flavor: "pickle", packages: ["numpy", "pandas", "scikit-learn==1.9.1"], isCode: true });
    }
  });

  it("refuses other files, and damaged ones", async () => {
    const path = join(directory, "damaged");
    writeFileSync(path, deflateSync(pickle).subarray(0, 40));
    await assert.rejects(readBareModel(path, "model.joblib"), invalid);
    await assert.rejects(readBareModel(path, "model.txt"), invalid);
  });

  it("leaves no file open that cannot be decompressed", { skip: process.platform === "linux" ? false : "only Linux tells which files are open" }, async () => {
    const path = join(directory, "broken");
    const openFiles = (): string[] => readdirSync("/proc/self/fd").map((name) => {
      try {
        return readlinkSync(`/proc/self/fd/${name}`);
      } catch {
        return "";
      }
    });
    writeFileSync(path, Buffer.concat([Buffer.from([0x1f, 0x8b]), Buffer.alloc(1 << 20, 7)]));
    await assert.rejects(readBareModel(path, "model.pkl"), invalid);
    while (openFiles().includes(path)) await new Promise((resolve) => setImmediate(resolve));
  });
});
