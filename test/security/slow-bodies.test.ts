import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { afterEach, describe, it } from "node:test";
import { connect as connectTls } from "node:tls";
import { ManualClock } from "../../src/core/clock.ts";
import { TimeOrderedIds } from "../../src/core/ids.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { openGate } from "../../src/core/request-gate.ts";
import { HttpAnswer, route } from "../../src/core/route.ts";
import { loadConsoleFiles } from "../../src/http/console-files.ts";
import { HttpServer, type HttpServerOptions } from "../../src/http/http-server.ts";
import { RouteTable } from "../../src/http/route-table.ts";
import { betweenLooks } from "../kit/between-looks.ts";
import { makeCertificate } from "../kit/certificates.ts";
import { codeOf, parseReply, startSecuredServer } from "../kit/secured-server.ts";

const documented = { access: "public", summary: "", tag: "Test", response: { mediaType: "text/plain", description: "" } } as const;

/** The door alone, with a clock that stands unless it is told to move. */
describe("callers who send or read slowly, where all places are taken", () => {
  const places = 5;
  /** Larger than what the system takes for a caller who reads nothing. */
  const large = Buffer.alloc(64 << 20);
  let [clock, begun, uploaded, server, port]: [ManualClock, number, number, HttpServer, number] = [new ManualClock(), 0, 0, undefined as never, 0];
  const sockets: Socket[] = [];
  const routes = [
    route({ ...documented, method: "POST", path: "/whole", operationId: "whole", body: { kind: "buffer", maxBytes: 1 << 20, description: "" }, handle: ({ body }) => new HttpAnswer(200, {}, String(body.length)) }),
    route({ ...documented, method: "PUT", path: "/upload", operationId: "upload", body: { kind: "stream", description: "" }, handle: async ({ body }) => {
      for await (const piece of body) uploaded += (piece as Buffer).length;
      return new HttpAnswer(200, {}, "stored");
    } }),
    route({ ...documented, method: "GET", path: "/large", operationId: "large", handle: () => new HttpAnswer(200, {}, large) }),
  ];

  async function start(options: Partial<HttpServerOptions> = {}): Promise<void> {
    [clock, begun, uploaded] = [new ManualClock(), 0, 0];
    const access = { ...openGate, identify: (...given: Parameters<typeof openGate.identify>) => {
      begun++;
      return openGate.identify(...given);
    } };
    server = new HttpServer(
      { host: "127.0.0.1", port: 0, allowedHosts: [], maxInferenceBytes: 1 << 20, bodyTimeoutMs: 30_000, maxConnections: places, ...options },
      { table: new RouteTable(routes), console: loadConsoleFiles("no such folder"), access, clock, ids: new TimeOrderedIds(clock), logger: silentLogger },
    );
    port = await server.listen();
  }
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
    server.destroy();
  });

  const until = async (condition: () => boolean): Promise<void> => {
    for (; !condition(); await betweenLooks());
  };
  /** A connection with this request, once the door has seen it, or refused it. */
  async function begin(method: string, path: string, length: number, text = ""): Promise<{ socket: Socket; reply: Promise<string> }> {
    const seen = begun;
    const socket = connect({ host: "127.0.0.1", port });
    const chunks: Buffer[] = [];
    const reply = new Promise<string>((resolve) => socket.on("error", () => undefined).on("data", (chunk: Buffer) => chunks.push(chunk)).once("close", () => resolve(Buffer.concat(chunks).toString())));
    sockets.push(socket);
    socket.write(`${method} ${path} HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n${text}`);
    await until(() => begun > seen || socket.destroyed);
    return { socket, reply };
  }
  const call = async (): Promise<string> => (await begin("POST", "/whole", 5, "hello")).reply;

  it("answers a new caller in the place of the one furthest behind, who is told why, and each further one likewise", async () => {
    await start();
    const slow = [];
    for (let index = 0; index < places; index++) {
      slow.push(await begin("POST", "/whole", 1000, "{"));
      clock.advance(10);
    }
    for (let round = 0; round < 2 * places; round++) {
      assert.equal(parseReply(await call()).body, "5");
      const told = parseReply(await slow.shift()!.reply);
      assert.deepEqual([told.status, codeOf(told), told.headers.connection], [408, "BODY_TIMEOUT", ["close"]]);
      assert.match(told.body, /so slowly that its connection gave way/);
      // Another slow one comes in its place.
      slow.push(await begin("POST", "/whole", 1000, "{"));
      clock.advance(10);
    }
  });

  it("answers as many callers as come at once where every place is a slow body's, also before any time has passed", async () => {
    await start();
    await Promise.all(Array.from({ length: 10 * places }, () => begin("POST", "/whole", 1000, "{")));
    for (let index = 0; index < places; index++) assert.equal(parseReply(await call()).body, "5");
  });

  it("keeps a body, also of an upload, that comes at 16 KB/s, and refuses the new one where all do", async () => {
    await start({ maxConnections: 2 });
    const upload = await begin("PUT", "/upload", 1 << 20);
    upload.socket.write(Buffer.alloc(100_000));
    await until(() => uploaded === 100_000);
    clock.advance(5000);
    const slow = await begin("POST", "/whole", 1000, "{");
    clock.advance(1000);
    // The younger one is behind, the older one is not.
    assert.equal(parseReply(await call()).body, "5");
    assert.equal(parseReply(await slow.reply).status, 408);
    const other = await begin("PUT", "/upload", 1 << 20);
    other.socket.write(Buffer.alloc(100_000));
    await until(() => uploaded === 200_000);
    assert.equal(codeOf(parseReply(await call())), "CONNECTIONS_TAKEN");
    clock.advance(1000);
    assert.equal(parseReply(await call()).body, "5");
    assert.equal(await upload.reply, "");
    assert.equal(other.socket.destroyed, false);
    other.socket.write(Buffer.alloc((1 << 20) - 100_000));
    assert.equal(parseReply(await other.reply).body, "stored");
  });

  /** As many as there are places ask for a large answer and read nothing of it. */
  async function keepUnread(): Promise<Socket[]> {
    const asked = Array.from({ length: places }, () => {
      const socket = connect({ host: "127.0.0.1", port }).on("error", () => undefined).pause();
      sockets.push(socket);
      socket.write(`GET /large HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`);
      return socket;
    });
    await until(() => begun === places);
    return asked;
  }

  it("answers a new caller where the others leave large answers unread for 5 s, and ends one of those for it", async () => {
    await start({ readerTimeoutMs: 1e9 });
    await keepUnread();
    let reply = await call();
    assert.equal(codeOf(parseReply(reply)), "CONNECTIONS_TAKEN");
    for (; parseReply(reply).status === 503; reply = await call()) clock.advance(1000);
    assert.equal(parseReply(reply).body, "5");
    assert.ok(clock.now() - new ManualClock().now() > 5000);
  });

  it("ends large answers that are left unread for a minute, also where there are places", async () => {
    await start({ maxConnections: 2 * places });
    const asked = await keepUnread();
    const closed = asked.map((socket) => new Promise<number>((resolve) => socket.once("close", () => resolve(socket.bytesRead))));
    // The cut is seen by who reads on.
    for (let minutes = 0; minutes < 3; minutes++) {
      clock.advance(61_000);
      await new Promise((resolve) => setTimeout(resolve, 1100));
    }
    for (const socket of asked) socket.resume();
    for (const bytes of await Promise.all(closed)) assert.ok(bytes < large.length);
  });

  it("answers over TLS where the others never end their handshakes, and stops with them", async () => {
    const { certificate, key } = makeCertificate(["localhost"]);
    await start({ tls: { current: { certificate, key }, onChange: () => () => undefined } });
    const half = Array.from({ length: 8 * places }, () => {
      const socket = connect({ host: "127.0.0.1", port }).on("error", () => undefined);
      sockets.push(socket);
      // The head of a ClientHello that says that more comes.
      return new Promise<void>((resolve) => socket.once("connect", () => socket.write(Buffer.from("16030102000100", "hex"), () => resolve())));
    });
    await Promise.all(half);
    const ask = (): Promise<string> => new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      const socket = connectTls({ host: "127.0.0.1", port, servername: "localhost", ca: certificate }, () => socket.write(`POST /whole HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello`));
      sockets.push(socket);
      socket.on("data", (chunk: Buffer) => chunks.push(chunk)).once("close", () => resolve(Buffer.concat(chunks).toString())).on("error", reject);
    });
    assert.equal(parseReply(await ask()).body, "5");
    assert.equal(parseReply(await ask()).body, "5");
    // Who does not end a handshake does not hold a server that stops.
    await server.drain(0);
  });
});

