import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { connect, type ClientHttp2Session, type ClientHttp2Stream, type ServerHttp2Stream } from "node:http2";
import { afterEach, describe, it } from "node:test";
import { Client, compressionAlgorithms, credentials, Metadata, status, type ClientDuplexStream, type ServiceError } from "@grpc/grpc-js";
import { betweenLooks } from "../../test/kit/between-looks.ts";
import { BodyBudget } from "../core/body-budget.ts";
import { anonymousCaller } from "../core/caller.ts";
import { ManualClock, epochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { streamMethod, unaryMethod, type GrpcService } from "../core/grpc-service.ts";
import { TimeOrderedIds } from "../core/ids.ts";
import { silentLogger } from "../core/logger.ts";
import { openGate, type RequestGate } from "../core/request-gate.ts";
import { GrpcServer, type GrpcServerOptions } from "./grpc-server.ts";
import { MessageMemory } from "./message-memory.ts";

const bytes = (message: Buffer): Buffer => message;
const open: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

/** A gate that lets only the key `right` in. */
const keyGate: RequestGate = {
  ...openGate,
  identify: (shown, now) => {
    if (shown.authorization === "Bearer revoked") throw new AppError("UNAUTHENTICATED", "The key was revoked.");
    return shown.authorization === "Bearer right" ? openGate.identify(shown, now) : anonymousCaller;
  },
  authorize: (caller, access) => {
    if (access !== "public" && caller === anonymousCaller) throw new AppError("UNAUTHENTICATED", "This needs a key.");
  },
};

async function start({ budgetBytes = 1 << 20, gate = openGate, channel = {}, ...options }: Partial<GrpcServerOptions> & { budgetBytes?: number; gate?: RequestGate; channel?: Record<string, unknown> } = {}) {
  const budget = new BodyBudget(budgetBytes);
  const clock = new ManualClock(epochMs(0));
  const read: number[] = [];
  /** Lengths of messages whose answers are taken, or that nobody waits for. */
  const taken: number[] = [];
  /** Answers with the message's length; `hold` messages wait until they are let go. */
  let letGo = (): void => undefined;
  const released = new Promise<void>((resolve) => (letGo = resolve));
  const basics = {
    access: "viewer" as const,
    decode: (message: Buffer): Buffer => {
      read.push(message.length);
      return message;
    },
    encode: bytes,
    handle: async ({ request, whenAnswered }: { request: Buffer; whenAnswered: (told: () => void) => void }): Promise<Buffer> => {
      whenAnswered(() => taken.push(request.length));
      if (request.toString("latin1", 0, 4) === "hold") await released;
      // More than a caller takes without reading.
      return request.toString("latin1", 0, 5) === "large" ? Buffer.alloc(1 << 18) : Buffer.from(String(request.length));
    },
  };
  const service: GrpcService = {
    name: "test.Service", errorText: (error) => error.message,
    methods: [
      unaryMethod<Buffer, Buffer>({ ...basics, name: "One" }), unaryMethod<Buffer, Buffer>({ ...basics, access: "public", name: "Public" }),
      streamMethod<Buffer, Buffer>({ ...basics, name: "Many", failure: (error) => Buffer.from(error.code) }),
    ],
  };
  const server = new GrpcServer({ host: "127.0.0.1", port: 0, ...options }, { services: [service], access: gate, ids: new TimeOrderedIds(clock), clock, logger: silentLogger, budget });
  const port = await server.listen();
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), channel);
  const session = connect(`http://127.0.0.1:${port}`);
  open.push(() => client.close(), () => session.destroy(), () => server.drain(100));
  return { budget, clock, read, taken, client, session, letGo };
}

function call(client: Client, method: string, message: Buffer, key?: string): Promise<string> {
  const metadata = new Metadata();
  if (key !== undefined) metadata.set("authorization", `Bearer ${key}`);
  return new Promise((resolve, reject) => client.makeUnaryRequest(`/test.Service/${method}`, bytes, bytes, message, metadata, { deadline: Date.now() + 60_000 }, (error, answer) => (error === null ? resolve(String(answer)) : reject(error))));
}

/** Code of the status and of the error. */
async function failureOf(promise: Promise<unknown>): Promise<unknown[]> {
  const error = await promise.then(() => assert.fail("the call succeeded"), (thrown: unknown) => thrown as ServiceError);
  return [error.code, ...error.metadata.get("slipway-error-code")];
}

