import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Http2Session } from "node:http2";
import { afterEach, describe, it } from "node:test";
import { Client, compressionAlgorithms, credentials, Metadata, status, type ClientDuplexStream, type ServiceError } from "@grpc/grpc-js";
import { systemClock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import { errorCatalogue, type ErrorCode } from "../core/error-catalogue.ts";
import { AppError } from "../core/errors.ts";
import { TimeOrderedIds } from "../core/ids.ts";
import { openGate } from "../core/request-gate.ts";
import { FakeInferenceService } from "../serving/open-inference/inference-service.fixture.ts";
import { messageCodec } from "../serving/open-inference/grpc-messages.ts";
import { grpcHealthService, openInferenceGrpcService } from "../serving/open-inference/grpc-service.ts";
import { ProtobufReader } from "../serving/open-inference/protobuf-reader.ts";
import { ProtobufWriter } from "../serving/open-inference/protobuf-writer.ts";
import { GrpcServer, type GrpcServerOptions } from "./grpc-server.ts";
import { callError, statusCode } from "./grpc-status.ts";

const identity = (bytes: Buffer): Buffer => bytes;
const ids = new TimeOrderedIds(systemClock);
const open: (() => Promise<void> | void)[] = [];

async function start(options: Partial<GrpcServerOptions> = {}, channel: Record<string, unknown> = {}) {
  const service = new FakeInferenceService();
  const failures: string[] = [];
  const note = (event: string, fields?: Readonly<Record<string, unknown>>): void => void failures.push(`${event} ${String(fields?.code)}`);
  const logger: Logger = { info() {}, warn: note, error: note };
  const services = [openInferenceGrpcService(service, "0.1.0"), grpcHealthService(service)];
  const server = new GrpcServer({ host: "127.0.0.1", port: 0, ...options }, { services, access: openGate, ids, clock: systemClock, logger });
  const port = await server.listen();
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), channel);
  open.push(() => client.close(), () => server.drain(100));
  return { service, failures, server, port, client };
}

afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

function call(client: Client, method: string, message: Buffer, options: { deadline?: number; service?: string; metadata?: Record<string, string> } = {}): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(`/${options.service ?? "inference.GRPCInferenceService"}/${method}`, identity, identity, message, metadataOf(options.metadata ?? {}),
      { deadline: options.deadline ?? Date.now() + 20_000 }, (error, answer) => (error === null ? resolve(answer!) : reject(error)));
  });
}

function metadataOf(values: Record<string, string>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(values)) metadata.set(name, value);
  return metadata;
}

async function failure(promise: Promise<unknown>): Promise<ServiceError> {
  try {
    await promise;
  } catch (error) {
    return error as ServiceError;
  }
  return assert.fail("the call succeeded");
}

