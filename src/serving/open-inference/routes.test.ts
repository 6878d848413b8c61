import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { localCaller } from "../../core/caller.ts";
import { epochMs } from "../../core/clock.ts";
import { AppError, toAppError } from "../../core/errors.ts";
import { HttpAnswer, type Route } from "../../core/route.ts";
import { RouteTable } from "../../http/route-table.ts";
import { FakeInferenceService } from "./inference-service.fixture.ts";
import { openInferenceRoutes } from "./routes.ts";

const neverStopped = new AbortController().signal;

let service: FakeInferenceService;
let table: RouteTable;

beforeEach(() => {
  service = new FakeInferenceService();
  table = new RouteTable(openInferenceRoutes(service, { version: "0.1.0" }));
});

interface Sent {
  status: number;
  headers: Record<string, string>;
  text: string;
  json: unknown;
  route: Route;
}

/** What the HTTP door does with a request, without the sockets. */
async function send(method: string, path: string, body: string | Buffer | object = "", headers: Record<string, string> = {}): Promise<Sent> {
  const match = table.find(method, path);
  assert.ok(match !== null, `${method} ${path} is not routed`);
  const { route } = match;
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  let answer: HttpAnswer;
  try {
    const params = route.params?.safeParse(match.params) ?? { success: true, data: {} };
    if (!params.success) throw new AppError("INVALID_REQUEST", "The path is wrong.", { problems: [{ path: "path", message: "wrong" }] });
    const result = await route.handle({ params: params.data, query: {}, body: bytes, headers, requestId: "req_1", caller: localCaller, callerNow: () => Promise.resolve(localCaller), address: "127.0.0.1", auditAs: () => undefined, whenAnswered: () => undefined, now: epochMs(1), signal: neverStopped, abortSignal: neverStopped });
    answer = result instanceof HttpAnswer ? result : new HttpAnswer(200, {}, JSON.stringify(result));
  } catch (thrown) {
    const error = toAppError(thrown);
    answer = new HttpAnswer(error.status, {}, JSON.stringify(route.errorBody!(error, "req_1", {})));
  }
  const parts = Array.isArray(answer.body) ? (answer.body as Uint8Array[]) : [Buffer.from(answer.body as string)];
  const text = Buffer.concat(parts).toString();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: answer.status, headers: answer.headers, text, json, route };
}

const errorOf = ({ json }: Sent): string => (json as { error: string }).error;
const one = { inputs: [{ name: "x", shape: [1, 2], datatype: "FP32", data: [1, 2] }] };

