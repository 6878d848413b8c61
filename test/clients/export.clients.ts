import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { ExportReport } from "../../src/exporting/index.ts";
import { trainedModels } from "../python/trained-models.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { pythonOf } from "./python-script.ts";

const program = fileURLToPath(new URL("../../bin/slipway.js", import.meta.url));
const run = promisify(execFile);

interface Expected {
  inputs: Record<string, number[]> | number[][];
  outputs: Record<string, unknown[]>;
}

type Exported = ExportReport & { run: string; file: string; deployed?: { model: string; version: string } };

describe("export to ONNX", () => {
  const python = pythonOf();
  let server: RunningServer;
  let models: string;
  let directory: string;
  let expected: Record<string, Expected>;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-export-"));
    models = await trainedModels(python);
    expected = JSON.parse(await readFile(join(models, "expected.json"), "utf8")) as typeof expected;
    server = await startServer({ environment: { SLIPWAY_PYTHON: python } });
  });
  after(async () => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const words = (source: string, ...more: string[]): string[] => [program, "export", source, "--to", "onnx", "--json", ...more];
  const exported = async (source: string, ...more: string[]): Promise<Exported> =>
    JSON.parse((await run(process.execPath, words(source, ...more), { cwd: directory, env: { ...process.env, SLIPWAY_URL: server.url } })).stdout) as Exported;
  /** What is said on stderr of a failure. */
  const refused = async (source: string, ...more: string[]): Promise<string> => {
    try {
      await exported(source, ...more);
    } catch (error) {
      return `${(error as { stdout: string }).stdout}${(error as { stderr: string }).stderr}`;
    }
    throw new Error(`${source} was exported.`);
  };

  /** Outputs of a deployed version for the rows of expected.json, by name. */
  async function predictions(model: string, { inputs }: Expected): Promise<Record<string, unknown[]>> {
    const tensors = Array.isArray(inputs)
      ? [{ name: "input", datatype: "FP64", shape: [inputs.length, inputs[0]!.length], data: inputs.flat() }]
      : Object.entries(inputs).map(([name, data]) => ({ name, datatype: typeof data[0] === "string" ? "BYTES" : "FP64", shape: [data.length], data }));
    const answer = await fetch(`${server.url}/v2/models/${model}/infer`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ inputs: tensors }) });
    const body = (await answer.json()) as { outputs: { name: string; data: unknown[] }[] };
    assert.equal(answer.status, 200, JSON.stringify(body));
    return Object.fromEntries(body.outputs.map(({ name, data }) => [name, data]));
  }

  function assertClose(got: Record<string, unknown[]>, wanted: Record<string, unknown[]>): void {
    for (const [name, values] of Object.entries(wanted)) {
      const flat = values.flat();
      assert.equal(got[name]?.length, flat.length, name);
      flat.forEach((value, index) => {
        const answer = got[name]![index];
        if (typeof value === "string") assert.equal(answer, value);
        else assert.ok(Math.abs(Number(answer) - Number(value)) <= 1e-5 * Math.max(1, Math.abs(Number(value))), `${name}[${index}] is ${String(answer)}, the library says ${String(value)}`);
      });
    }
  }

  async function mlflow<Answer>(method: string, body: unknown): Promise<Answer> {
    const answer = await fetch(`${server.url}/api/2.0/mlflow/${method}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    assert.equal(answer.status, 200, method);
    return (await answer.json()) as Answer;
  }

  /** Puts a trained folder where a client would have logged it; answers with the id that `make` made. */
  async function logged(name: string, make: (experiment: string) => Promise<{ id: string; place: string }>): Promise<string> {
    const { experiment_id: experiment } = await mlflow<{ experiment_id: string }>("experiments/create", { name });
    const { id, place } = await make(experiment);
    for (const entry of await readdir(join(models, name), { withFileTypes: true, recursive: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      const url = `${server.url}/api/2.0/mlflow-artifacts/artifacts/${place}/${relative(join(models, name), path)}`;
      assert.equal((await fetch(url, { method: "PUT", body: await readFile(path) })).status, 200, url);
    }
    return id;
  }

  /** What is deployed is the exported file; it takes and answers what the original does. */
  async function exportsAsItsLibrary(name: string, converter: string, source = join(models, name), ...more: string[]): Promise<Exported> {
    const wanted = expected[name];
    assert.ok(wanted !== undefined, `${name} was not made: install test/clients/requirements.txt`);
    const model = `exported-${name.replaceAll(".", "-")}`;
    const result = await exported(source, "--deploy", model, ...more);
    assert.deepEqual([result.converter, result.comparison.agrees, result.deployed?.model], [converter, true, model]);
    assert.ok(result.opset >= 17 && existsSync(join(directory, result.file)));
    assertClose(await predictions(model, wanted), wanted.outputs);
    return result;
  }

  it("exports a pipeline of scikit-learn with columns of texts, in the operator set that is asked for", async () => {
    const { opset, comparison, inputs } = await exportsAsItsLibrary("mixed.pkl", "skl2onnx", undefined, "--opset", "18");
    assert.deepEqual([opset, comparison.on, inputs.map(({ name, datatype }) => `${name} ${datatype}`)], [18, "made-up values", ["city BYTES", "size FP64"]]);
  });

  it("exports MLflow's folder of a scikit-learn model under the names of its signature, compared on its example", async () => {
    const { comparison, outputs } = await exportsAsItsLibrary("mlflow-sklearn", "skl2onnx");
    assert.deepEqual([comparison.on, comparison.rows > 1, outputs.map(({ name }) => name)], ["input example", true, ["output", "probabilities"]]);
  });

  it("exports the model of XGBoost among a run's artifacts, which knows the names of its columns, by the run's id", async () => {
    const run = await logged("mlflow-xgboost", async (experiment) => {
      const { run: made } = await mlflow<{ run: { info: { run_id: string } } }>("runs/create", { experiment_id: experiment });
      return { id: made.info.run_id, place: `${experiment}/${made.info.run_id}/artifacts/model` };
    });
    const { comparison } = await exportsAsItsLibrary("mlflow-xgboost", "skl2onnx", run);
    assert.equal(comparison.on, "made-up values");
    assert.match(await refused(`runs:/${run}/other`), /EXPORT_FAILED.*no model at/s);
  });

  it("exports a logged model of LightGBM", async () => {
    const model = await logged("mlflow-lightgbm", async (experiment) => {
      const { model: made } = await mlflow<{ model: { info: { model_id: string } } }>("logged-models", { experiment_id: experiment, name: "light" });
      return { id: made.info.model_id, place: `${experiment}/models/${made.info.model_id}/artifacts` };
    });
    assert.equal((await exportsAsItsLibrary("mlflow-lightgbm", "skl2onnx", `models:/${model}`)).file, "light.onnx");
  });

  it("exports a booster of LightGBM, which answers labels beside its probabilities then", async () => {
    const { comparison, file } = await exported(join(models, "boosted.txt"), "--deploy", "booster", "-o", join(directory, "named.onnx"));
    assert.deepEqual([comparison.agrees, file], [true, join(directory, "named.onnx")]);
    const { inputs, outputs } = expected["boosted.txt"]!;
    const answers = await predictions("booster", { inputs, outputs });
    assertClose({ variable: answers.probabilities!.filter((_, index) => index % 2 === 1) }, outputs);
  });

  it("exports a registered version", async () => {
    await run(process.execPath, [program, "deploy", join(models, "regressor.joblib"), "--name", "original"], { env: { ...process.env, SLIPWAY_URL: server.url } });
    const result = await exported("models:/original@champion", "--deploy", "original");
    assert.deepEqual([result.file, result.deployed], ["original-1.onnx", { model: "original", version: "2" }]);
    assertClose(await predictions("original", expected["regressor.joblib"]!), expected["regressor.joblib"]!.outputs);
    assert.match(await refused("models:/original/2"), /EXPORT_FAILED.*in ONNX already/s);
  });

  it("finds that a converter lies, with numbers, writes nothing, and writes it when it must", async () => {
    const said = await refused(join(models, "doubling.pkl"));
    assert.match(said, /EXPORT_FAILED.*answers otherwise.*variable: largest difference \d.*relative 0\.5/s);
    assert.equal(existsSync(join(directory, "doubling.onnx")), false);
    const forced = await exported(join(models, "doubling.pkl"), "--force");
    assert.deepEqual([forced.comparison.agrees, existsSync(join(directory, "doubling.onnx"))], [false, true]);
  });

  it("says what a converter failed with, without paths", async () => {
    const said = await refused(join(models, "failing.pkl"));
    assert.match(said, /EXPORT_FAILED.*this converter gives up/s);
    assert.doesNotMatch(said, /some\/secret/);
  });

  it("says that there is no converter for a class, and for a flavour", async () => {
    assert.match(await refused(join(models, "unknown.pkl")), /EXPORT_FAILED.*Unknown/s);
    assert.match(await refused(join(models, "mlflow-pyfunc")), /EXPORT_FAILED.*python_function.*sklearn, xgboost, lightgbm, pytorch/s);
  });
});