/** A ModelInferRequest with one raw FP32 input of shape [rows, 2]. */
function request(model: string, values: Float32Array = Float32Array.of(1, 2), id = "", datatype = "FP32"): Buffer {
  const writer = new ProtobufWriter(256);
  writer.text(1, model);
  writer.text(3, id);
  const input = writer.open(5);
  writer.text(1, "x");
  writer.text(2, datatype);
  const shape = writer.open(3);
  writer.varint(values.length / 2);
  writer.varint(2);
  writer.close(shape);
  writer.close(input);
  writer.bytes(7, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return writer.finish();
}

/** Field number to contents, for fields that are delimited. */
function fields(bytes: Buffer): Map<number, Buffer[]> {
  const reader = new ProtobufReader(bytes);
  const found = new Map<number, Buffer[]>();
  while (reader.more) {
    const field = reader.tag() >>> 3;
    found.set(field, [...(found.get(field) ?? []), reader.view()]);
  }
  return found;
}

function rawOutputs(response: Buffer): Buffer[] {
  return fields(response).get(6) ?? [];
}

const floats = (bytes: Buffer): number[] => [...new Float32Array(Uint8Array.from(bytes).buffer)];

describe("the gRPC door", () => {
  it("answers an inference, with the caller's id and the prediction's", async () => {
    const { client, service } = await start();
    const response = fields(await call(client, "ModelInfer", request("double", Float32Array.of(1, 2, 3, 4), "q-1")));
    assert.deepEqual([1, 2, 3].map((field) => String(response.get(field)![0])), ["double", "3", "q-1"]);
    assert.match(response.get(4)![0]!.toString("latin1"), /prediction_id.*prd_01ktz/s);
    assert.deepEqual(floats(response.get(6)![0]!), [2, 4, 6, 8]);
    const [seen] = service.calls;
    assert.deepEqual({ model: seen!.model, version: seen!.version, id: seen!.id, door: seen!.door, outputs: seen!.outputs }, { model: "double", version: undefined, id: "q-1", door: "grpc", outputs: undefined });
    assert.ok(seen!.deadlineMs! > 0 && seen!.deadlineMs! <= 20_000);
  });

  it("takes a key from the metadata, and says which version answered", async () => {
    const { client } = await start();
    const response = fields(await call(client, "ModelInfer", request("double"), { metadata: { "slipway-key": "anna" } }));
    assert.match(response.get(4)![1]!.toString("latin1"), /arm.*candidate of anna/s);
    assert.equal(fields(await call(client, "ModelInfer", request("double"))).get(4)!.length, 1);
  });

  it("answers everything else of the protocol", async () => {
    const { client, service } = await start();
    const ask = async <Answer extends object>(method: string, message: object = {}): Promise<Answer> =>
      messageCodec<Answer>(`inference.${method}Response`).decode(await call(client, method, messageCodec(`inference.${method}Request`).encode(message)));
    assert.deepEqual(await ask("ServerLive"), { live: true });
    assert.deepEqual(await ask("ServerReady"), { ready: true });
    service.isReady = false;
    assert.deepEqual(await ask("ServerReady"), { ready: false });
    service.isReady = true;
    assert.deepEqual(await ask("ModelReady", { name: "double", version: "3" }), { ready: true });
    assert.deepEqual(await ask("ModelReady", { name: "nobody" }), { ready: false });
    assert.equal((await ask<{ name: string }>("ServerMetadata")).name, "slipway");
    assert.deepEqual((await ask<{ inputs: object[] }>("ModelMetadata", { name: "double" })).inputs, [{ name: "x", datatype: "FP32", shape: [-1, 2] }]);
    const { config } = await ask<{ config: { max_batch_size: number; input: { data_type: string; dims: number[] }[] } }>("ModelConfig", { name: "double" });
    assert.deepEqual([config.max_batch_size, config.input[0]!.data_type, config.input[0]!.dims], [64, "TYPE_FP32", [2]]);
    const { model_stats } = await ask<{ model_stats: { inference_stats: { success: object } }[] }>("ModelStatistics", { name: "double" });
    assert.deepEqual(model_stats[0]!.inference_stats.success, { count: 2, ns: 1_500_000 });
    assert.deepEqual((await ask<{ models: { state: string }[] }>("RepositoryIndex", { ready: true })).models.map(({ state }) => state), ["READY"]);
    await ask("RepositoryModelLoad", { model_name: "echo", parameters: { version: { string_param: "3" } } });
    await ask("RepositoryModelUnload", { model_name: "double" });
    assert.deepEqual([...service.loaded], ["echo:3"]);
    const health = await call(client, "Check", Buffer.alloc(0), { service: "grpc.health.v1.Health" });
    assert.deepEqual(messageCodec("grpc.health.v1.HealthCheckResponse").decode(health), { status: "SERVING" });
  });

  it("maps failures to status codes, with all that is wrong and what to do", async () => {
    const { client, failures, service } = await start();
    const wrong = await failure(call(client, "ModelInfer", request("double", Float32Array.of(1, NaN), "", "FP64")));
    assert.equal(wrong.code, status.INVALID_ARGUMENT);
    assert.match(wrong.details, /^inputs\[0\]\.datatype is FP64; the model's input "x" is FP32\. Compare the request with the model's signature/);
    assert.deepEqual(service.refusals, [["double", "INVALID_INPUT"]]);
    const nobody = await failure(call(client, "ModelInfer", request("nobody")));
    assert.deepEqual([nobody.code, nobody.metadata.get("slipway-error-code")], [status.NOT_FOUND, ["MODEL_NOT_FOUND"]]);
    const busy = await failure(call(client, "ModelInfer", request("busy")));
    assert.deepEqual([busy.code, busy.metadata.get("retry-after")], [status.UNAVAILABLE, ["2"]]);
    const broken = await failure(call(client, "ModelInfer", request("broken")));
    assert.equal(broken.code, status.INTERNAL);
    assert.doesNotMatch(broken.details, /passwd|secret/);
    assert.deepEqual(failures, ["call.failed INTERNAL"]);
    for (const [method, service] of [["TraceSetting", undefined], ["X", "other.Service"]] as const) {
      assert.equal((await failure(call(client, method, Buffer.alloc(0), service === undefined ? {} : { service }))).code, status.UNIMPLEMENTED);
    }
  });

  it("gives every error of the catalogue a status code of its kind", () => {
    for (const [code, row] of Object.entries(errorCatalogue)) {
      const mapped = statusCode(new AppError(code as ErrorCode, "x"));
      assert.notEqual(mapped, status.OK);
      assert.equal(row.status >= 500 && row.status !== 501 && row.status !== 503 && row.status !== 504, mapped === status.INTERNAL, code);
    }
  });

  it("keeps what a caller wrote within what a status can carry", () => {
    const { details } = callError(new AppError("INVALID_INPUT", "x"), `\ud800${"größe \u0000".repeat(5000)}`);
    assert.ok(encodeURI(details!).length <= 6000);
  });

  it("answers messages that are not what they should be, and lives on", async () => {
    const { client } = await start();
    for (const message of [Buffer.of(0xff), Buffer.from("ffffffffffffffffffffff", "hex"), Buffer.from("2a80808080ffffffff0f", "hex"), Buffer.from("0b0c", "hex"), Buffer.from("0a03fffefd", "hex")]) {
      const error = await failure(call(client, "ModelInfer", message));
      assert.equal(error.code, status.INVALID_ARGUMENT, error.details);
      assert.match(error.details, /not valid protobuf/);
    }
    assert.equal((await failure(call(client, "ModelMetadata", Buffer.of(0xff)))).code, status.INVALID_ARGUMENT);
    assert.equal((await failure(call(client, "ModelInfer", request("\u0000\ud83d\ude00")))).code, status.NOT_FOUND);
    assert.equal((await call(client, "ServerLive", Buffer.alloc(0))).length, 2);
  });

  it("refuses messages over its limit, compressed or not", async () => {
    const limit = { maxMessageBytes: 10_000 };
    const plain = await start(limit);
    assert.equal((await failure(call(plain.client, "ModelInfer", request("double", new Float32Array(4000))))).code, status.RESOURCE_EXHAUSTED);
    assert.equal(plain.service.calls.length, 0);
    const zipped = await start(limit, { "grpc.default_compression_algorithm": compressionAlgorithms.gzip });
    assert.equal((await failure(call(zipped.client, "ModelInfer", request("double", new Float32Array(1_000_000))))).code, status.RESOURCE_EXHAUSTED);
    assert.equal(zipped.service.calls.length, 0);
    assert.deepEqual(floats(rawOutputs(await call(zipped.client, "ModelInfer", request("double")))[0]!), [2, 4]);
  });

  it("lets the service know that the caller has left, or that its deadline has passed", async () => {
    const { client, service } = await start();
    const changed = (): Promise<void> => new Promise((resolve) => (service.onWaiting = resolve));
    const started = changed();
    const pending = client.makeUnaryRequest("/inference.GRPCInferenceService/ModelInfer", identity, identity, request("slow"), () => undefined);
    await started;
    const ended = changed();
    pending.cancel();
    await ended;
    assert.equal(service.waiting, 0);
    // A busy client may see its deadline pass before it has sent anything: such a call the service never sees.
    const before = service.calls.length;
    while (service.calls.length === before) assert.equal((await failure(call(client, "ModelInfer", request("slow"), { deadline: Date.now() + 50 }))).code, status.DEADLINE_EXCEEDED);
    if (service.waiting > 0) await changed();
    assert.equal(service.waiting, 0);
    assert.ok(service.calls.at(-1)!.deadlineMs! <= 50);
  });

  it("answers a stream in order, failures among the answers", async () => {
    const { client } = await start();
    const stream: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest("/inference.GRPCInferenceService/ModelStreamInfer", identity, identity);
    const answers: Buffer[] = [];
    stream.on("data", (answer: Buffer) => answers.push(answer));
    for (let index = 0; index < 300; index++) stream.write(index % 3 === 2 ? request("nobody", Float32Array.of(1, 2), String(index)) : request("double", Float32Array.of(index, 0), String(index)));
    stream.write(Buffer.of(0xff));
    stream.end();
    await once(stream, "end");
    assert.equal(answers.length, 301);
    answers.slice(0, 300).forEach((answer, index) => {
      const parts = fields(answer);
      const inner = fields(parts.get(2)![0]!);
      assert.equal(String(inner.get(3)?.[0] ?? ""), String(index));
      if (index % 3 === 2) assert.match(String(parts.get(1)![0]), /^There is no model named "nobody"\./);
      else assert.deepEqual(floats(inner.get(6)![0]!), [2 * index, 0]);
    });
    assert.match(String(fields(answers[300]!).get(1)![0]), /not valid protobuf/);
  });

  it("keeps a stream's order when later answers are ready first", async () => {
    const { client, service } = await start();
    const infer = service.infer.bind(service);
    const waiting: (() => void)[] = [];
    service.infer = async (inference) => {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        if (waiting.length === 10) void waiting.reverse().reduce((last, next) => last.then(next), Promise.resolve());
      });
      return infer(inference);
    };
    const stream: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest("/inference.GRPCInferenceService/ModelStreamInfer", identity, identity);
    const ids: string[] = [];
    stream.on("data", (answer: Buffer) => ids.push(String(fields(fields(answer).get(2)![0]!).get(3)![0])));
    for (let index = 0; index < 10; index++) stream.write(request("double", Float32Array.of(1, 2), String(index)));
    stream.end();
    await once(stream, "end");
    assert.deepEqual(service.calls.map(({ id }) => id), ["9", "8", "7", "6", "5", "4", "3", "2", "1", "0"]);
    assert.deepEqual(ids, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
  });

  it("drains: what is under way is answered, new calls are not taken", async () => {
    const { client, server, service } = await start();
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const arrived = new Promise<void>((resolve) => {
      const infer = service.infer.bind(service);
      service.infer = async (inference) => {
        resolve();
        await gate;
        return infer(inference);
      };
    });
    const answer = call(client, "ModelInfer", request("double"));
    await arrived;
    const drained = server.drain(10_000);
    release();
    assert.deepEqual(floats(rawOutputs(await answer)[0]!), [2, 4]);
    await drained;
    assert.equal((await failure(call(client, "ServerLive", Buffer.alloc(0), { deadline: Date.now() + 20_000 }))).code, status.UNAVAILABLE);
  });

  it("cuts off what does not end within the time to drain", async () => {
    const { client, server, service } = await start();
    const arrived = new Promise<void>((resolve) => (service.onWaiting = resolve));
    const answer = failure(call(client, "ModelInfer", request("slow")));
    await arrived;
    await server.drain(20);
    assert.ok([status.UNAVAILABLE, status.CANCELLED, status.INTERNAL].includes((await answer).code));
  });

  it("says which port cannot be had", async () => {
    const { port } = await start();
    const second = new GrpcServer({ host: "127.0.0.1", port }, { services: [], access: openGate, ids, clock: systemClock, logger: { info() {}, warn() {}, error() {} } });
    await assert.rejects(second.listen(), { code: "CONFIG_INVALID", message: `Cannot listen for gRPC on 127.0.0.1: port ${port} is taken or not allowed.` });
    await second.drain(0);
  });

  it("survives callers that do not speak gRPC", async () => {
    const { port, client } = await start();
    const session: Http2Session & { request: ReturnType<typeof connect>["request"] } = connect(`http://127.0.0.1:${port}`);
    const path = "/inference.GRPCInferenceService/ModelInfer";
    for (const [headers, body] of [
      [{ ":method": "POST", ":path": path, "content-type": "application/json" }, Buffer.from("{}")],
      [{ ":method": "POST", ":path": path, "content-type": "application/grpc" }, Buffer.of(0, 0, 0, 0, 9, 1)],
      [{ ":method": "POST", ":path": path, "content-type": "application/grpc", "grpc-encoding": "gzip" }, Buffer.of(1, 0, 0, 0, 2, 1, 2)],
      [{ ":method": "POST", ":path": path, "content-type": "application/grpc", "grpc-encoding": "br" }, Buffer.of(1, 0, 0, 0, 1, 1)],
      [{ ":method": "POST", ":path": path, "content-type": "application/grpc", "grpc-timeout": "soon" }, Buffer.of(0, 0, 0, 0, 0)],
      [{ ":method": "POST", ":path": path, "content-type": "application/grpc" }, Buffer.alloc(0)],
    ] as const) {
      const stream = session.request(headers);
      stream.resume();
      stream.end(body);
      const [answer] = (await once(stream, "response")) as [Record<string, unknown>];
      assert.ok(Number(answer[":status"]) === 415 || Number(answer["grpc-status"]) > 0, JSON.stringify(answer));
      stream.close();
    }
    session.destroy();
    assert.equal((await call(client, "ServerLive", Buffer.alloc(0))).length, 2);
  });
});