describe("Open Inference Protocol routes", () => {
  it("answers inference, with and without a version", async () => {
    for (const [path, version] of [["/v2/models/double/infer", undefined], ["/v2/models/double/versions/3/infer", "3"]] as const) {
      const { status, headers, json } = await send("POST", path, { id: "q", ...one, outputs: [{ name: "y" }] }, { "x-slipway-deadline-ms": "250" });
      assert.equal(status, 200);
      assert.equal(headers["Content-Type"], "application/json");
      assert.deepEqual(json, {
        model_name: "double", model_version: "3", id: "q", parameters: { prediction_id: "prd_01ktz0000000000000000000ab" },
        outputs: [{ name: "y", datatype: "FP32", shape: [1, 2], data: [2, 4] }],
      });
      const { inputs: _inputs, connection: _connection, now: _now, ...seen } = service.calls.at(-1)!;
      assert.deepEqual(seen, { model: "double", version, id: "q", outputs: ["y"], deadlineMs: 250, door: "rest", routingKey: undefined });
    }
  });

  it("takes a key from the request, and says which version answered", async () => {
    const arm = ({ json }: Sent): unknown => (json as { parameters: { arm?: string } }).parameters.arm;
    assert.equal(arm(await send("POST", "/v2/models/double/infer", { ...one, parameters: { routing_key: "anna" } })), "candidate of anna");
    assert.equal(arm(await send("POST", "/v2/models/double/infer", { ...one, parameters: { routing_key: 7 } }, { "slipway-key": "bert" })), "candidate of 7");
    assert.equal(arm(await send("POST", "/v2/models/double/infer", one, { "slipway-key": "bert" })), "candidate of bert");
    const { headers } = await send("POST", "/v1/models/double:predict", { instances: [[1, 2]] }, { "slipway-key": "bert" });
    assert.deepEqual([headers["X-Slipway-Version"], headers["X-Slipway-Arm"]], ["3", "candidate of bert"]);
    const plain = await send("POST", "/v1/models/double:predict", { instances: [[1, 2]] });
    assert.deepEqual([plain.headers["X-Slipway-Version"], plain.headers["X-Slipway-Arm"]], [undefined, undefined]);
  });

  it("answers binary data with binary data", async () => {
    const json = JSON.stringify({ parameters: { binary_data_output: true, timeout: 1000 }, inputs: [{ name: "x", shape: [1, 2], datatype: "FP32", parameters: { binary_data_size: 8 } }] });
    const body = Buffer.concat([Buffer.from(json), new Uint8Array(Float32Array.of(1, 2).buffer)]);
    const { headers, status } = await send("POST", "/v2/models/double/infer", body, { "inference-header-content-length": String(json.length), "x-slipway-deadline-ms": "5" });
    assert.equal(status, 200);
    assert.equal(headers["Content-Type"], "application/octet-stream");
    assert.ok(Number(headers["Inference-Header-Content-Length"]) > 0);
    assert.equal(service.calls[0]!.deadlineMs, 1);
  });

  it("tells what is wrong in one text, and counts it", async () => {
    const wrong = await send("POST", "/v2/models/double/infer", { inputs: [{ name: "x", shape: [1, 2], datatype: "FP32", data: [1, "a"] }] });
    assert.equal(wrong.status, 400);
    assert.equal(errorOf(wrong), 'inputs[0].data[1] is the text "a" where FP32 wants a number. Compare the request with the model\'s signature: GET /v2/models/MODEL.');
    assert.deepEqual(service.refusals, [["double", "INVALID_INPUT"]]);
    const many = await send("POST", "/v2/models/double/infer", { inputs: [{ name: "x", shape: [8, 2], datatype: "FP32", data: new Array(16).fill("a") }] });
    assert.match(errorOf(many), /^The input has 16 problems: .*and 11 more\.\n- inputs\[0\]\.data\[5\] is the text "a".*\n- inputs\[0\]\.data\[15\] .*\nCompare the request/s);
    const nobody = await send("POST", "/v2/models/nobody/infer", one);
    assert.deepEqual([nobody.status, errorOf(nobody).startsWith('There is no model named "nobody".')], [404, true]);
    assert.equal((await send("POST", "/v2/models/double/versions/9/infer", one)).status, 404);
    assert.equal((await send("POST", "/v2/models/busy/infer", one)).status, 503);
    assert.equal((await send("POST", "/v2/models/double/infer", one, { "x-slipway-deadline-ms": "soon" })).status, 400);
    const broken = await send("POST", "/v2/models/broken/infer", one);
    assert.deepEqual([broken.status, /passwd/.test(broken.text)], [500, false]);
    assert.equal((await send("POST", "/v2/models/.../infer", one)).status, 400);
  });

  it("tells of the server and its models", async () => {
    assert.deepEqual((await send("GET", "/v2")).json, { name: "slipway", version: "0.1.0", extensions: ["binary_tensor_data", "model_configuration", "model_repository", "statistics"] });
    assert.deepEqual((await send("GET", "/v2/health/live")).json, { live: true });
    assert.deepEqual((await send("GET", "/v2/health/ready")).json, { ready: true });
    assert.deepEqual((await send("GET", "/v2/models/double/versions/3")).json, {
      name: "double", versions: ["2", "3"], platform: "onnx_onnxv1",
      inputs: [{ name: "x", datatype: "FP32", shape: [-1, 2] }], outputs: [{ name: "y", datatype: "FP32", shape: [-1, 2] }, { name: "label", datatype: "INT64", shape: [-1] }],
    });
    assert.deepEqual((await send("GET", "/v2/models/double/ready")).json, { name: "double", ready: true });
    service.isReady = false;
    for (const path of ["/v2/health/ready", "/v2/models/double/ready", "/v2/models/double/versions/3/ready", "/ping"]) assert.equal((await send("GET", path)).status, 503, path);
    assert.equal((await send("GET", "/v2/models/nobody/ready")).status, 404);
  });

  it("gives Triton's tools their configuration and statistics", async () => {
    const config = (await send("GET", "/v2/models/double/config")).json as Record<string, unknown>;
    assert.equal(config.max_batch_size, 64);
    assert.deepEqual(config.input, [{ name: "x", data_type: "TYPE_FP32", dims: [2] }]);
    assert.deepEqual((config.output as object[])[1], { name: "label", data_type: "TYPE_INT64", dims: [1], reshape: { shape: [] } });
    assert.deepEqual((config.dynamic_batching as Record<string, unknown>).max_queue_delay_microseconds, 500);
    const all = (await send("GET", "/v2/models/stats")).json;
    assert.deepEqual((await send("GET", "/v2/models/double/stats")).json, all);
    const [statistics] = (all as { model_stats: Record<string, Record<string, unknown>>[] }).model_stats;
    assert.deepEqual([statistics!.inference_count, statistics!.inference_stats!.success], [5, { count: 2, ns: 1_500_000 }]);
    assert.equal((await send("GET", "/v2/models/nobody/stats")).status, 404);
  });

  it("speaks the repository extension", async () => {
    const index = await send("POST", "/v2/repository/index");
    assert.deepEqual(index.json, [
      { name: "double", version: "2", state: "UNAVAILABLE", reason: "" }, { name: "double", version: "3", state: "READY", reason: "" },
      { name: "broken", version: "1", state: "UNAVAILABLE", reason: "It does not load." },
    ]);
    assert.equal(((await send("POST", "/v2/repository/index", { ready: true })).json as object[]).length, 1);
    assert.deepEqual((await send("POST", "/v2/repository/models/echo/load", "{}")).json, {});
    await send("POST", "/v2/repository/models/lenient/versions/3/load");
    await send("POST", "/v2/repository/models/busy/load", { parameters: { version: 3 } });
    await send("POST", "/v2/repository/models/double/unload", { parameters: { unload_dependents: false } });
    assert.deepEqual([...service.loaded], ["echo", "lenient:3", "busy:3"]);
    assert.equal((await send("POST", "/v2/repository/models/echo/load", { parameters: { config: "{}" } })).status, 501);
    assert.equal((await send("POST", "/v2/repository/models/echo/load", { parameters: { "file:1/model.onnx": "AAAA" } })).status, 501);
    for (const body of ["{", "[]", '{"ready":1}', Buffer.of(0xff)]) assert.equal((await send("POST", "/v2/repository/index", body)).status, 400);
  });
});

