import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { promisify } from "node:util";
import type { AppError } from "../../src/index.ts";
import { linearModel } from "../kit/onnx-models.ts";
import { program } from "../kit/program.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { UpstreamPeer, type PeerAnswer, type PeerRequest } from "./upstream-peer.ts";

const tensors = {
  inputs: [{ name: "id", datatype: "INT64", shape: [-1] }, { name: "word", datatype: "BYTES", shape: [-1] }, { name: "x", datatype: "FP64", shape: [-1, 2] }],
  outputs: [{ name: "id", datatype: "INT64", shape: [-1] }, { name: "word", datatype: "BYTES", shape: [-1] }, { name: "sum", datatype: "FP32", shape: [-1, 1] }],
};
const far = "9007199254740993";

/** A model that gives back what it got, and a sum, over Open Inference in JSON. */
function openInference({ method, path, body }: PeerRequest): PeerAnswer {
  if (path === "/") return { body: { hello: "world" } };
  if (path === "/v2") return { body: { name: "peer", version: "1", extensions: [] } };
  if (path.endsWith("/ready")) return { body: { name: "echo", ready: true } };
  if (method === "GET") return { body: { name: "echo", platform: "peer_echo", ...tensors } };
  const text = body.toString();
  const rows = (JSON.parse(text) as { inputs: { shape: number[] }[] }).inputs[0]!.shape[0]!;
  const data = (name: string): string => new RegExp(`"name":"${name}"[^}]*?"data":(\\[[^\\]]*\\])`).exec(text)![1]!;
  const sums = (JSON.parse(data("x")) as number[]).reduce<number[]>((all, value, index) => ((all[index >> 1] = (all[index >> 1] ?? 0) + value), all), []);
  const outputs = [["id", "INT64", [rows], data("id")], ["word", "BYTES", [rows], data("word")], ["sum", "FP32", [rows, 1], JSON.stringify(sums)]] as const;
  return { bytes: `{"model_name":"echo","outputs":[${outputs.map(([name, datatype, shape, values]) => `{"name":"${name}","datatype":"${datatype}","shape":${JSON.stringify(shape)},"data":${values}}`).join(",")}]}` };
}

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe("versions answered by servers elsewhere", () => {
  const peer = new UpstreamPeer(openInference);
  let url = "";
  let server: RunningServer;
  const environment = { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1" };
  before(async () => {
    url = await peer.listen();
    server = await startServer({ environment });
  });
  after(async () => {
    await server.stop();
    await peer.close();
  });
  beforeEach(() => {
    peer.answer = openInference;
    peer.requests.length = 0;
  });

  const deploy = (name: string, upstream: object, file = url): ReturnType<typeof server.client.deploy> => server.client.deploy({ file, name, upstream: { timeoutMs: 20_000, ...upstream } } as never);
  const infer = async (model: string, inputs: object[]): Promise<Response> =>
    fetch(`${server.url}/v2/models/${model}/infer`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ inputs }) });
  const echoInputs = [{ name: "id", datatype: "INT64", shape: [1], data: [7] }, { name: "word", datatype: "BYTES", shape: [1], data: ["a"] }, { name: "x", datatype: "FP64", shape: [1, 2], data: [0.5, 1] }];
  const refusedWith = (code: string, words = /./) => (error: AppError): boolean => {
    assert.deepEqual([error.code, words.test(error.message)], [code, true], `${error.code}: ${error.message}`);
    return true;
  };
  const isReady = async (model: string): Promise<boolean> => (await fetch(`${server.url}/v2/models/${model}/ready`)).status === 200;

  it("take their contract from Open Inference's metadata, and answer exactly", async () => {
    const header = await server.file("token", "Bearer s3cret-token\n");
    const words = ["deploy", url, "--name", "echo", "--protocol", "open-inference", "--header", `Authorization=@${header}`, "--timeout", "20s", "--json"];
    const { stdout } = await promisify(execFile)(process.execPath, [program, ...words], { env: { ...process.env, SLIPWAY_URL: server.url } });
    const { version, active } = JSON.parse(stdout) as Awaited<ReturnType<typeof deploy>>;
    const { signature, runtime } = version.contract;
    assert.deepEqual([active, version.source, runtime.kind, signature.batchable], [true, url, "upstream", true]);
    assert.deepEqual(signature.inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })), tensors.inputs);
    const body = `{"inputs":[{"name":"id","datatype":"INT64","shape":[2],"data":[${far},-${far}]},{"name":"word","datatype":"BYTES","shape":[2],"data":["ä\\"","\\u0000"]},{"name":"x","datatype":"FP64","shape":[2,2],"data":[0.1,0.2,-0.0,3]}]}`;
    const answer = await fetch(`${server.url}/v2/models/echo/infer`, { method: "POST", headers: { "content-type": "application/json" }, body });
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    assert.match(text, new RegExp(`"data":\\[${far},-${far}\\]`));
    const outputs = (JSON.parse(text) as { outputs: { data: unknown[] }[] }).outputs;
    assert.deepEqual([outputs[1]!.data, outputs[2]!.data], [['ä"', "\0"], [0.3, 3]]);
    assert.ok(peer.requests.every(({ headers }) => headers.authorization === "Bearer s3cret-token"));
    // The same again is no new version; another secret is.
    const options = { protocol: "open-inference", timeoutMs: 20_000, headers: { Authorization: "Bearer s3cret-token" } };
    assert.equal((await deploy("echo", options)).created, false);
    assert.equal((await deploy("echo", { ...options, headers: { Authorization: "Bearer other" } })).version.version, "2");
    assert.deepEqual((await server.client.predictions("echo")).map(({ outcome, rows }) => [outcome, rows]), [["ok", 2]]);
  });

  it("keep the values of headers out of artifacts, answers, log and database", async () => {
    await deploy("secret", { protocol: "open-inference", headers: { "X-Api-Key": "hunter-hunter-2" } });
    const files = (await readdir(join(server.directory, "data"), { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    assert.ok(files.length > 2);
    for (const file of files) assert.ok(!(await readFile(join(file.parentPath, file.name))).includes("hunter-hunter-2"), file.name);
    assert.ok(!server.logLines.some((line) => line.includes("hunter-hunter-2")));
    assert.ok(!JSON.stringify(await server.client.model("secret")).includes("hunter"));
  });

  it("go over connections that are kept", async () => {
    const before = peer.connections;
    for (let count = 0; count < 20; count++) assert.equal((await infer("echo", echoInputs)).status, 200);
    assert.ok(peer.connections - before < 10, `${peer.connections - before}`);
  });

  it("say what went wrong, whatever the server upstream does, and hang in nothing", async () => {
    await deploy("faulty", { protocol: "open-inference", timeoutMs: 3000, maxAnswerBytes: 2000 });
    const outputs = (sum: object): PeerAnswer => ({ body: { outputs: [{ name: "id", datatype: "INT64", shape: [1], data: [7] }, { name: "word", datatype: "BYTES", shape: [1], data: ["a"] }, sum] } });
    const good = { name: "sum", datatype: "FP32", shape: [1, 1], data: [1.5] };
    const faults: [what: string, answer: PeerAnswer, status: number, code: string][] = [
      ["silence", "hang", 504, "UPSTREAM_TIMEOUT"],
      ["a closed connection", "close", 503, "UPSTREAM_UNREACHABLE"],
      ["half an answer", "half", 503, "UPSTREAM_UNREACHABLE"],
      ["a redirect", { status: 302, headers: { location: "http://127.0.0.1:1/" } }, 502, "UPSTREAM_BAD_ANSWER"],
      ["no JSON", { bytes: "<html>" }, 502, "UPSTREAM_BAD_ANSWER"],
      ["nothing", { bytes: "" }, 502, "UPSTREAM_BAD_ANSWER"],
      ["bytes that are no text", { bytes: Buffer.from([0x22, 0xff, 0x22]) }, 502, "UPSTREAM_BAD_ANSWER"],
      ["nested lists without end", { bytes: `${"[".repeat(900)}9999999999999999${"]".repeat(900)}` }, 502, "UPSTREAM_BAD_ANSWER"],
      ["too much", { bytes: `[${"1,".repeat(2000)}1]` }, 502, "UPSTREAM_BAD_ANSWER"],
      ["no outputs", { body: {} }, 502, "UPSTREAM_BAD_ANSWER"],
      ["an output that is missing", outputs({ ...good, name: "other" }), 502, "UPSTREAM_BAD_ANSWER"],
      ["another shape", outputs({ ...good, shape: [1], data: [1] }), 502, "UPSTREAM_BAD_ANSWER"],
      ["another datatype", outputs({ ...good, datatype: "FP64" }), 502, "UPSTREAM_BAD_ANSWER"],
      ["too few elements", outputs({ ...good, data: [] }), 502, "UPSTREAM_BAD_ANSWER"],
      ["texts for numbers", outputs({ ...good, data: ["1"] }), 502, "UPSTREAM_BAD_ANSWER"],
      ["a failure", { status: 500, body: { error: "Traceback /srv/model.py" } }, 502, "UPSTREAM_FAILED"],
      ["too much to do", { status: 503, headers: { "retry-after": "7" } }, 503, "UPSTREAM_BUSY"],
      ["values that it refuses", { status: 400, body: { error: "no such category" } }, 400, "MODEL_RUN_FAILED"],
      ["headers that it refuses", { status: 401 }, 502, "UPSTREAM_REFUSED"],
      ["a model that it does not know", { status: 404 }, 502, "UPSTREAM_REFUSED"],
    ];
    for (const [what, answer, status, code] of faults) {
      peer.answer = (request) => (request.method === "POST" ? answer : openInference(request));
      const reply = await infer("faulty", echoInputs);
      const text = await reply.text();
      assert.equal(reply.status, status, `${what}: ${text}`);
      assert.ok(!/Traceback|model\.py|no such category/.test(text), text);
      if (what === "too much to do") assert.equal(reply.headers.get("retry-after"), "7");
      const [newest] = await server.client.predictions("faulty", { limit: 1 });
      assert.equal(newest!.outcome, code, what);
    }
    // What went by was no sign of a server that is away: its health is asked, and is good.
    peer.answer = openInference;
    await until(async () => (await infer("faulty", echoInputs)).status === 200);
  });

  it("end the request upstream when its caller has gone", async () => {
    await deploy("patient", { protocol: "open-inference", timeoutMs: 60_000 });
    peer.answer = (request) => (request.method === "POST" ? "hang" : openInference(request));
    const abandoned = peer.abandoned;
    const caller = new AbortController();
    const asked = fetch(`${server.url}/v2/models/patient/infer`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ inputs: echoInputs }), signal: caller.signal });
    await until(() => peer.posted.length > 0);
    caller.abort();
    await assert.rejects(asked);
    await until(() => peer.abandoned > abandoned);
  });

  it("end with a code of their own when the policy's time for a run is spent", async () => {
    await deploy("limited", { protocol: "open-inference", timeoutMs: 60_000 });
    const { revision, policy } = await server.client.policy("limited");
    await server.client.changePolicy("limited", { revision, reason: "quick or not at all", policy: { ...policy, serving: { ...policy.serving, maxRunMs: 50 } } });
    peer.answer = (request) => (request.method === "POST" ? "hang" : openInference(request));
    const reply = await infer("limited", echoInputs);
    assert.equal(reply.status, 504, await reply.text());
    assert.equal((await server.client.predictions("limited"))[0]!.outcome, "UPSTREAM_TIMEOUT");
  });

  it("are asked in bytes by one server of this kind of another", async () => {
    await server.client.deploy({ file: await server.file("linear.onnx", linearModel({ weights: [1, 10] })), name: "linear" });
    const { version } = await deploy("behind", { protocol: "open-inference", model: "linear" }, server.url);
    const { signature } = (await server.client.model("linear")).versions[0]!.contract;
    const plain = ({ name, datatype, shape }: (typeof signature.inputs)[number]): object => ({ name, datatype, shape });
    assert.deepEqual(version.contract.signature.inputs.map(plain), signature.inputs.map(plain));
    assert.deepEqual(version.contract.signature.outputs.map(plain), signature.outputs.map(plain));
    const answer = await server.client.infer("behind", [{ name: "features", datatype: "FP32", shape: [2, 2], data: [1, 2, 3, 4] }]);
    assert.deepEqual(answer.outputs.score!.data, [21, 43]);
    const invalid = { name: "features", datatype: "FP32", shape: [1, 3], data: [1, 2, 3] };
    assert.equal((await infer("behind", [invalid])).status, 400);
  });

  it("are ready while their server says so, also one that was away when this one started", async () => {
    await deploy("following", { protocol: "open-inference" });
    assert.equal(await isReady("following"), true);
    const away = (request: PeerRequest): PeerAnswer => (request.path.endsWith("/ready") ? { status: 503 } : request.method === "POST" ? "close" : openInference(request));
    peer.answer = away;
    // A request finds out before the next check would.
    assert.equal((await infer("following", echoInputs)).status, 503);
    await until(async () => !(await isReady("following")));
    const served = (await server.client.model("following")).served[0]!;
    assert.deepEqual([served.state, served.runners.ready], ["away", 0]);
    assert.match(served.reason!, /not ready \(503\)/);
    const posted = peer.posted.length;
    const refused = await infer("following", echoInputs);
    assert.deepEqual([refused.status, peer.posted.length], [503, posted]);
    assert.ok(Number(refused.headers.get("retry-after")) >= 1);
    const { directory } = server;
    await server.stop({ keep: true });
    server = await startServer({ directory, environment });
    await until(async () => (await server.client.model("following")).served[0]?.state === "away");
    peer.answer = openInference;
    await until(() => isReady("following"));
    assert.equal((await infer("following", echoInputs)).status, 200);
    // The header that was given before is sent again. Its version is away too until its own next check.
    await until(() => isReady("echo"));
    assert.equal((await infer("echo", echoInputs)).status, 200);
    assert.equal(peer.posted.at(-1)!.headers.authorization, "Bearer other");
  });

  it("are refused at once where they could not serve", async () => {
    const given = { inputs: [{ name: "x", datatype: "FP64", shape: [-1] }], outputs: [{ name: "y", datatype: "FP64", shape: [-1] }] };
    await assert.rejects(deploy("no", { protocol: "open-inference" }, "http://10.1.2.3:8080"), refusedWith("EGRESS_REFUSED"));
    await assert.rejects(deploy("no", { protocol: "open-inference" }, "http://user:word@127.0.0.1/"), refusedWith("INVALID_REQUEST"));
    await assert.rejects(deploy("no", { protocol: "json" }), refusedWith("MODEL_SOURCE_INVALID", /signature/));
    await assert.rejects(deploy("no", { protocol: "tf-serving" }), refusedWith("UPSTREAM_UNREACHABLE"));
    await assert.rejects(deploy("no", { protocol: "json", signature: { ...given, inputExample: [{ name: "x", datatype: "FP64", shape: [1], data: [1] }] } }), refusedWith("MODEL_PROBE_FAILED"));
    await assert.rejects(deploy("no", { protocol: "open-inference", headers: { "X-Bad": "a\r\nb: c" } }), refusedWith("INVALID_REQUEST"));
    await assert.rejects(server.client.deploy({ file: url, name: "no" }), refusedWith("INVALID_REQUEST", /protocol/));
    await assert.rejects(server.client.model("no"), refusedWith("MODEL_NOT_FOUND"));
  });
});
