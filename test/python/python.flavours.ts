import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startServer, type RunningServer } from "../kit/running-server.ts";

const program = fileURLToPath(new URL("../../bin/slipway.js", import.meta.url));
const script = fileURLToPath(new URL("./make_flavours.py", import.meta.url));
const run = promisify(execFile);

interface Library {
  variable: string;
  /** Names in expected.json, and files that are the same model. */
  models: readonly { name: string; as: string; exports: boolean }[];
}

/** Run by hand, for each library whose interpreter is named: docs/testing.md says how to make one. */
const libraries: Record<string, Library> = {
  PyTorch: {
    variable: "SLIPWAY_TEST_PYTHON_TORCH",
    models: [{ name: "mlflow-pytorch", as: "mlflow-pytorch", exports: true }, { name: "scripted.pt", as: "mlflow-pytorch", exports: false }],
  },
  TensorFlow: { variable: "SLIPWAY_TEST_PYTHON_TENSORFLOW", models: [{ name: "mlflow-tensorflow", as: "mlflow-tensorflow", exports: false }] },
};

for (const [library, { variable, models }] of Object.entries(libraries)) {
  const python = process.env[variable] ?? "";
  describe(`models of ${library}`, { skip: python === "" ? `${variable} names no interpreter` : false }, () => {
    let server: RunningServer;
    let directory: string;
    let expected: Record<string, { inputs: number[][]; outputs: number[][] }>;
    before(async () => {
      directory = await mkdtemp(join(tmpdir(), "slipway-flavours-"));
      await run(python, [script, directory], { cwd: directory, timeout: 300_000, maxBuffer: 16 * 1024 * 1024 });
      expected = JSON.parse(await readFile(join(directory, "expected.json"), "utf8")) as typeof expected;
      server = await startServer({ environment: { SLIPWAY_PYTHON: python } });
    });
    after(async () => {
      await server?.stop();
      await rm(directory, { recursive: true, force: true });
    });

    const slipway = async (...words: string[]): Promise<string> => (await run(process.execPath, [program, ...words], { cwd: directory, env: { ...process.env, SLIPWAY_URL: server.url } })).stdout;

    async function predictsAsItsLibrary(model: string, as: string): Promise<void> {
      const { inputs, outputs } = expected[as]!;
      const { inputs: [spec] } = (await (await fetch(`${server.url}/v2/models/${model}`)).json()) as { inputs: { name: string; datatype: string }[] };
      const answer = await fetch(`${server.url}/v2/models/${model}/infer`, {
        method: "POST", headers: { "content-type": "application/json" },
        body: JSON.stringify({ inputs: [{ ...spec, shape: [inputs.length, inputs[0]!.length], data: inputs.flat() }] }),
      });
      const body = (await answer.json()) as { outputs: { data: number[]; shape: number[] }[] };
      assert.equal(answer.status, 200, JSON.stringify(body));
      outputs.flat().forEach((value, index) => assert.ok(Math.abs(body.outputs[0]!.data[index]! - value) <= 1e-5 * Math.max(1, Math.abs(value)), `${body.outputs[0]!.data[index]} is not ${value}`));
    }

    for (const { name, as, exports } of models) {
      // A bare file of TorchScript does not say what it takes.
      if (name.endsWith(".pt")) {
        it(`asks for a signature of ${name}`, () => assert.rejects(slipway("deploy", join(directory, name), "--name", "bare"), /does not say what it takes/));
        continue;
      }
      it(`deploys ${name} and predicts as the library does`, async () => {
        await slipway("deploy", join(directory, name), "--name", as);
        await predictsAsItsLibrary(as, as);
      });
      it(`${exports ? "exports" : "has no converter for"} ${name}`, async () => {
        const exported = slipway("export", join(directory, name), "--to", "onnx", "--deploy", `${as}-onnx`, "--json");
        if (!exports) return assert.rejects(exported, /EXPORT_FAILED.*no converter/s);
        const report = JSON.parse(await exported) as { comparison: { agrees: boolean }; converter: string };
        assert.deepEqual([report.comparison.agrees, report.converter], [true, "torch"]);
        await predictsAsItsLibrary(`${as}-onnx`, as);
      });
    }
  });
}
