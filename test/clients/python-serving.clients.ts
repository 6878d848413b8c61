import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { loaderFolder } from "../../src/adapters/python/python-models.fixture.ts";
import { trainedModels } from "../python/trained-models.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

const python = process.env.SLIPWAY_TEST_PYTHON ?? fileURLToPath(new URL("../../.venv/bin/python", import.meta.url));
const program = fileURLToPath(new URL("../../bin/slipway.js", import.meta.url));
const run = promisify(execFile);

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

describe("models of Python on a server", () => {
  let server: RunningServer;
  /** What was trained, and a folder for what the tests make themselves. */
  let models: string;
  let directory: string;
  let expected: Record<string, { inputs: Record<string, unknown[]>; outputs: Record<string, unknown[]> }>;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-python-serving-"));
    models = await trainedModels(python);
    expected = JSON.parse(await readFile(join(models, "expected.json"), "utf8")) as typeof expected;
    server = await startServer({ environment: { SLIPWAY_PYTHON: python } });
  });
  after(async () => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const deploy = async (path: string, name: string): Promise<string> => (await run(process.execPath, [program, "deploy", path, "--name", name], { env: { ...process.env, SLIPWAY_URL: server.url } })).stdout;

  async function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const answer = await fetch(server.url + path, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  }

  /** A folder whose model needs nothing but Python. */
  async function folder(name: string, predict: string): Promise<string> {
    for (const [path, content] of Object.entries(loaderFolder(predict))) {
      const target = join(directory, name, path);
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, content);
    }
    return join(directory, name);
  }

  const rowsOf = (inputs: Record<string, unknown[]>): { columns: string[]; data: unknown[][]; records: Record<string, unknown>[] } => {
    const columns = Object.keys(inputs);
    const data = inputs[columns[0]!]!.map((_, row) => columns.map((name) => inputs[name]![row]));
    return { columns, data, records: data.map((row) => Object.fromEntries(columns.map((name, index) => [name, row[index]]))) };
  };

  it("deploys a folder of MLflow, and every protocol predicts what the library does", async () => {
    const wanted = expected["mlflow-sklearn"];
    assert.ok(wanted !== undefined, "no model of MLflow was made: install test/clients/requirements.txt");
    assert.match(await deploy(join(models, "mlflow-sklearn"), "folder"), /registered and serves/);
    const { columns, data, records } = rowsOf(wanted.inputs);
    const predictions = wanted.outputs.output!;
    const named = { "x-slipway-model": "folder" };
    for (const body of [{ dataframe_split: { columns, data } }, { dataframe_records: records }, { instances: records }]) {
      assert.deepEqual(await post("/invocations", body, named), { status: 200, body: { predictions } }, JSON.stringify(Object.keys(body)));
    }
    assert.deepEqual((await post("/v1/models/folder:predict", { instances: records })).body, { predictions });
    const inputs = columns.map((name) => ({ name, datatype: "FP64", shape: [data.length], data: wanted.inputs[name] }));
    const { outputs } = (await post("/v2/models/folder/infer", { inputs })).body as { outputs: { name: string; data: unknown[] }[] };
    assert.deepEqual(outputs.map(({ name, data: values }) => [name, values]), [["output", predictions]]);
  });

  it("deploys a bare pickle and says that it is code", async () => {
    const said = await deploy(join(models, "classifier.pkl"), "pickle");
    assert.match(said, /A pickle is code/);
    assert.match(said, /label INT64\[-1\], probabilities FP64\[-1, 3\]/);
    const { columns, data } = rowsOf(expected["classifier.pkl"]!.inputs);
    // Columns go by their names, in whatever order they come.
    const turned = { columns: [...columns].reverse(), data: data.map((row) => [...row].reverse()) };
    const { body } = await post("/invocations", { dataframe_split: turned }, { "x-slipway-model": "pickle" });
    assert.deepEqual((body.predictions as { label: number }[]).map(({ label }) => label), expected["classifier.pkl"]!.outputs.label);
  });

  it("refuses a folder without a model, and a model that cannot be loaded, and registers neither", async () => {
    await mkdir(join(directory, "empty"));
    await writeFile(join(directory, "empty", "readme.md"), "nothing");
    await assert.rejects(deploy(join(directory, "empty"), "empty"), /MODEL_FILE_INVALID/);
    await writeFile(join(directory, "broken.pkl"), "cos\nsystem\n.");
    await assert.rejects(deploy(join(directory, "broken.pkl"), "broken"), /MODEL_FILE_INVALID/);
    assert.equal((await fetch(`${server.url}/api/models/broken`)).status, 404);
  });

  it("goes on after a model that crashes and one that never returns", async () => {
    await deploy(await folder("dying", "if rows['x'][0] < 0: os._exit(9)\nif rows['x'][0] > 9: time.sleep(1000)\nreturn {'y': [x + 1 for x in rows['x']]}"), "dying");
    const ask = (x: number): Promise<Answer> => post("/v2/models/dying/infer", { inputs: [{ name: "x", datatype: "FP64", shape: [1], data: [x] }] });
    const { revision, policy } = await server.client.policy("dying");
    await server.client.changePolicy("dying", { revision, reason: "a test", policy: { ...policy, serving: { ...policy.serving, maxRunMs: 2000 } } });
    assert.equal((await ask(1)).status, 200);
    for (const bad of [-1, -1, 10]) assert.ok((await ask(bad)).status >= 500);
    // A new process is on its way: requests wait for it within their deadline.
    const answer = await ask(2);
    assert.deepEqual([(answer.body.outputs as { data: number[] }[])[0]!.data, answer.status], [[3], 200]);
  });
});
