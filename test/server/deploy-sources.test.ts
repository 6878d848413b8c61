import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import type { AppError } from "../../src/index.ts";
import { ModelHub } from "../kit/model-hub.ts";
import { failsOnValue, linearModel } from "../kit/onnx-models.ts";
import { program } from "../kit/program.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

const onnx = linearModel({ weights: [1, 10] });

describe("models deployed from where they are", () => {
  const hub = new ModelHub();
  let server: RunningServer;
  before(async () => {
    hub.repositories.set("acme/churn", { "README.md": { content: "# Churn" }, "onnx/model.onnx": { content: onnx, large: true } });
    hub.gated.set("acme/churn", "hf_secret");
    server = await startServer({ environment: { SLIPWAY_HUB_URL: await hub.listen(), SLIPWAY_HUB_TOKEN: "hf_secret", SLIPWAY_EGRESS_ALLOWED: "127.0.0.1" } });
  });
  after(async () => {
    await server.stop();
    await hub.close();
  });

  const score = async (model: string): Promise<unknown> =>
    (await server.client.infer(model, [{ name: "features", datatype: "FP32", shape: [1, 2], data: [1, 2] }])).outputs.score!.data;
  const post = async (path: string, body: object): Promise<{ run: { info: { run_id: string; artifact_uri: string } } }> =>
    (await (await fetch(`${server.url}/api/2.0/mlflow/${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) })).json()) as never;
  const deploy = (file: string, more: object = {}): ReturnType<typeof server.client.deploy> => server.client.deploy({ file, name: "churn", ...more });

  it("serves a repository of the hub, and notes the commit that it was", async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [program, "deploy", "hf://acme/churn@v1", "--name", "churn", "--json"], { env: { ...process.env, SLIPWAY_URL: server.url } });
    const { version, created, active } = JSON.parse(stdout) as Awaited<ReturnType<typeof deploy>>;
    const commit = ModelHub.commitOf(hub.repositories.get("acme/churn")!);
    assert.deepEqual([created, active, version.source, version.contract.lineage.codeRevision], [true, true, `hf://acme/churn@${commit}`, commit]);
    assert.deepEqual(await score("churn"), [21]);
    assert.equal((await deploy("hf://acme/churn")).created, false);
    assert.ok(!server.logLines.some((line) => line.includes("hf_secret")));
  });

  it("serves what a run left, with the run as its lineage, and reference data that the deployer gives", async () => {
    const { run: { info } } = await post("runs/create", { experiment_id: "0" });
    await post("runs/log-parameter", { run_id: info.run_id, key: "depth", value: "3" });
    const place = info.artifact_uri.replace(/^mlflow-artifacts:\/+/, "/");
    assert.equal((await fetch(`${server.url}/api/2.0/mlflow-artifacts/artifacts${place}/model/model.onnx`, { method: "PUT", body: Buffer.from(linearModel({ weights: [2, 20] })) })).status, 200);
    const reference = await server.file("r.csv", `a,b,y\n${Array.from({ length: 60 }, (_, index) => `${index % 7},${index % 5},${index % 2}`).join("\n")}\n`);
    const { version } = await deploy(`runs:/${info.run_id}/model`, { reference, target: "y" });
    assert.deepEqual([version.version, version.runId, version.source, version.contract.lineage.run?.params], ["2", info.run_id, `runs:/${info.run_id}/model`, { depth: "3" }]);
    assert.deepEqual(version.contract.referenceProfile?.columns.map(({ name }) => name), ["a", "b"]);
    assert.deepEqual(await score("churn"), [42]);
  });

  it("gives no traffic to a version that fails on its own input example", async () => {
    const runWith = async (index: number): Promise<string> => {
      const { run: { info } } = await post("runs/create", { experiment_id: "0" });
      const folder = `${server.url}/api/2.0/mlflow-artifacts/artifacts${info.artifact_uri.replace(/^mlflow-artifacts:\/+/, "/")}/model`;
      const files = {
        MLmodel: 'flavors:\n  onnx:\n    data: model.onnx\n    onnx_version: 1.17.0\nsaved_input_example_info:\n  artifact_path: input_example.json\n  type: ndarray\n'
          + "signature:\n  inputs: '[{\"type\": \"tensor\", \"tensor-spec\": {\"dtype\": \"int64\", \"shape\": [-1, 1]}}]'\n  outputs: '[{\"type\": \"tensor\", \"tensor-spec\": {\"dtype\": \"float32\", \"shape\": [-1, 1]}}]'\n",
        "model.onnx": Buffer.from(failsOnValue()),
        "input_example.json": JSON.stringify({ inputs: [[index]] }),
      };
      for (const [name, body] of Object.entries(files)) assert.equal((await fetch(`${folder}/${name}`, { method: "PUT", body })).status, 200);
      return `runs:/${info.run_id}/model`;
    };
    const first = await server.client.deploy({ file: await runWith(4), name: "table" });
    assert.deepEqual(first.version.contract.signature.inputExample, [{ name: "index", datatype: "INT64", shape: [1, 1], data: [4] }]);
    await assert.rejects(server.client.deploy({ file: await runWith(99), name: "table" }), (error: AppError) => error.code === "VERSION_FAILED" && /fails on its own input example/.test(error.message));
    assert.equal((await server.client.model("table")).model.aliases.champion, "1");
    const { outputs } = await server.client.infer("table", [{ name: "index", datatype: "INT64", shape: [1, 1], data: [6] }]);
    assert.deepEqual(outputs.y!.data, [3]);
  });

  it("refuses what is not there, and both ways at once, and registers nothing", async () => {
    const codeOf = (work: Promise<unknown>): Promise<string> => work.then(() => "", (error: AppError) => error.code);
    const missing = await server.client.deploy({ file: "no-such-file.onnx", name: "other" }).then(() => assert.fail(), (error: AppError) => error);
    assert.notEqual(missing.code, "INTERNAL");
    assert.match(missing.message, /no-such-file\.onnx/);
    assert.equal(await codeOf(server.client.deploy({ file: "hf://acme/other", name: "other" })), "MODEL_SOURCE_INVALID");
    assert.equal(await codeOf(server.client.deploy({ file: `runs:/${"0".repeat(32)}/model`, name: "other" })), "MODEL_SOURCE_INVALID");
    assert.equal(await codeOf(server.client.deploy({ file: "runs:/x/../../etc", name: "other" })), "MODEL_SOURCE_INVALID");
    const send = (body: object): Promise<number> =>
      fetch(`${server.url}/api/models/other/versions`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }).then(({ status }) => status);
    assert.deepEqual(await Promise.all([send({}), send({ source: "hf://a/b", artifact: `sha256:${"0".repeat(64)}` }), send({ source: "https://example.com/m.onnx" }), send({ source: "file:///etc/passwd" })]), [400, 400, 400, 400]);
    assert.deepEqual((await server.client.models()).map(({ name }) => name), ["churn", "table"]);
  });
});
