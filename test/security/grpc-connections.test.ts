import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import { connect, type Socket } from "node:net";
import { afterEach, describe, it } from "node:test";
import { connect as connectTls } from "node:tls";
import { ManualClock } from "../../src/core/clock.ts";
import { TimeOrderedIds } from "../../src/core/ids.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { openGate } from "../../src/core/request-gate.ts";
import { GrpcServer, type GrpcServerOptions } from "../../src/grpc/grpc-server.ts";
import { betweenLooks } from "../kit/between-looks.ts";
import { makeCertificate } from "../kit/certificates.ts";
import { startSecuredServer } from "../kit/secured-server.ts";

/** Connections beyond the places, while those that give way end their calls. */
const mostLeaving = 32;
const preface = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Buffer.from("000000040000000000", "hex")]);
/** A ping whose answer is not waited for. */
const ping = Buffer.concat([Buffer.from("000008060000000000", "hex"), Buffer.alloc(8)]);

/** The door alone, with a clock that stands unless it is told to move. */
describe("connections of the gRPC door, where all places are taken", { timeout: 120_000 }, () => {
  const places = 5;
  let [clock, server, port, waiting]: [ManualClock, GrpcServer, number, (() => void)[]] = [new ManualClock(), undefined as never, 0, []];
  const sockets: Socket[] = [];
  const sessions: ClientHttp2Session[] = [];

  async function start(options: Partial<GrpcServerOptions> = {}): Promise<void> {
    [clock, waiting] = [new ManualClock(), []];
    const empty = { access: "public", decode: () => ({}), encode: () => Buffer.alloc(0) } as const;
    const methods = [
      { ...empty, kind: "unary", name: "Answer", handle: () => Promise.resolve({}) },
      { ...empty, kind: "unary", name: "Wait", handle: () => new Promise<object>((resolve) => waiting.push(() => resolve({}))) },
    ] as const;
    server = new GrpcServer({ host: "127.0.0.1", port: 0, maxConnections: places, ...options }, { services: [{ name: "test.Door", methods, errorText: () => "" }], access: openGate, ids: new TimeOrderedIds(clock), clock, logger: silentLogger });
    port = await server.listen();
  }
  afterEach(async () => {
    for (const session of sessions.splice(0)) session.destroy();
    for (const socket of sockets.splice(0)) socket.destroy();
    await server.drain(0);
  });

  const until = async (condition: () => boolean): Promise<void> => {
    for (; !condition(); await betweenLooks());
  };
  /** Once it is connected, as far as the system is concerned. */
  async function open(address: string, bytes: Uint8Array): Promise<Socket> {
    const socket = connect({ host: "127.0.0.1", port, localAddress: address }).on("error", () => undefined);
    sockets.push(socket);
    await once(socket, "connect");
    socket.resume().write(bytes);
    return socket;
  }
  const openCount = (): number => sockets.filter((socket) => !socket.destroyed).length;

  function session(address: string, certificate?: string): ClientHttp2Session {
    const made = connectHttp2(certificate === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`, {
      createConnection: () => certificate === undefined ? connect({ host: "127.0.0.1", port, localAddress: address }) : connectTls({ host: "127.0.0.1", port, localAddress: address, servername: "localhost", ca: certificate, ALPNProtocols: ["h2"] } as object),
    });
    made.on("error", () => undefined);
    sessions.push(made);
    return made;
  }
  /** The status of a call, or what became of its connection. */
  async function call(on: ClientHttp2Session, method = "Answer"): Promise<string> {
    try {
      const stream: ClientHttp2Stream = on.request({ ":method": "POST", ":path": `/test.Door/${method}`, "content-type": "application/grpc", te: "trailers" });
      let status = "";
      stream.on("response", (headers) => (status ||= String(headers["grpc-status"] ?? ""))).on("trailers", (trailers) => (status ||= String(trailers["grpc-status"]))).on("error", () => undefined);
      stream.resume().end(Buffer.alloc(5));
      await new Promise<void>((resolve) => stream.once("close", () => resolve()));
      return status === "" ? "cut" : status;
    } catch {
      return "cut";
    }
  }

  it("answers a new caller, however many others say nothing, or nothing more than that they speak HTTP/2, and holds few of them", async () => {
    for (const bytes of [Buffer.alloc(0), preface]) {
      await start();
      for (let index = 0; index < 200; index++) await open("127.0.0.2", bytes);
      await until(() => openCount() <= places + mostLeaving);
      clock.advance(60_000);
      assert.equal(await call(session("127.0.0.1")), "0");
      await server.drain(0);
    }
  });

  it("takes the place of one of the address that holds most, and of nobody else", async () => {
    await start({ maxConnections: 100 });
    const other = session("127.0.0.3");
    assert.equal(await call(other), "0");
    const slow = session("127.0.0.4");
    const answer = call(slow, "Wait");
    await until(() => waiting.length === 1);
    clock.advance(60_000);
    for (let index = 0; index < 300; index++) await open("127.0.0.2", preface);
    for (let index = 5; index < 55; index++) assert.equal(await call(session(`127.0.0.${index}`)), "0");
    assert.equal(await call(other), "0");
    waiting[0]!();
    assert.equal(await answer, "0");
  });

  it("answers what is under way on a connection that gives way, and takes no further call on it", async () => {
    await start({ maxConnections: 2 });
    const first = session("127.0.0.2");
    const answer = call(first, "Wait");
    await until(() => waiting.length === 1);
    const second = session("127.0.0.2");
    assert.equal(await call(second), "0");
    const told = new Promise<void>((resolve) => first.once("goaway", () => resolve()));
    assert.equal(await call(session("127.0.0.3")), "0");
    await told;
    waiting[0]!();
    assert.equal(await answer, "0");
    assert.equal(await call(first), "cut");
    assert.equal(await call(second), "0");
  });

  it("refuses a new one where all of its own address are in use, and takes it when one is quiet", async () => {
    const full: string[] = [];
    await start({ maxConnections: 2, turnedAway: { count: (room) => void full.push(room) } });
    const inUse = [session("127.0.0.2"), session("127.0.0.2")];
    for (const one of inUse) assert.equal(await call(one), "0");
    assert.deepEqual(full, []);
    assert.equal(await call(session("127.0.0.2")), "cut");
    assert.ok(full.length > 0 && full.every((room) => room === "connections"), full.join());
    for (const one of inUse) assert.equal(await call(one), "0");
    clock.advance(1000);
    // A look just now would see what came before as having come now.
    while ((await call(session("127.0.0.2"))) === "cut") clock.advance(1000);
  });

  it("sees who is quiet, over TLS too", async () => {
    const { certificate, key } = makeCertificate(["localhost"]);
    for (const tls of [undefined, { current: { certificate, key }, onChange: () => () => undefined }]) {
      await start({ maxConnections: 3, tls });
      const of = (address: string): ClientHttp2Session => session(address, tls && certificate);
      const [quiet, busy] = [of("127.0.0.2"), of("127.0.0.2")];
      const ended = new Promise<void>((resolve) => quiet.once("close", () => resolve()));
      assert.deepEqual([await call(quiet), await call(busy)], ["0", "0"]);
      clock.advance(10_000);
      assert.equal(await call(of("127.0.0.3")), "0");
      assert.equal(await call(busy), "0");
      // A look each second finds what came since the last one.
      await new Promise((resolve) => setTimeout(resolve, 1100));
      assert.equal(await call(of("127.0.0.4")), "0");
      await ended;
      assert.equal(await call(busy), "0");
      await server.drain(0);
    }
  });

  it("answers over TLS where the others never end their handshakes, and holds few of them", async () => {
    const { certificate, key } = makeCertificate(["localhost"]);
    await start({ tls: { current: { certificate, key }, onChange: () => () => undefined } });
    // The head of a ClientHello that says that more comes.
    for (let index = 0; index < 100; index++) await open("127.0.0.1", Buffer.from("16030102000100", "hex"));
    await until(() => openCount() <= places);
    clock.advance(5000);
    assert.equal(await call(session("127.0.0.1", certificate)), "0");
    clock.advance(5000);
    assert.equal(await call(session("127.0.0.1", certificate)), "0");
  });

  it("cuts off who does not leave, where more come than may end their calls", async () => {
    await start();
    for (let index = 0; index < places; index++) void call(session("127.0.0.2"), "Wait");
    await until(() => waiting.length === places);
    for (let index = 0; index < 100; index++) {
      clock.advance(2000);
      const begun = waiting.length;
      const one = session("127.0.0.2");
      void call(one, "Wait");
      await until(() => waiting.length > begun || one.destroyed);
      assert.ok(sessions.filter((each) => !each.destroyed).length <= places + mostLeaving + 1);
    }
    clock.advance(2000);
    assert.equal(await call(session("127.0.0.3")), "0");
  });
});

describe("connections of the gRPC door of a whole server", { timeout: 120_000 }, () => {
  it("are as many as it is told", async () => {
    const server = await startSecuredServer({ maxConnections: 10 });
    const sockets: Socket[] = [];
    try {
      for (let index = 0; index < 100; index++) {
        const socket = connect({ host: "127.0.0.1", port: server.slipway.grpcPort }).on("error", () => undefined);
        sockets.push(socket);
        await once(socket, "connect");
        socket.resume().write(Buffer.concat([preface, ping]));
      }
      for (; sockets.filter((socket) => !socket.destroyed).length > 10 + mostLeaving; await betweenLooks());
    } finally {
      for (const socket of sockets) socket.destroy();
      await server.stop();
    }
  });
});
