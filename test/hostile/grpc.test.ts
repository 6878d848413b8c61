import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import { Client, credentials, Metadata, status, type ServiceError } from "@grpc/grpc-js";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { slowModel } from "../kit/onnx-models.ts";
import { hangMs } from "./http-caller.ts";
import { deployInferModels, inferModels } from "./infer-models.ts";
import { binaryOf } from "./infer-mutations.ts";
import { field, floatBytes, inputField, packed, rawField, varint } from "./protobuf-fields.ts";
import { assertIdle, assertReason, assertWell, treeOf } from "./refusals.ts";
import { seededRandom } from "../kit/seed.ts";

const identity = (bytes: Buffer): Buffer => bytes;
const service = "inference.GRPCInferenceService";
/** One row of 1, 2, 3 for the model of floats; its score is 321. */
const row = { name: "features", datatype: "FP32", shape: [1n, 3n] } as const;
const valid = Buffer.concat([field(1, "tabular"), inputField(row), rawField(floatBytes(1, 2, 3))]);

describe("hostile gRPC calls", () => {
  let server: RunningServer;
  let client: Client;
  let treeBefore: string[];
  before(async () => {
    server = await startServer();
    await deployInferModels(server);
    client = new Client(`127.0.0.1:${server.grpcPort}`, credentials.createInsecure(), { "grpc.max_send_message_length": -1 });
    await assertAnswered();
    treeBefore = await treeOf(server);
  });
  after(async () => {
    client.close();
    await server.stop();
  });

  function call(message: Buffer, options: { method?: string; deadlineMs?: number; metadata?: Metadata } = {}): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(`/${service}/${options.method ?? "ModelInfer"}`, identity, identity, message, options.metadata ?? new Metadata(),
        { deadline: Date.now() + (options.deadlineMs ?? hangMs) }, (error, answer) => (error === null ? resolve(answer!) : reject(error)));
    });
  }

  async function assertAnswered(): Promise<void> {
    const scores = floatBytes(321);
    assert.ok((await call(valid)).includes(scores), "the valid twin has the wrong answer");
  }

  const wrong: ReadonlySet<status> = new Set([status.INVALID_ARGUMENT, status.NOT_FOUND, status.RESOURCE_EXHAUSTED, status.UNIMPLEMENTED]);

  async function assertCallRefused(description: string, message: Buffer, options?: Parameters<typeof call>[1]): Promise<ServiceError> {
    const error = await call(message, options).then(() => assert.fail(`${description} was answered`), (thrown: ServiceError) => thrown);
    if (error.code === undefined) throw error;
    assert.ok(wrong.has(error.code), `${description}: ${status[error.code]} ${error.details}`);
    assertReason(error.details, description);
    return error;
  }

  it("refuses each message that is not what it says, with a status of the caller's and a reason", async () => {
    const model = field(1, "tabular");
    const raw = rawField(floatBytes(1, 2, 3));
    const floats = field(6, floatBytes(1, 2, 3));
    const messages: Record<string, Buffer> = {
      "nothing": Buffer.alloc(0),
      "a model only": model,
      "a model that is not there": Buffer.concat([field(1, "../tabular"), inputField(row), raw]),
      "__proto__ for a model": Buffer.concat([field(1, "__proto__"), inputField(row), raw]),
      "a version that cannot be": Buffer.concat([model, field(2, "../1"), inputField(row), raw]),
      "another spelling of a version": Buffer.concat([model, field(2, "0x1"), inputField(row), raw]),
      "a name of bytes that are no UTF-8": Buffer.concat([field(1, Buffer.of(0xff, 0xfe)), inputField(row), raw]),
      "an id of a megabyte": Buffer.concat([model, field(3, "i".repeat(1 << 20)), inputField(row), raw]),
      "contents and raw contents": Buffer.concat([model, inputField({ ...row, contents: floats }), raw]),
      "contents of another kind": Buffer.concat([model, inputField({ ...row, contents: packed(3, [1n, 2n, 3n]) })]),
      "contents of two kinds": Buffer.concat([model, inputField({ ...row, contents: Buffer.concat([floats, packed(2, [1n])]) })]),
      "texts for numbers": Buffer.concat([model, inputField({ ...row, contents: field(8, "abc") })]),
      "contents too short": Buffer.concat([model, inputField({ ...row, contents: field(6, floatBytes(1, 2)) })]),
      "contents of no whole floats": Buffer.concat([model, inputField({ ...row, contents: field(6, Buffer.alloc(7)) })]),
      "no contents": Buffer.concat([model, inputField(row)]),
      "raw contents too short": Buffer.concat([model, inputField(row), rawField(floatBytes(1, 2))]),
      "raw contents too long": Buffer.concat([model, inputField(row), rawField(floatBytes(1, 2, 3, 4))]),
      "raw contents twice": Buffer.concat([model, inputField(row), raw, raw]),
      "an input twice": Buffer.concat([model, inputField(row), inputField(row), raw, raw]),
      "NaN": Buffer.concat([model, inputField(row), rawField(floatBytes(1, NaN, 3))]),
      "infinity in contents": Buffer.concat([model, inputField({ ...row, contents: field(6, floatBytes(1, Infinity, 3)) })]),
      "a negative dimension": Buffer.concat([model, inputField({ ...row, shape: [-1n, 3n] }), raw]),
      "no rows": Buffer.concat([model, inputField({ ...row, shape: [0n, 3n] }), rawField(Buffer.alloc(0))]),
      "a dimension of 2^63 - 1": Buffer.concat([model, inputField({ ...row, shape: [2n ** 63n - 1n, 3n] }), raw]),
      "dimensions whose product wraps": Buffer.concat([model, inputField({ ...row, shape: [2n ** 32n, 2n ** 32n] }), raw]),
      "a shape of 100,000 dimensions": Buffer.concat([model, inputField({ ...row, shape: new Array<bigint>(100_000).fill(1n) }), raw]),
      "a datatype that is none": Buffer.concat([model, inputField({ ...row, datatype: "constructor" }), raw]),
      "a datatype of a megabyte": Buffer.concat([model, inputField({ ...row, datatype: "F".repeat(1 << 20) }), raw]),
      "an unknown input": Buffer.concat([model, inputField({ ...row, name: "../features" }), raw]),
      "100,000 inputs": Buffer.concat([model, ...new Array<Buffer>(100_000).fill(inputField({}))]),
      "100,000 raw contents": Buffer.concat([model, inputField(row), ...new Array<Buffer>(100_000).fill(rawField(Buffer.alloc(0)))]),
      "an output that is not there": Buffer.concat([model, inputField(row), field(6, field(1, "__proto__")), raw]),
      "a length beyond the end": Buffer.concat([model, field(5, "x", 1000n)]),
      "a length of 2^32 - 1": Buffer.concat([model, field(5, "x", 2n ** 32n - 1n)]),
      "a length of 2^63": Buffer.concat([model, field(7, "x", 2n ** 63n)]),
      "a length of 2^64 - 1": Buffer.concat([model, field(1, "x", 2n ** 64n - 1n)]),
      "a varint of eleven bytes": Buffer.concat([model, Buffer.from("2affffffffffffffffffff01", "hex")]),
      "a varint without end": Buffer.concat([model, Buffer.alloc(50, 0xff)]),
      "a field of number 0": Buffer.of(0x02, 0x00),
      "a group that never ends": Buffer.concat([model, Buffer.alloc(10_000, 0x0b)]),
      "a group that never began": Buffer.concat([model, Buffer.of(0x0c)]),
      "wire types that do not exist": Buffer.concat([model, Buffer.of(0x0e, 0x0f)]),
      "inner lengths that lie": Buffer.concat([model, field(5, Buffer.concat([field(1, "features", 900n)])), raw]),
      "contents whose length lies": Buffer.concat([model, inputField({ ...row, more: field(5, field(6, floatBytes(1, 2, 3), 4096n)) })]),
      "bytes contents that are no UTF-8": Buffer.concat([field(1, "words"), inputField({ name: "word", datatype: "BYTES", shape: [1n, 1n], contents: field(8, Buffer.of(0xff)) })]),
      "raw texts whose lengths lie": Buffer.concat([field(1, "words"), inputField({ name: "word", datatype: "BYTES", shape: [1n, 1n] }), rawField(Buffer.of(255, 255, 255, 255, 1))]),
      "raw texts cut in a length": Buffer.concat([field(1, "words"), inputField({ name: "word", datatype: "BYTES", shape: [1n, 1n] }), rawField(Buffer.of(1, 0, 0))]),
      "an input of several missing": Buffer.concat([field(1, "mixed"), inputField({ name: "weekday", datatype: "INT64", shape: [1n, 1n], contents: packed(3, [1n]) })]),
      "random bytes of a megabyte": seededRandom("a megabyte").bytes(1 << 20),
    };
    for (const [description, message] of Object.entries(messages)) await assertCallRefused(description, message);
    await assertAnswered();
  });

  it("refuses a message over the limit before it is all there", async () => {
    const error = await assertCallRefused("80 MiB", Buffer.concat([field(1, "tabular"), inputField(row), rawField(Buffer.alloc(80 << 20))]));
    assert.equal(error.code, status.RESOURCE_EXHAUSTED);
    await assertAnswered();
  });

  it("answers thousands of cut, turned and random messages with a status of the caller's, or a prediction", async () => {
    const random = seededRandom("messages");
    let left = 2000;
    let refused = 0;
    const one = async (): Promise<void> => {
      const model = random.pick(inferModels);
      const inputs = model.inputs(random);
      const whole = Buffer.concat([
        field(1, model.name), field(3, "id"),
        ...inputs.map(({ name, datatype, shape }) => inputField({ name, datatype, shape: shape.map(BigInt) })), ...inputs.map((input) => rawField(binaryOf(input))),
      ]);
      let message: Buffer = whole;
      const kind = random.integer(0, 3);
      if (kind === 0) message = whole.subarray(0, random.integer(0, whole.length - 1));
      else if (kind === 1) message = random.bytes(random.integer(1, 200));
      else if (kind === 2) message = Buffer.concat([whole.subarray(0, random.integer(0, whole.length)), varint(BigInt(random.integer(0, 2 ** 31))), whole.subarray(random.integer(0, whole.length))]);
      else for (let turned = random.integer(1, 5); turned > 0; turned--) message[random.integer(0, message.length - 1)]! ^= 1 << random.integer(0, 7);
      const shown = `${model.name} ${message.toString("hex")}`;
      await call(message).then(() => undefined, (error: ServiceError) => {
        if (error.code === undefined) throw error;
        refused++;
        assert.ok(wrong.has(error.code), `${shown}: ${status[error.code]} ${error.details}`);
        assertReason(error.details, shown);
      });
    };
    await Promise.all(Array.from({ length: 16 }, async () => {
      while (left-- > 0) await one();
    }));
    assert.ok(refused > 1300, `only ${refused} were refused`);
    await assertAnswered();
  });

  it("answers nonsense to every method, and goes on", async () => {
    const random = seededRandom("nonsense");
    const methods = ["ModelReady", "ModelMetadata", "ModelConfig", "ModelStatistics", "RepositoryIndex", "RepositoryModelLoad", "RepositoryModelUnload", "ServerMetadata", "ServerLive"];
    for (const method of methods) {
      for (const message of [random.bytes(50), Buffer.of(0xff), field(1, Buffer.of(0xff, 0xff)), Buffer.concat([field(1, "../x"), field(2, "__proto__")]), field(2, "x".repeat(100_000))]) {
        await call(message, { method }).catch((error: ServiceError) => {
          assert.ok(wrong.has(error.code), `${method} ${message.subarray(0, 40).toString("hex")}: ${status[error.code]} ${error.details}`);
          assertReason(error.details, method);
        });
      }
    }
    const parameter = (name: string, text: string): Buffer => field(3, Buffer.concat([field(1, name), field(2, field(3, text))]));
    for (const version of ["../1", "0x1", "NaN", "-1", "99"]) {
      await assertCallRefused(`loading version ${version}`, Buffer.concat([field(2, "tabular"), parameter("version", version)]), { method: "RepositoryModelLoad" });
    }
    await assertCallRefused("a method that is not there", Buffer.alloc(0), { method: "../ModelInfer" });
    await assertAnswered();
  });

  it("drops the work of callers that cancel or whose deadline has passed", async () => {
    await server.client.deploy({ file: await server.file("slow.onnx", slowModel(20)), name: "slow" });
    const message = Buffer.concat([field(1, "slow"), inputField({ name: "x", datatype: "FP32", shape: [1n, 1n] }), rawField(floatBytes(1))]);
    const deadlines = Array.from({ length: 100 }, () => call(message, { deadlineMs: 1 }).then(() => status.OK, (error: ServiceError) => error.code));
    const cancelled = Array.from({ length: 100 }, () => new Promise<status>((resolve) => {
      const pending = client.makeUnaryRequest(`/${service}/ModelInfer`, identity, identity, message, new Metadata(), {}, (error) => resolve(error === null ? status.OK : error.code));
      setImmediate(() => pending.cancel());
    }));
    for (const code of await Promise.all(deadlines)) assert.ok(code === status.DEADLINE_EXCEEDED || code === status.OK, status[code]);
    for (const code of await Promise.all(cancelled)) assert.ok(code === status.CANCELLED || code === status.OK, status[code]);
    const stream = client.makeBidiStreamRequest(`/${service}/ModelStreamInfer`, identity, identity);
    stream.on("error", () => undefined);
    for (let index = 0; index < 200; index++) stream.write(message);
    stream.cancel();
    await once(stream, "close").catch(() => undefined);
    await assertIdle(server);
    assert.ok((await call(message)).includes(floatBytes(1)));
  });

  it("is well afterwards, has no prediction that failed by its own fault, and has written nothing else", async () => {
    await assertWell(server);
    for (const { name } of inferModels) assert.deepEqual((await server.client.predictions(name, { outcome: "error" })).map(({ outcome }) => outcome), [], name);
    const more = (await treeOf(server)).filter((path) => !treeBefore.includes(path) && path !== "slow.onnx" && !/^data\/blobs\/sha256\/[0-9a-f]{2}(\/[0-9a-f]{64})?$/.test(path));
    assert.deepEqual(more, []);
  });
});