describe("scoring routes", () => {
  it("ends the model's name at the colon", async () => {
    const answer = await send("POST", "/v1/models/double:predict", { instances: [[1, 2]] });
    assert.deepEqual(answer.json, { predictions: [{ y: [2, 4], label: 9007199254740992 }] });
    assert.equal(answer.headers["X-Slipway-Prediction-Id"], "prd_01ktz0000000000000000000ab");
    assert.deepEqual([service.calls[0]!.model, service.calls[0]!.door], ["double", "v1"]);
    assert.equal((await send("POST", "/v1/models/double/versions/3:predict", { inputs: { a: [1], b: [2] } })).text, '{"outputs":{"y":[[2,4]],"label":[9007199254740992]}}');
    assert.equal(service.calls[1]!.version, "3");
    for (const path of ["/v1/models/double:explain", "/v1/models/:predict", "/v1/models/a:b:predict", "/v1/models/double"]) assert.equal(table.find("POST", path), null, path);
  });

  it("tells a model's state as KServe v1 and TF Serving do", async () => {
    assert.deepEqual((await send("GET", "/v1/models/double")).json, {
      name: "double", ready: true,
      model_version_status: ["2", "3"].map((version) => ({ version, state: version === "3" ? "AVAILABLE" : "END", status: { error_code: "OK", error_message: "" } })),
    });
    assert.equal((await send("GET", "/v1/models/double/versions/3")).status, 200);
    assert.equal((await send("GET", "/v1/models/nobody")).status, 404);
  });

  it("scores as MLflow does, for the model that is named or the only one", async () => {
    const body = { dataframe_split: { columns: ["b", "a"], data: [[2, 1]] } };
    const named = await send("POST", "/invocations", body, { "x-slipway-model": "double", "x-slipway-version": "3" });
    assert.deepEqual(named.json, { predictions: [{ y: [2, 4], label: 9007199254740992 }] });
    assert.deepEqual([service.calls[0]!.version, service.calls[0]!.door], ["3", "invocations"]);
    const unnamed = await send("POST", "/invocations", body);
    assert.deepEqual([unnamed.status, /name one in the header X-Slipway-Model/.test(errorOf(unnamed))], [400, true]);
    service.index = () => [{ model: "double", version: "3", state: "ready", reason: null, active: true }];
    assert.equal((await send("POST", "/invocations", "a,b\n1,2\n", { "content-type": "text/csv" })).status, 200);
    service.index = () => [];
    assert.equal((await send("POST", "/invocations", body)).status, 404);
    assert.equal((await send("POST", "/invocations", body, { "x-slipway-model": "../x" })).status, 404);
    assert.equal((await send("GET", "/ping")).text, "\n");
  });
});

describe("every route", () => {
  it("has its own error body, an access and a schema for its path's parameters", () => {
    for (const route of table.routes) {
      assert.ok(route.errorBody !== undefined, route.operationId);
      assert.equal(route.path.includes(":model"), route.params !== undefined, route.path);
      assert.equal(route.access === "public", /^\/v2\/health|^\/v2$|ping/.test(route.path), route.path);
    }
  });
});