describe("2,000 permitted callers who send their bodies slowly", { timeout: 300_000 }, () => {
  it("do not keep others from an answer, as often as more of them come", async (context) => {
    const server = await startSecuredServer();
    const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: ${server.host}\r\nAuthorization: Bearer ${server.adminKey}\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{`;
    const sockets: Socket[] = [];
    const slow = (): Promise<void> => new Promise((resolve) => {
      const socket = connect({ host: "127.0.0.1", port: server.slipway.httpPort }).on("error", () => undefined);
      sockets.push(socket);
      socket.resume().once("connect", () => socket.write(head, () => resolve()));
    });
    const drip = setInterval(() => sockets.forEach((socket) => socket.writable && socket.write(" ")), 3000);
    const usedMs = (): number => (process.cpuUsage().user + process.cpuUsage().system) / 1000;
    const ask = async (name: string): Promise<number> => {
      const from = performance.now();
      assert.equal((await server.asAdmin("POST", "/api/teams", { name })).status, 200);
      return performance.now() - from;
    };
    try {
      await Promise.all(Array.from({ length: 2000 }, slow));
      const before = usedMs();
      const first = await ask("first");
      const processorMs = usedMs() - before;
      const times: number[] = [];
      for (let index = 0; index < 10; index++) {
        await Promise.all([slow(), slow()]);
        times.push(await ask(`team-${index}`));
      }
      times.sort((one, other) => one - other);
      context.diagnostic(`a request behind 2,000 that came at once: ${first.toFixed(0)} ms, ${processorMs.toFixed(0)} ms of the processor for all; each later one: ${times[5]!.toFixed(0)} ms, at most ${times[9]!.toFixed(0)} ms`);
    } finally {
      clearInterval(drip);
      for (const socket of sockets) socket.destroy();
      await server.stop();
    }
  });
});
