import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { AppError, Policy } from "../../src/index.ts";
import { betweenLooks } from "../kit/between-looks.ts";
import { linearModel } from "../kit/onnx-models.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

const rows = (...values: number[][]) => [{ name: "features", datatype: "FP32", shape: [values.length, values[0]!.length], data: values.flat() }];

describe("predictions and their records", () => {
  let server: RunningServer;
  before(async () => {
    server = await startServer();
    const reference = `a,b,y\n${Array.from({ length: 400 }, (_, index) => `${index % 20},${(index * 7) % 13},${index % 2}`).join("\n")}\n`;
    await server.client.deploy({ file: await server.file("m.onnx", linearModel({ weights: [1, 10] })), name: "m", reference: await server.file("r.csv", reference), target: "y" });
  });
  after(() => server.stop());

  async function change(edit: (policy: Policy) => Policy): Promise<void> {
    const { revision, policy } = await server.client.policy("m");
    await server.client.changePolicy("m", { revision, reason: "test", policy: edit(policy) });
  }

  it("explains a prediction: inputs, outputs, version, contract, timing, truth", async () => {
    const { predictionId } = await server.client.infer("m", rows([1, 2], [3, 4]), { id: "mine" });
    assert.deepEqual(await server.client.sendTruth([{ predictionId, row: 1, value: 1 }]), { added: 1, corrected: 0, unchanged: 0 });
    assert.deepEqual(await server.client.sendTruth([{ predictionId, row: 1, value: 1 }, { predictionId, value: 0 }]), { added: 1, corrected: 0, unchanged: 1 });
    assert.deepEqual(await server.client.sendTruth([{ predictionId, row: 0, value: 1 }]), { added: 0, corrected: 1, unchanged: 0 });
    const { prediction, contractDigest, alias, truth } = await server.client.why(predictionId);
    assert.deepEqual([prediction.model, prediction.version, prediction.requestId, prediction.rows, prediction.outcome, alias], ["m", "1", "mine", 2, "ok", "champion"]);
    assert.deepEqual(prediction.inputs[0]!.data, [1, 2, 3, 4]);
    assert.deepEqual(prediction.outputs.find(({ name }) => name === "score")!.data, [21, 43]);
    assert.ok(prediction.timing.totalUs >= prediction.timing.runUs && prediction.timing.batchRows >= 2);
    assert.equal(contractDigest, (await server.client.model("m")).versions[0]!.contractDigest);
    assert.deepEqual(truth.map(({ row, value, corrections }) => [row, value, corrections]), [[0, 1, 1], [1, 1, 0]]);
  });

  it("takes truth before its prediction is looked for, and says plainly what it does not know", async () => {
    assert.equal(await server.client.why("prd_00000000000000000000000000").then(() => "", (error: AppError) => error.code), "PREDICTION_NOT_FOUND");
    assert.equal(await server.client.sendTruth([{ predictionId: "nonsense" as never, value: 1 }]).then(() => "", (error: AppError) => error.code), "INVALID_REQUEST");
  });

  it("keeps redacted values out of the record", async () => {
    await change((policy) => ({ ...policy, log: { ...policy.log, redact: ["b", "probability"] } }));
    const { predictionId, outputs } = await server.client.infer("m", rows([5, 7777]));
    assert.equal(outputs.score!.data[0], 77775);
    const { prediction } = await server.client.why(predictionId);
    assert.equal(JSON.stringify(prediction.inputs).includes("7777"), false);
    assert.equal(prediction.inputs[0]!.data?.[0], 5);
    assert.deepEqual([prediction.outputs.find(({ name }) => name === "probability")!.data, prediction.outputs.find(({ name }) => name === "probability")!.redacted], [null, true]);
    await change((policy) => ({ ...policy, log: { ...policy.log, redact: [] } }));
  });

  it("logs the share that the policy asks for", async () => {
    await change((policy) => ({ ...policy, log: { ...policy.log, sampleRate: 0 } }));
    const { predictionId } = await server.client.infer("m", rows([1, 1]));
    assert.equal(await server.client.why(predictionId).then(() => "", (error: AppError) => error.code), "PREDICTION_NOT_FOUND");
    await change((policy) => ({ ...policy, log: { ...policy.log, sampleRate: 1 } }));
  });

  it("answers equal inputs from the cache when the policy says so, and tells them apart", async () => {
    await change((policy) => ({ ...policy, cache: { enabled: true, ttlSeconds: 60, maxEntries: 10 } }));
    const first = await server.client.infer("m", rows([9, 9]));
    const second = await server.client.infer("m", rows([9, 9]));
    const other = await server.client.infer("m", rows([9, 8]));
    assert.deepEqual(second.outputs, first.outputs);
    assert.notEqual(second.predictionId, first.predictionId);
    assert.deepEqual(await Promise.all([first, second, other].map(async ({ predictionId }) => (await server.client.why(predictionId)).prediction.outcome)), ["ok", "cached", "ok"]);
    await change((policy) => ({ ...policy, cache: { ...policy.cache, enabled: false } }));
  });

  it("refuses a policy that was read before somebody else's change, and one that is wrong", async () => {
    const { revision, policy } = await server.client.policy("m");
    assert.equal(await server.client.changePolicy("m", { revision: revision - 1, reason: "late", policy }).then(() => "", (error: AppError) => error.code), "POLICY_CONFLICT");
    assert.equal(await server.client.changePolicy("m", { revision, reason: "wrong", policy: { ...policy, serving: { ...policy.serving, runners: 0 } } }).then(() => "", (error: AppError) => error.code), "INVALID_REQUEST");
  });

  it("shows no drift on data like the reference, and drift on shifted data", async () => {
    const send = async (shift: number): Promise<void> => {
      for (let index = 0; index < 4; index++) {
        await server.client.infer("m", rows(...Array.from({ length: 100 }, (_, position) => [((index * 100 + position) % 20) + shift, ((index * 100 + position) * 7) % 13])));
      }
    };
    await send(0);
    const calm = await server.client.drift("m");
    assert.deepEqual(calm.columns.map(({ column, level }) => [column, level]), [["a", "none"], ["b", "none"]]);
    await send(12);
    const drifted = await server.client.drift("m");
    assert.deepEqual(drifted.columns.map(({ column, level }) => [column, level]), [["a", "major"], ["b", "none"]]);
    assert.equal(drifted.level, "major");
    assert.match(await (await fetch(`${server.url}/metrics`)).text(), /slipway_drift_psi\{model="m",version="1",column="a"\} [0-9.]+/);
  });

  it("keeps figures and measurements over a restart", async (t) => {
    const own = await startServer();
    t.after(() => own.stop());
    await own.client.deploy({ file: await own.file("m.onnx", linearModel({ weights: [1] })), name: "kept" });
    for (let value = 0; value < 5; value++) await own.client.infer("kept", rows([value]));
    await own.stop({ keep: true });
    const again = await startServer({ directory: own.directory });
    t.after(() => again.stop());
    const series = await again.client.series("kept", { points: 10 });
    assert.deepEqual(series.versions.map(({ version, total }) => [version, total.requests]), [["1", 5]]);
    while ((await fetch(`${again.url}/ready`)).status !== 200) await betweenLooks();
    const [served] = (await again.client.model("kept")).served;
    assert.deepEqual([served!.placement, served!.warmup.at(-1)!.rows], ["inline", 64]);
    assert.ok(!again.logLines.some((line) => line.includes('"placement":"runner"')), "a model that was measured tiny starts no process again");
  });
});