/** A call whose messages are written by hand. */
function rawCall(session: ClientHttp2Session, method: string): { stream: ClientHttp2Stream; status: Promise<number> } {
  const stream = session.request({ ":method": "POST", ":path": `/test.Service/${method}`, "content-type": "application/grpc", te: "trailers" });
  stream.on("error", () => undefined).resume();
  return { stream, status: once(stream, "response").then(([head]) => Number((head as Record<string, unknown>)["grpc-status"])) };
}

function prefix(size: number, compressed = 0): Buffer {
  const head = Buffer.of(compressed, 0, 0, 0, 0);
  head.writeUInt32BE(size, 1);
  return head;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await betweenLooks();
}

describe("memory of gRPC messages", () => {
  it("is not given to who has no key: the call ends before its message is read, also one that would go on", async () => {
    const { client, session, budget, read } = await start({ gate: keyGate, budgetBytes: 32 << 20 });
    const large = Buffer.alloc(8 << 20);
    assert.deepEqual(await failureOf(call(client, "One", large)), [status.UNAUTHENTICATED, "UNAUTHENTICATED"]);
    assert.deepEqual(await failureOf(call(client, "One", large, "wrong")), [status.UNAUTHENTICATED, "UNAUTHENTICATED"]);
    for (const method of ["One", "Public"]) assert.deepEqual(await failureOf(call(client, method, Buffer.alloc(100), "revoked")), [status.UNAUTHENTICATED, "UNAUTHENTICATED"]);
    for (const method of ["One", "Many"]) {
      const { stream, status: answered } = rawCall(session, method);
      stream.write(prefix(60 << 20));
      stream.write(Buffer.alloc(1 << 20));
      assert.equal(await answered, status.UNAUTHENTICATED);
      await until(() => stream.closed);
    }
    assert.deepEqual(read, []);
    assert.equal(budget.takenBytes, 0);
    assert.equal(await call(client, "One", large, "right"), String(large.length));
  });

  it("is bounded for all messages together, of which the one that is too many is refused and may come again", async () => {
    const { client, session, budget } = await start();
    const { stream } = rawCall(session, "One");
    stream.write(prefix(1 << 20));
    stream.write(Buffer.alloc(700_000));
    await until(() => budget.takenBytes > 700_000);
    assert.deepEqual(await failureOf(call(client, "One", Buffer.alloc(700_000))), [status.UNAVAILABLE, "QUEUE_FULL"]);
    assert.equal(await call(client, "One", Buffer.alloc(100_000)), "100000");
    stream.close(8);
    await until(() => budget.takenBytes === 0);
    assert.equal(await call(client, "One", Buffer.alloc(700_000)), "700000");
    await until(() => budget.takenBytes === 0);
  });

  it("counts what pieces cost that bring a byte each", async () => {
    const { session, budget } = await start({ budgetBytes: 200_000 });
    const { stream, status: answered } = rawCall(session, "One");
    stream.write(prefix(1 << 20));
    // Each written when the one before has left: together they would be one frame.
    const next = (): void => void (stream.writable && stream.write(Buffer.of(1), next));
    next();
    assert.equal(await answered, status.UNAVAILABLE);
    await until(() => budget.takenBytes === 0);
  });

  it("counts what a compressed message may become", async () => {
    const channel = { "grpc.default_compression_algorithm": compressionAlgorithms.gzip };
    const small = await start({ channel });
    assert.deepEqual(await failureOf(call(small.client, "One", Buffer.alloc(2 << 20))), [status.UNAVAILABLE, "QUEUE_FULL"]);
    assert.deepEqual(small.read, []);
    assert.equal(await call(small.client, "One", Buffer.alloc(1000)), "1000");
    await until(() => small.budget.takenBytes === 0);
    const large = await start({ channel, budgetBytes: 64 << 20 });
    assert.equal(await call(large.client, "One", Buffer.alloc(2 << 20)), String(2 << 20));
  });

  it("comes back with each answer of a stream, and with its end", async () => {
    const { client, budget } = await start({ budgetBytes: 300_000 });
    const stream: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest("/test.Service/Many", bytes, bytes);
    const answers: string[] = [];
    stream.on("data", (answer: Buffer) => answers.push(String(answer)));
    for (let index = 0; index < 50; index++) {
      stream.write(Buffer.alloc(100_000 + index));
      await until(() => answers.length > index);
      assert.equal(answers[index], String(100_000 + index));
    }
    // An answer is here before it is told there that it has gone.
    await until(() => budget.takenBytes === 0);
    const ended = failureOf(once(stream, "end"));
    for (let index = 0; index < 5; index++) stream.write(Buffer.from("hold".padEnd(90_000)));
    assert.deepEqual(await ended, [status.UNAVAILABLE, "QUEUE_FULL"]);
    await until(() => budget.takenBytes === 0);
    assert.equal(await call(client, "One", Buffer.alloc(250_000)), "250000");
  });

  it("is kept as long as a message is worked on", async () => {
    const { client, budget, letGo } = await start();
    const answer = call(client, "One", Buffer.from("hold".padEnd(800_000)));
    await until(() => budget.takenBytes >= 800_000);
    assert.deepEqual(await failureOf(call(client, "One", Buffer.alloc(500_000))), [status.UNAVAILABLE, "QUEUE_FULL"]);
    letGo();
    assert.equal(await answer, "800000");
    await until(() => budget.takenBytes === 0);
  });

  it("is not kept for who does not go on: a message that is cut short, and a call that does not end behind its message", async () => {
    const { session, budget, clock, client, letGo } = await start({ messageTimeoutMs: 30_000 });
    const working = call(client, "One", Buffer.from("hold"));
    const stalled = [[prefix(1000), Buffer.alloc(10)], [prefix(1000), Buffer.alloc(1000)], [prefix(0).subarray(0, 2)]].map((pieces) => {
      const raw = rawCall(session, "One");
      for (const piece of pieces) raw.stream.write(piece);
      return raw;
    });
    const more = rawCall(session, "Many");
    more.stream.write(Buffer.concat([prefix(3), Buffer.alloc(3), prefix(1000), Buffer.alloc(5)]));
    await once(more.stream, "response");
    // A stream without anything begun may be as quiet as it likes.
    const quiet = rawCall(session, "Many");
    quiet.stream.write(Buffer.concat([prefix(3), Buffer.alloc(3)]));
    await once(quiet.stream, "response");
    await until(() => budget.takenBytes > 3000);
    clock.advance(30_001);
    assert.deepEqual(await Promise.all(stalled.map(({ status: answered }) => answered)), stalled.map(() => status.DEADLINE_EXCEEDED));
    await until(() => more.stream.closed && stalled.every(({ stream }) => stream.closed));
    assert.equal(quiet.stream.closed, false);
    letGo();
    assert.equal(await working, "4");
    quiet.stream.close(8);
    await until(() => budget.takenBytes === 0);
  });

  it("is taken by the answers of a stream, until the caller takes them or the stream ends", async () => {
    const { session, budget, client } = await start();
    for (const end of [(stream: ClientHttp2Stream) => stream.resume(), (stream: ClientHttp2Stream) => stream.close(8)]) {
      const { stream } = rawCall(session, "Many");
      stream.pause();
      for (let index = 0; index < 3; index++) stream.write(Buffer.concat([prefix(5), Buffer.from("large")]));
      await until(() => budget.takenBytes >= 3 << 18);
      assert.deepEqual(await failureOf(call(client, "One", Buffer.alloc(300_000))), [status.UNAVAILABLE, "QUEUE_FULL"]);
      end(stream);
      await until(() => budget.takenBytes === 0);
      assert.equal(await call(client, "One", Buffer.alloc(300_000)), "300000");
    }
  });

  it("is taken by the answers of calls, until the callers take them or leave, which is told", async () => {
    const { session, budget, client, taken } = await start();
    for (const end of [(stream: ClientHttp2Stream) => stream.resume(), (stream: ClientHttp2Stream) => stream.close(8)]) {
      const calls = Array.from({ length: 3 }, () => rawCall(session, "One").stream.pause());
      for (const stream of calls) stream.end(Buffer.concat([prefix(5), Buffer.from("large")]));
      await until(() => budget.takenBytes >= 3 << 18);
      assert.deepEqual(await failureOf(call(client, "One", Buffer.alloc(300_000))), [status.UNAVAILABLE, "QUEUE_FULL"]);
      assert.deepEqual(taken, []);
      calls.forEach(end);
      await until(() => budget.takenBytes === 0);
      assert.deepEqual(taken.splice(0), [5, 5, 5]);
      assert.equal(await call(client, "One", Buffer.alloc(300_000)), "300000");
      await until(() => taken.length === 1);
      taken.length = 0;
    }
  });

  it("tells of each answer of a stream when it is taken, and of the others when the stream ends", async () => {
    const { session, client, taken } = await start();
    const going: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest("/test.Service/Many", bytes, bytes);
    going.on("data", () => undefined).on("error", () => undefined);
    for (let index = 0; index < 3; index++) {
      going.write(Buffer.alloc(index + 10));
      await until(() => taken.length > index);
    }
    assert.deepEqual(taken.splice(0), [10, 11, 12]);
    const { stream } = rawCall(session, "Many");
    stream.pause();
    for (let index = 0; index < 2; index++) stream.write(Buffer.concat([prefix(5), Buffer.from("large")]));
    await once(stream, "response");
    stream.close(8);
    await until(() => taken.length === 2);
    going.cancel();
  });

  it("is not kept for who takes no answers", async () => {
    const { session, budget, clock, client } = await start();
    const message = Buffer.concat([prefix(90_000), Buffer.from("large".padEnd(90_000))]);
    const calls = ["One", "Many"].map((method) => {
      const { stream } = rawCall(session, method);
      stream.pause().write(message);
      return stream;
    });
    calls[0]!.end();
    await Promise.all(calls.map((stream) => once(stream, "response")));
    assert.ok(budget.takenBytes >= 90_000);
    await until(() => {
      clock.advance(1000);
      return calls.every(({ closed }) => closed);
    });
    assert.ok(clock.monotonic() >= 60_000);
    await until(() => budget.takenBytes === 0);
    assert.equal(await call(client, "One", Buffer.alloc(10)), "10");
  });

  it("is not kept by streams that were refused at once: of a method that is not there, or of another content type", async () => {
    const { session } = await start();
    await once(session, "remoteSettings");
    for (const headers of [{ ":path": "/no.Service/No" }, { ":path": "/test.Service/Two" }, { ":path": "/test.Service/One", "content-type": "text/plain" }]) {
      const stream = session.request({ ":method": "POST", "content-type": "application/grpc", te: "trailers", ...headers });
      stream.on("error", () => undefined).resume().write(Buffer.alloc(50_000));
      const [head] = (await once(stream, "response")) as [Record<string, unknown>];
      assert.ok(head["grpc-status"] === "12" || head[":status"] === 415, JSON.stringify(head));
      await until(() => stream.closed);
    }
  });

  it("is small for methods that anybody may call", async () => {
    const { client, read } = await start({ gate: keyGate });
    assert.equal(await call(client, "Public", Buffer.alloc(60_000)), "60000");
    assert.deepEqual(await failureOf(call(client, "Public", Buffer.alloc(70_000))), [status.RESOURCE_EXHAUSTED, "BODY_TOO_LARGE"]);
    assert.deepEqual(read, [60_000]);
  });
});

