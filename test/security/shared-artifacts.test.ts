import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { linearModel } from "../kit/onnx-models.ts";
import { startSecuredServer, type RawReply, type SecuredServer } from "../kit/secured-server.ts";

interface Run {
  run_id: string;
  artifact_uri: string;
}
const model = {
  MLmodel: "flavors:\n  onnx:\n    data: model.onnx\n    onnx_version: 1.17.0\n",
  "model.onnx": linearModel({ weights: [1, 10] }),
};
const needsRun = /^Invalid model version source: '.*'\. To use a local path as a model version source, the run_id request parameter has to be specified and the local path has to be contained within the artifact directory of the run specified by the run_id\.$/;

describe("artifacts in folders that clients share with the server", () => {
  let disk: string;
  let root: string;
  let server: SecuredServer;
  let run: Run;
  let folder: string;
  before(async () => {
    disk = realpathSync(mkdtempSync(join(tmpdir(), "slipway-shared-")));
    root = join(disk, "root");
    server = await startSecuredServer({ artifactRoots: [root], defaultArtifactRoot: `file://${root}` });
    run = await newRun("shared");
    folder = run.artifact_uri.slice("file://".length);
    for (const [name, content] of Object.entries(model)) write(join(folder, "model", name), content);
    write(join(folder, "notes.txt"), "notes");
    write(join(disk, "secret"), "secret");
    symlinkSync(join(disk, "secret"), join(folder, "link"));
  });
  after(async () => {
    await server.stop();
    rmSync(disk, { recursive: true, force: true });
  });
  const write = (path: string, content: string | Uint8Array): void => {
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, content);
  };
  const of = <Body>(reply: RawReply): Body => {
    assert.equal(reply.status, 200, reply.body);
    return JSON.parse(reply.body) as Body;
  };
  const wire = (path: string, body: object, on = server): Promise<RawReply> => on.asAdmin("POST", `/api/2.0/mlflow/${path}`, body);
  const newRun = async (experiment: string, more: object = {}, on = server): Promise<Run> => {
    const { experiment_id } = of<{ experiment_id: string }>(await wire("experiments/create", { name: experiment, ...more }, on));
    return of<{ run: { info: Run } }>(await wire("runs/create", { experiment_id }, on)).run.info;
  };
  const list = async (id: string, path = "", on = server): Promise<string[]> =>
    (of<{ files: { path: string }[] }>(await on.asAdmin("GET", `/api/2.0/mlflow/artifacts/list?run_id=${id}&path=${encodeURIComponent(path)}`)).files).map((file) => file.path);
  const backup = async (on: SecuredServer): Promise<string> => {
    const answer = await fetch(`${on.slipway.url}/api/backup`, { method: "POST", headers: { Authorization: `Bearer ${on.adminKey}` } });
    assert.equal(answer.status, 200);
    return Buffer.from(await answer.arrayBuffer()).toString("latin1");
  };
  const get = (path: string, id = run.run_id): Promise<RawReply> => server.asAdmin("GET", `/get-artifact?run_id=${id}&path=${encodeURIComponent(path)}`);

  it("are listed and downloaded, also in part", async () => {
    assert.match(run.artifact_uri, new RegExp(`^file://${root}/[0-9]+/${run.run_id}/artifacts$`));
    assert.deepEqual([await list(run.run_id), await list(run.run_id, "model")], [["model", "notes.txt"], ["model/MLmodel", "model/model.onnx"]]);
    assert.equal((await get("notes.txt")).body, "notes");
    const part = await server.asAdmin("GET", `/get-artifact?run_id=${run.run_id}&path=notes.txt`, undefined, ["Range: bytes=1-2"]);
    assert.deepEqual([part.status, part.body], [206, "ot"]);
  });

  it("keep a path a path, and relative locations of no root as they are", async () => {
    assert.equal((await newRun("path", { artifact_location: join(root, "mine") })).artifact_uri.startsWith(`${root}/mine/`), true);
    assert.match((await newRun("relative", { artifact_location: "my_location" })).artifact_uri, /^my_location\//);
  });

  it("are read nowhere else: not through links, not by steps, not outside of the roots", async () => {
    assert.equal((await get("link")).status, 404);
    for (const path of ["../artifacts/notes.txt", "/etc/passwd", "model/../../x", "%2e%2e/x"]) assert.ok([400, 404].includes((await get(path)).status), path);
    for (const [name, location] of [["outside", disk], ["uri", `file://${disk}`], ["host", `file://other${root}`], ["beside", `${root}2`]] as const) {
      const other = await newRun(name, { artifact_location: location });
      write(join(disk, other.run_id, "artifacts", "found"), "secret");
      write(join(`${root}2`, other.run_id, "artifacts", "found"), "secret");
      assert.deepEqual(await list(other.run_id), [], name);
      assert.equal((await get("found", other.run_id)).status, 404, name);
    }
  });

  it("are nobody's who may not see the experiment", async () => {
    assert.equal((await server.asAdmin("POST", "/api/teams", { name: "blue" })).status, 200);
    const { key } = of<{ key: string }>(await server.asAdmin("POST", "/api/keys", { name: "blue", grants: [{ role: "deployer", team: "blue" }] }));
    const asBlue = (method: string, target: string, body = ""): Promise<RawReply> => server.send(method, target, [`Host: ${server.host}`, `Authorization: Bearer ${key}`, "Content-Type: application/json"], body);
    assert.equal((await asBlue("GET", `/get-artifact?run_id=${run.run_id}&path=notes.txt`)).status, 404);
    // Nor by an experiment of their own whose location is the other's folder.
    const made = of<{ experiment_id: string }>(await asBlue("POST", "/api/2.0/mlflow/experiments/create", JSON.stringify({ name: "theirs", artifact_location: folder })));
    const own = of<{ run: { info: Run } }>(await asBlue("POST", "/api/2.0/mlflow/runs/create", JSON.stringify({ experiment_id: made.experiment_id }))).run.info;
    assert.equal((await asBlue("GET", `/get-artifact?run_id=${own.run_id}&path=notes.txt`)).status, 404);
    assert.equal((await asBlue("POST", "/api/2.0/mlflow/registered-models/create", JSON.stringify({ name: "blues", tags: [{ key: "slipway.team", value: "blue" }] }))).status, 200);
    for (const id of [run.run_id, own.run_id]) {
      const refused = await asBlue("POST", "/api/2.0/mlflow/model-versions/create", JSON.stringify({ name: "blues", source: `${folder}/model`, run_id: id }));
      assert.equal(refused.status, 400, refused.body);
    }
  });

  it("become versions that serve, where the run is named", async () => {
    assert.equal((await wire("registered-models/create", { name: "churn" })).status, 200);
    const create = (body: object): Promise<RawReply> => wire("model-versions/create", { name: "churn", ...body });
    const { model_version: version } = of<{ model_version: { version: string; source: string } }>(await create({ source: `${run.artifact_uri}/model`, run_id: run.run_id }));
    assert.deepEqual([version.version, version.source], ["1", `${run.artifact_uri}/model`]);
    const file = await server.asAdmin("GET", "/model-versions/get-artifact?name=churn&version=1&path=MLmodel");
    assert.deepEqual([file.status, file.body], [200, model.MLmodel]);
    const registered = of<{ contract: { runtime: { kind: string }; lineage: { run?: { id: string } } } }>(await server.asAdmin("GET", "/api/models/churn/versions/1"));
    assert.deepEqual([registered.contract.runtime.kind, registered.contract.lineage.run?.id], ["onnx", run.run_id]);
    // Answers when it is loaded.
    of(await server.asAdmin("POST", "/api/models/served/versions", { source: `runs:/${run.run_id}/model` }));
    const scored = await server.asAdmin("POST", "/v2/models/served/infer", { inputs: [{ name: "features", datatype: "FP32", shape: [1, 2], data: [1, 2] }] });
    assert.deepEqual(of<{ outputs: { data: number[] }[] }>(scored).outputs[0]?.data, [21]);
    for (const body of [{ source: folder }, { source: disk, run_id: run.run_id }, { source: `${folder}/../..`, run_id: run.run_id }, { source: folder, run_id: "nobody's" }, { source: "model", run_id: run.run_id }]) {
      const refused = await create(body);
      assert.equal(refused.status, 400);
      assert.match((JSON.parse(refused.body) as { message: string }).message, needsRun);
    }
    const remote = await create({ source: `file://host${folder}`, run_id: run.run_id });
    assert.deepEqual([remote.status, (JSON.parse(remote.body) as { error_code: string }).error_code], [500, "INTERNAL_ERROR"]);
  });

  it("hold the files of logged models", async () => {
    const { experiment_id } = of<{ experiment_id: string }>(await wire("experiments/create", { name: "logged" }));
    const { model: logged } = of<{ model: { info: { model_id: string; artifact_uri: string } } }>(await server.asAdmin("POST", "/api/2.0/mlflow/logged-models", { experiment_id, name: "m" }));
    write(join(logged.info.artifact_uri.slice("file://".length), "MLmodel"), model.MLmodel);
    const found = of<{ files: { path: string }[] }>(await server.asAdmin("GET", `/api/2.0/mlflow/logged-models/${logged.info.model_id}/artifacts/directories`));
    assert.deepEqual(found.files.map(({ path }) => path), ["MLmodel"]);
    const file = await server.asAdmin("GET", `/ajax-api/2.0/mlflow/logged-models/${logged.info.model_id}/artifacts/files?artifact_file_path=MLmodel`);
    assert.equal(file.body, model.MLmodel);
  });

  it("take what is uploaded to the server within the run's own folder, and backups say that they do not carry them", async () => {
    const upload = (path: string) => server.asAdmin("POST", `/ajax-api/2.0/mlflow/upload-artifact?run_uuid=${run.run_id}&path=${encodeURIComponent(path)}`, "uploaded");
    assert.equal((await upload("plots/new.txt")).status, 200);
    assert.equal((await server.asAdmin("GET", `/get-artifact?run_uuid=${run.run_id}&path=plots/new.txt`)).body, JSON.stringify("uploaded"));
    assert.equal(readFileSync(join(folder, "plots/new.txt"), "utf8"), JSON.stringify("uploaded"));
    const outside = mkdtempSync(join(root, "..", "elsewhere-"));
    try {
      symlinkSync(outside, join(folder, "leads-out"));
      for (const path of ["leads-out/x.txt", "leads-out", "../x.txt", "plots"]) assert.equal((await upload(path)).status, 400, path);
      assert.deepEqual(readdirSync(outside), []);
    } finally {
      rmSync(outside, { recursive: true });
    }
    assert.equal((await backup(server)).includes("SLIPWAY_ARTIFACT_ROOTS) are not in it"), true);
  });

  it("are nothing to a server without the setting", async () => {
    const plain = await startSecuredServer();
    try {
      const other = await newRun("shared", { artifact_location: root }, plain);
      write(join(root, other.run_id, "artifacts", "found"), "x");
      assert.deepEqual(await list(other.run_id, "", plain), []);
      assert.equal((await plain.asAdmin("GET", `/get-artifact?run_id=${other.run_id}&path=found`)).status, 404);
      assert.equal((await wire("registered-models/create", { name: "churn" }, plain)).status, 200);
      for (const source of [other.artifact_uri, `file://${root}`, `file://host${root}`]) {
        const refused = await wire("model-versions/create", { name: "churn", source, run_id: other.run_id }, plain);
        assert.equal(refused.status, 400);
        assert.match(refused.body, /is not possible here/);
      }
      assert.equal((await backup(plain)).includes("ARTIFACT_ROOTS"), false);
    } finally {
      await plain.stop();
    }
  });
});
