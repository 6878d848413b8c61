import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { AppError } from "../../src/index.ts";
import { linearModel } from "../kit/onnx-models.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { UpstreamPeer, type PeerAnswer, type PeerRequest } from "./upstream-peer.ts";

const program = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const far = "9223372036854775807";

/** The documented protocols, each with a model that adds a and b. Real servers: test/clients/upstream-servers.clients.ts, test/python/upstream-servers.flavours.ts. */
describe("protocols of servers upstream", () => {
  const peer = new UpstreamPeer(() => ({ status: 404 }));
  let url = "";
  let server: RunningServer;
  before(async () => {
    url = await peer.listen();
    server = await startServer({ environment: { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1" } });
  });
  after(async () => {
    await server.stop();
    await peer.close();
  });
  beforeEach(() => void (peer.requests.length = 0));

  const signature = {
    inputs: [{ name: "a", datatype: "INT64", shape: [-1] }, { name: "b", datatype: "FP64", shape: [-1] }, { name: "c", datatype: "BYTES", shape: [-1] }],
    outputs: [{ name: "y", datatype: "FP64", shape: [-1] }],
  };
  const deploy = (name: string, upstream: object): ReturnType<typeof server.client.deploy> => server.client.deploy({ file: url, name, upstream: { timeoutMs: 20_000, ...upstream } } as never);
  const infer = async (model: string, inputs: string): Promise<{ status: number; text: string }> => {
    const answer = await fetch(`${server.url}/v2/models/${model}/infer`, { method: "POST", headers: { "content-type": "application/json" }, body: `{"inputs":${inputs}}` });
    return { status: answer.status, text: await answer.text() };
  };
  const rows = `[{"name":"a","datatype":"INT64","shape":[2],"data":[${far},2]},{"name":"b","datatype":"FP64","shape":[2],"data":[0.5,1e300]},{"name":"c","datatype":"BYTES","shape":[2],"data":["x,\\"","é"]}]`;
  const outputsOf = (text: string): Record<string, unknown[]> =>
    Object.fromEntries((JSON.parse(text) as { outputs: { name: string; data: unknown[] }[] }).outputs.map(({ name, data }) => [name, data]));
  const sent = (): string => peer.posted.at(-1)!.body.toString();

  it("TF Serving: metadata, columns and rows, NaN as a word, bytes in base64", async () => {
    const info = (dtype: string, ...sizes: string[]): object => ({ dtype, tensor_shape: { dim: sizes.map((size) => ({ size, name: "" })), unknown_rank: false }, name: "t:0" });
    const metadata = {
      model_spec: { name: "sum", signature_name: "", version: "3" },
      metadata: { signature_def: { signature_def: { serving_default: {
        inputs: { x: info("DT_FLOAT", "-1", "2"), id: info("DT_INT64", "-1"), raw_bytes: info("DT_STRING", "-1") },
        outputs: { y: info("DT_FLOAT", "-1"), id: info("DT_INT64", "-1"), raw_bytes: info("DT_STRING", "-1") }, method_name: "tensorflow/serving/predict",
      }, one: { inputs: { x: info("DT_DOUBLE", "-1") }, outputs: { y: info("DT_DOUBLE", "-1") } } } } },
    };
    let answer = "";
    let state = "AVAILABLE";
    peer.answer = ({ method, path }: PeerRequest): PeerAnswer => {
      if (path === "/v1/models/sum/versions/3") return { body: { model_version_status: [{ version: "3", state, status: { error_code: "OK", error_message: "" } }] } };
      if (path === "/v1/models/sum/versions/3/metadata") return { body: metadata };
      if (method === "POST" && path === "/v1/models/sum/versions/3:predict") return { bytes: answer };
      return { status: 404, body: { error: "Servable not found" } };
    };
    const words = ["deploy", url, "--name", "tf", "--protocol", "tf-serving", "--upstream-model", "sum", "--upstream-version", "3", "--timeout", "20s", "--json"];
    const { stdout } = await promisify(execFile)(process.execPath, [program, ...words], { env: { ...process.env, SLIPWAY_URL: server.url } });
    const { contract } = (JSON.parse(stdout) as Awaited<ReturnType<typeof deploy>>).version;
    assert.deepEqual(contract.signature.inputs.map(({ name, datatype, shape }) => `${name} ${datatype} ${shape.join()}`), ["id INT64 -1", "raw_bytes BYTES -1", "x FP32 -1,2"]);
    const inputs = `[{"name":"x","datatype":"FP32","shape":[1,2],"data":[0.1,-0.0]},{"name":"id","datatype":"INT64","shape":[1],"data":[-${far}]},{"name":"raw_bytes","datatype":"BYTES","shape":[1],"data":["é"]}]`;
    answer = `{ "outputs": { "y": [NaN], "id": [ -${far}\n ], "raw_bytes": [{"b64": "w6k="}] } }`;
    const { status, text } = await infer("tf", inputs);
    assert.equal(status, 200, text);
    assert.equal(sent(), `{"signature_name":"serving_default","inputs":{"id":[-${far}],"raw_bytes":[{"b64":"w6k="}],"x":[[${Math.fround(0.1)},-0.0]]}}`);
    assert.match(text, new RegExp(`\\[-${far}\\]`));
    assert.match(text, /\["é"\]/);
    // An only output comes without its name; rows are the other format.
    for (const [name, format, body, reply] of [["one", undefined, '{"signature_name":"one","inputs":{"x":[1.5,2.0]}}', '{"outputs":[Infinity,4]}'], ["ones", "instances", '{"signature_name":"one","instances":[1.5,2.0]}', '{"predictions":[Infinity,4]}']] as const) {
      await deploy(name, { protocol: "tf-serving", model: "sum", version: "3", signatureName: "one", ...(format === undefined ? {} : { format }) });
      answer = reply;
      const got = await infer(name, '[{"name":"x","datatype":"FP64","shape":[2],"data":[1.5,2]}]');
      assert.equal(got.status, 200, got.text);
      assert.equal(sent(), body);
    }
    answer = '{"outputs":{"y":[[1]],"id":[1],"raw_bytes":["a"]}}';
    assert.match((await infer("tf", inputs)).text, /has the shape \[1, 1\], and \[-1\] in the version's signature/);
    answer = '{"outputs":{"y":[1],"id":[1.5],"raw_bytes":["a"]}}';
    assert.match((await infer("tf", inputs)).text, /what is no INT64/);
    state = "LOADING";
    await assert.rejects(deploy("not-yet", { protocol: "tf-serving", model: "sum", version: "3" }), (error: AppError) => error.code === "UPSTREAM_UNREACHABLE");
  });

  it("TF Serving: tensors that its JSON cannot carry are refused, and KServe says in its own way that it is ready", async () => {
    const info = (dtype: string): object => ({ dtype, tensor_shape: { dim: [{ size: "-1", name: "" }], unknown_rank: false } });
    let ready: object = { model_version_status: [{ version: "1", state: "AVAILABLE" }] };
    let dtype = "DT_HALF";
    peer.answer = ({ path }) => {
      if (path === "/v1/models/sum") return { body: ready };
      if (path === "/v1/models/sum/metadata") return { body: { metadata: { signature_def: { signature_def: { serving_default: { inputs: { x: info(dtype) }, outputs: { y: info("DT_FLOAT") } } } } } } };
      return path === "/v1/models/sum:predict" ? { bytes: '{"predictions":[3]}' } : { status: 404 };
    };
    for (dtype of ["DT_HALF", "DT_UINT16", "DT_COMPLEX64"]) {
      await assert.rejects(deploy("half", { protocol: "tf-serving", model: "sum" }), (error: AppError) => error.code === "MODEL_SOURCE_INVALID" && error.message.includes(dtype));
    }
    const kserve = { protocol: "tf-serving", model: "sum", format: "instances", signature: { inputs: [{ name: "x", datatype: "FP32", shape: [-1] }], outputs: signature.outputs } };
    ready = { name: "sum", ready: false };
    await assert.rejects(deploy("kserve", kserve), (error: AppError) => error.code === "UPSTREAM_UNREACHABLE");
    ready = { name: "sum", ready: true };
    await deploy("kserve", kserve);
    assert.deepEqual(outputsOf((await infer("kserve", '[{"name":"x","datatype":"FP32","shape":[1],"data":[2]}]')).text).y, [3]);
    // A whole number is a fraction still.
    assert.equal(sent(), '{"signature_name":"serving_default","instances":[2.0]}');
  });

  it("TorchServe: predictions of a model and a version, ping", async () => {
    let reply: PeerAnswer = { bytes: "[1.5, null]" };
    peer.answer = ({ path }) => (path === "/ping" ? { body: { status: "Healthy" } } : path === "/predictions/sum/1.0" ? reply : { status: 404 });
    await deploy("torch", { protocol: "torchserve", model: "sum", version: "1.0", signature });
    const { status, text } = await infer("torch", rows);
    assert.equal(status, 200, text);
    assert.equal(sent(), `{"instances":[{"a":${far},"b":0.5,"c":"x,\\""},{"a":2,"b":1e+300,"c":"é"}]}`);
    // As the real one answers where its handler threw, and where no worker is free: both with 503.
    for (const [type, code, wanted] of [["InternalServerException", "UPSTREAM_FAILED", 502], ["ServiceUnavailableException", "UPSTREAM_BUSY", 503]] as const) {
      reply = { status: 503, bytes: `{\n  "code": 503,\n  "type": "${type}",\n  "message": "Prediction failed"\n}\n` };
      assert.equal((await infer("torch", rows)).status, wanted);
      assert.equal((await server.client.predictions("torch", { limit: 1 }))[0]!.outcome, code);
    }
  });

  it("TorchServe: a model that breaks is rolled back as a candidate, and no caller sees it", async () => {
    const shape = [-1, 1];
    const upstream = { protocol: "torchserve", signature: {
      inputs: [{ name: "features", datatype: "FP32", shape: [-1, 2] }], outputs: [{ name: "score", datatype: "FP32", shape }, { name: "probability", datatype: "FP32", shape }],
    } };
    peer.answer = ({ path }) => (path === "/ping" ? {} : { status: 503, body: { code: 503, type: "InternalServerException", message: "Prediction failed" } });
    await server.client.deploy({ file: await server.file("linear.onnx", linearModel({ weights: [1, 10] })), name: "breaking" });
    await server.client.deploy({ file: url, name: "breaking", activate: false, upstream } as never);
    await server.client.rollouts.start("breaking", { plan: { phases: [{ phase: "canary", weight: 0.5, minSeconds: 3600, gates: [] }, { phase: "full", weight: 1 }] } } as never);
    for (;;) {
      const { version, outputs } = await server.client.infer("breaking", [{ name: "features", datatype: "FP32", shape: [1, 2], data: [1, 2] }]);
      assert.deepEqual([version, outputs.score!.data], ["1", [21]]);
      const { rollout } = await server.client.rollouts.status("breaking");
      if (rollout.endedAt === null) continue;
      assert.equal(rollout.state, "rolled back", rollout.reason);
      break;
    }
    assert.ok(peer.posted.length >= 3, "the candidate was asked");
  });

  it("SageMaker: invocations in CSV and in JSON, ping without a body", async () => {
    let reply: PeerAnswer = { headers: { "content-type": "text/csv; charset=utf-8" }, bytes: "1.5\n-2e3\n" };
    peer.answer = ({ path }) => (path === "/ping" ? {} : path === "/invocations" ? reply : { status: 404 });
    await deploy("maker", { protocol: "sagemaker", format: "csv", signature });
    assert.deepEqual(outputsOf((await infer("maker", rows)).text).y, [1.5, -2000]);
    assert.equal(sent(), `${far},0.5,"x,"""\n2,1e+300,é\n`);
    assert.equal(peer.posted.at(-1)!.headers["content-type"], "text/csv");
    // Some containers answer all rows in one line, others in JSON.
    for (const other of [{ headers: { "content-type": "text/csv" }, bytes: "1.5,-2e3" }, { bytes: '{"predictions":[1.5,-2e3]}' }, { bytes: "[1.5,-2000]" }]) {
      reply = other;
      assert.deepEqual(outputsOf((await infer("maker", rows)).text).y, [1.5, -2000]);
    }
    reply = { headers: { "content-type": "text/csv" }, bytes: "1,2\n3,4\n" };
    assert.match((await infer("maker", rows)).text, /does not have 1 value\./);
  });

  it("JSON: in the shape that the deployer says, answered in any that names its outputs", async () => {
    const bodies: Record<string, string> = {
      instances: `{"instances":[{"a":${far},"b":0.5,"c":"x,\\""},{"a":2,"b":1e+300,"c":"é"}]}`,
      inputs: `{"inputs":{"a":[${far},2],"b":[0.5,1e+300],"c":["x,\\"","é"]}}`,
      records: `[{"a":${far},"b":0.5,"c":"x,\\""},{"a":2,"b":1e+300,"c":"é"}]`,
      columns: `{"a":[${far},2],"b":[0.5,1e+300],"c":["x,\\"","é"]}`,
      split: `{"dataframe_split":{"columns":["a","b","c"],"data":[[${far},0.5,"x,\\""],[2,1e+300,"é"]]}}`,
    };
    const answers = ['{"y":[1,2]}', '{"outputs":{"y":[1,2]}}', '[{"y":1},{"y":2}]', '{"predictions":[{"y":1,"z":0},{"y":2}]}', "[1,2]"];
    for (const [index, [format, body]] of Object.entries(bodies).entries()) {
      peer.answer = ({ method, path }) => (method === "GET" ? { status: 404 } : path === "/score?v=1" ? { bytes: answers[index]! } : { status: 405 });
      await deploy(`json-${format}`, { protocol: "json", path: "/score?v=1", format, signature });
      const { status, text } = await infer(`json-${format}`, rows);
      assert.equal(status, 200, text);
      assert.deepEqual([sent(), outputsOf(text).y], [body, [1, 2]]);
    }
  });

  it("JSON has no word for NaN, and says what the deployer chose", async () => {
    const inputs = [{ name: "x", datatype: "FP64", shape: [-1, 2] }];
    peer.answer = ({ method }) => (method === "GET" ? {} : { bytes: "[null]" });
    const answers: Record<string, string | number> = {};
    for (const how of ["refuse", "null", "word"]) {
      const upstream = { protocol: "json" as const, format: "array" as const, missing: how, timeoutMs: 20_000, signature: { inputs, outputs: signature.outputs } };
      await server.client.deploy({ file: url, name: `missing-${how}`, upstream: upstream as never, allowMissing: true });
      const raw = Buffer.concat([Buffer.from('{"inputs":[{"name":"x","datatype":"FP64","shape":[1,2],"parameters":{"binary_data_size":16}}]}'), Buffer.from(Float64Array.of(1, NaN).buffer)]);
      const answer = await fetch(`${server.url}/v2/models/missing-${how}/infer`, { method: "POST", headers: { "content-type": "application/octet-stream", "inference-header-content-length": String(raw.length - 16) }, body: raw });
      answers[how] = answer.status === 200 ? sent() : (JSON.parse(await answer.text()) as { error: string }).error;
    }
    assert.match(String(answers.refuse), /no word/);
    assert.deepEqual([answers.null, answers.word], ["[[1.0,null]]", "[[1.0,NaN]]"]);
  });

  it("Open Inference: tensors as bytes where the server takes them, NaN and all", async () => {
    const bytes = Buffer.concat([Buffer.from(BigInt64Array.of(BigInt(far)).buffer), Buffer.from(Float64Array.of(NaN).buffer), Buffer.from([2, 0, 0, 0, 0xc3, 0xa9])]);
    const json = (size: number[]): string => JSON.stringify({ outputs: [["a", "INT64"], ["b", "FP64"], ["c", "BYTES"]].map(([name, datatype], index) => ({ name, datatype, shape: [1], parameters: { binary_data_size: size[index] } })) });
    let sizes = [8, 8, 6];
    const tensors = { inputs: signature.inputs, outputs: signature.inputs };
    peer.answer = ({ method, path }) => {
      if (path === "/v2") return { body: { name: "peer", extensions: ["binary_tensor_data"] } };
      if (method === "GET") return path.endsWith("/ready") ? {} : { body: { name: "m", platform: "p", ...tensors } };
      return { headers: { "inference-header-content-length": String(json(sizes).length) }, bytes: Buffer.concat([Buffer.from(json(sizes)), bytes]) };
    };
    await deploy("binary", { protocol: "open-inference" });
    const { status, text } = await infer("binary", `[{"name":"a","datatype":"INT64","shape":[1],"data":[${far}]},{"name":"b","datatype":"FP64","shape":[1],"data":[-0.5]},{"name":"c","datatype":"BYTES","shape":[1],"data":["é"]}]`);
    assert.equal(status, 200, text);
    assert.match(text, new RegExp(`\\[${far}\\].*\\["é"\\]`));
    const request = peer.posted.at(-1)!;
    const head = Number(request.headers["inference-header-content-length"]);
    assert.deepEqual(request.body.subarray(head), Buffer.concat([bytes.subarray(0, 8), Buffer.from(Float64Array.of(-0.5).buffer), bytes.subarray(16)]));
    for (sizes of [[8, 8, 7], [8, 4, 6], [4, 8, 6], [8, 8, 2 ** 40]]) {
      assert.equal((await infer("binary", `[{"name":"a","datatype":"INT64","shape":[1],"data":[1]},{"name":"b","datatype":"FP64","shape":[1],"data":[1]},{"name":"c","datatype":"BYTES","shape":[1],"data":["a"]}]`)).status, 502);
    }
  });
});
