import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { AppError } from "../../src/index.ts";
import { betweenLooks } from "../kit/between-looks.ts";
import { diesOnMinusOne, failsOnValue, linearModel, loopsAsOftenAsTold, neverReturns, zipMapClassifier } from "../kit/onnx-models.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

const column = (name: string, datatype: string, values: readonly unknown[]) => ({ name, datatype, shape: [values.length, 1], data: values });
const code = (error: unknown): string => (error as AppError).code ?? String(error);

describe("models that are slow, broken or hostile", () => {
  let server: RunningServer;
  before(async () => {
    server = await startServer();
    await server.client.deploy({ file: await server.file("good.onnx", linearModel({ weights: [2] })), name: "good" });
  });
  after(() => server.stop());

  async function withDeadline(model: string, deadlineMs: number): Promise<void> {
    const { revision, policy } = await server.client.policy(model);
    await server.client.changePolicy(model, { revision, reason: "test", policy: { ...policy, serving: { ...policy.serving, deadlineMs } } });
  }

  it("answers the callers of a model that never returns by their deadline, replaces its runner, and serves everything else", async () => {
    await server.client.deploy({ file: await server.file("loop.onnx", loopsAsOftenAsTold()), name: "loop" });
    assert.deepEqual((await server.client.infer("loop", [column("x", "FP32", [0])])).outputs.y!.data, [0]);
    await withDeadline("loop", 1500);
    const before = (await server.client.model("loop")).served[0]!;
    assert.equal(before.placement, "runner");

    const stuck = server.client.infer("loop", [column("x", "FP32", [1e18])]).then(() => "answered", code);
    let healthy = 0;
    let ended = false;
    void stuck.then(() => (ended = true));
    while (!ended) {
      assert.equal((await fetch(`${server.url}/health`)).status, 200);
      assert.equal((await fetch(`${server.url}/metrics`)).status, 200);
      assert.deepEqual((await server.client.infer("good", [{ name: "features", datatype: "FP32", shape: [1, 1], data: [3] }])).outputs.score!.data, [6]);
      healthy++;
      await betweenLooks();
    }
    assert.equal(await stuck, "DEADLINE_EXCEEDED");
    assert.ok(healthy > 3, `only ${healthy} rounds of other work went through`);

    let restarts = 0;
    while (restarts === 0) {
      await betweenLooks();
      restarts = (await server.client.model("loop")).served[0]!.runners.restarts;
    }
    await withDeadline("loop", 20_000);
    assert.deepEqual((await server.client.infer("loop", [column("x", "FP32", [0])])).outputs.y!.data, [0]);
    const [failed] = await server.client.predictions("loop", { outcome: "error" });
    assert.equal(failed!.outcome, "DEADLINE_EXCEEDED");
  });

  it("takes a model that never ends on any input, and still answers for it", async () => {
    const { notes } = await server.client.deploy({ file: await server.file("never.onnx", neverReturns()), name: "never" });
    assert.ok(notes.some((note) => /did not (finish|end|return|answer)/i.test(note)), notes.join("\n"));
    await withDeadline("never", 200);
    assert.equal(await server.client.infer("never", [column("x", "FP32", [1])]).then(() => "answered", code), "DEADLINE_EXCEEDED");
    assert.equal((await fetch(`${server.url}/health`)).status, 200);
  });

  it("lets only the request fail that kills the runner", async () => {
    const { version } = await server.client.deploy({ file: await server.file("dies.onnx", diesOnMinusOne()), name: "dies" });
    assert.equal((await server.client.model("dies")).served[0]!.placement, "runner", "a model that can kill its process must not run in the server's");
    assert.equal(version.version, "1");
    const answers = await Promise.all([1, -1, 2, 4].map((value) => server.client.infer("dies", [column("x", "INT64", [value])]).then(({ outputs }) => typeof outputs.y!.data[0], code)));
    assert.deepEqual([answers[0], answers[1], answers[2], answers[3]], ["number", "RUNNER_CRASHED", "number", "number"]);
  });

  it("answers values that the model refuses with the reason, and its neighbours with their rows", async () => {
    await server.client.deploy({ file: await server.file("fails.onnx", failsOnValue()), name: "fails" });
    const answers = await Promise.all([1, 99, 3].map((value) => server.client.infer("fails", [column("index", "INT64", [value])]).then(({ outputs }) => outputs.y!.data[0], code)));
    assert.deepEqual(answers, [0.5, "MODEL_RUN_FAILED", 1.5]);
  });

  it("removes ZipMap and says so", async () => {
    const { notes, version } = await server.client.deploy({
      file: await server.file("zip.onnx", zipMapClassifier({ coefficients: [[1, -1], [-1, 1]], intercepts: [0, 0], labels: { integers: [0, 1] } } as never)), name: "zip",
    });
    assert.ok(notes.some((note) => note.includes("ZipMap")), notes.join("\n"));
    assert.notEqual(version.contract.runtime.sourceDigest, version.contract.runtime.artifacts[0]!.digest);
  });

  it("refuses what is no model, with the reason, and registers nothing", async () => {
    const files: [string, Uint8Array | string, string][] = [
      ["text.onnx", "<html>not a model</html>", "MODEL_FILE_INVALID"],
      ["empty.onnx", "", "MODEL_FILE_INVALID"],
      ["cut.onnx", linearModel({ weights: [1, 2, 3] }).subarray(0, 60), "MODEL_FILE_INVALID"],
    ];
    for (const [name, content, expected] of files) {
      assert.equal(await server.client.deploy({ file: await server.file(name, content), name: "refused" }).then(() => "deployed", code), expected, name);
    }
    assert.equal(await server.client.model("refused").then(() => "there", code), "MODEL_NOT_FOUND");
  });

  it("refuses reference data that contradicts the signature, naming each contradiction", async () => {
    const file = await server.file("three.onnx", linearModel({ weights: [1, 2, 3] }));
    const reference = await server.file("three.csv", "a,b,c,label\n1,2,x,0\n3,4,y,1\n");
    const error = await server.client.deploy({ file, name: "contradicted", reference, target: "label" }).then(() => assert.fail("deployed"), (thrown: AppError) => thrown);
    assert.equal(error.code, "REFERENCE_CONTRADICTS_SIGNATURE");
    assert.match(error.message, /reference\.c: the column holds text values/);
    assert.equal(await server.client.model("contradicted").then(() => "there", code), "MODEL_NOT_FOUND");
  });

  it("holds the memory of a version only as long as it is loaded", async () => {
    const { file } = { file: await server.file("loop2.onnx", loopsAsOftenAsTold()) };
    await server.client.deploy({ file, name: "unloaded" });
    const pid = server.logLines.map((line) => JSON.parse(line.startsWith("{") ? line : "{}") as { event?: string; model?: string; processId?: number }).findLast(({ event, model }) => event === "runner.started" && model === "unloaded")!.processId!;
    process.kill(pid, 0);
    assert.equal((await fetch(`${server.url}/v2/repository/models/unloaded/unload`, { method: "POST" })).status, 200);
    assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
    assert.equal(await server.client.infer("unloaded", [column("x", "FP32", [0])]).then(() => "answered", code).then((text) => text === "answered"), false);
  });
});