describe("time for callers to take their answers", () => {
  it("begins again with each part that is taken, is longer for longer answers, and is not asked of who waits", () => {
    const clock = new ManualClock(epochMs(0));
    const memory = new MessageMemory({ maxMessageBytes: 1 << 20, messageTimeoutMs: 1e9, readerTimeoutMs: 20_000 }, { budget: new BodyBudget(1 << 20), clock });
    const open = (writableLength: number) => {
      const stream = Object.assign(new EventEmitter(), { writableLength, code: -1, close: (code: number) => (stream.code = code) });
      memory.watch(stream as unknown as ServerHttp2Stream, true, { maxBytes: null, refuse: () => undefined });
      return stream;
    };
    const [idle, small, large, slow, gone] = [open(0), open(1000), open(2_560_000), open(5000), open(1000)] as const;
    memory.sweep();
    gone.emit("close");
    const codes = (seconds: number): number[] => {
      clock.advance(1000 * seconds);
      memory.sweep();
      return [idle, small, large, slow, gone].map(({ code }) => code);
    };
    assert.deepEqual(codes(19), [-1, -1, -1, -1, -1]);
    slow.writableLength = 4000;
    assert.deepEqual(codes(2), [-1, 8, -1, -1, -1]);
    assert.deepEqual(codes(8), [-1, 8, -1, -1, -1]);
    assert.deepEqual(codes(1.1), [-1, 8, 8, -1, -1]);
    assert.deepEqual(codes(12), [-1, 8, 8, 8, -1]);
    idle.writableLength = 1;
    assert.deepEqual(codes(100), [-1, 8, 8, 8, -1]);
  });
});
