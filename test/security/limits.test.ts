import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { deflateSync, gzipSync } from "node:zlib";
import { BodyBudget } from "../../src/core/body-budget.ts";
import { systemClock } from "../../src/core/clock.ts";
import { TimeOrderedIds } from "../../src/core/ids.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { openGate } from "../../src/core/request-gate.ts";
import { HttpAnswer, route } from "../../src/core/route.ts";
import { loadConsoleFiles } from "../../src/http/console-files.ts";
import { HttpServer, type HttpServerOptions } from "../../src/http/http-server.ts";
import { RouteTable } from "../../src/http/route-table.ts";
import { codeOf, parseReply, startSecuredServer, type RawReply, type SecuredServer } from "../kit/secured-server.ts";

describe("limits of requests", () => {
  let server: SecuredServer;
  before(async () => {
    server = await startSecuredServer();
  });
  after(() => server.stop());

  const head = (more: readonly string[]): string =>
    [`POST /api/teams HTTP/1.1`, `Host: ${server.host}`, `Authorization: Bearer ${server.adminKey}`, "Content-Type: application/json", "Connection: close", ...more].join("\r\n");
  const post = async (body: string | Buffer, more: readonly string[] = []): Promise<RawReply> =>
    parseReply(await server.raw(Buffer.concat([Buffer.from(`${head([`Content-Length: ${Buffer.byteLength(body)}`, ...more])}\r\n\r\n`), Buffer.from(body)])));
  const teams = async (): Promise<string> => (await server.asAdmin("GET", "/api/teams")).body;
  const nested = (depth: number): string => `{"name":"deep","description":${"[".repeat(depth)}${"]".repeat(depth)}}`;

  it("keeps JSON to 1 MiB, 32 levels and one well-formed document in UTF-8", async () => {
    const before = await teams();
    const refused: [body: string | Buffer, code: string][] = [
      [`{"name":"canary"${" ".repeat(1 << 20)}}`, "BODY_TOO_LARGE"], [nested(33), "INVALID_JSON"], [nested(100_000), "INVALID_JSON"], ["[".repeat(1_000_000), "INVALID_JSON"], [`${'{"a":'.repeat(40)}1${"}".repeat(40)}`, "INVALID_JSON"],
      ['{"name":"canary"', "INVALID_JSON"], ['{"name":"canary"}{}', "INVALID_JSON"], ["", "INVALID_JSON"], [Buffer.from('{"name":"can\xe9ry"}', "latin1"), "INVALID_JSON"], ["﻿﻿{}", "INVALID_JSON"], ['{"name":"canary","other":1}', "INVALID_REQUEST"],
    ];
    for (const [body, code] of refused) {
      const reply = await post(body);
      assert.equal(codeOf(reply), code, body.toString().slice(0, 60));
    }
    assert.equal(await teams(), before);
    // Within the depth it is only of the wrong type.
    assert.equal(codeOf(await post(nested(30))), "INVALID_REQUEST");
    assert.equal((await post(`{"name":"large","description":"${"x".repeat(1900)}"}${" ".repeat(1_000_000)}`)).status, 200);
  });

  it("counts what a compressed body becomes, and stops at a hundred times its size", async () => {
    const before = await teams();
    const bomb = gzipSync(Buffer.alloc(200 << 20, " "));
    for (const [body, encoding, code] of [
      [bomb, "gzip", "BODY_TOO_LARGE"], [gzipSync(bomb), "gzip", "INVALID_JSON"], [deflateSync(Buffer.alloc(8 << 20, " ")), "deflate", "BODY_TOO_LARGE"], [gzipSync('{"name":"canary"}').subarray(0, 25), "gzip", "BODY_INCOMPLETE"],
      [Buffer.from('{"name":"canary"}'), "gzip", "BODY_INCOMPLETE"], [Buffer.from("x"), "br", "UNSUPPORTED_ENCODING"], [gzipSync(gzipSync('{"name":"canary"}')), "gzip, gzip", "UNSUPPORTED_ENCODING"],
    ] as const) {
      assert.equal(codeOf(await post(body, [`Content-Encoding: ${encoding}`])), code, encoding);
    }
    assert.equal(await teams(), before);
    assert.equal((await post(gzipSync('{"name":"zipped"}'), ["Content-Encoding: gzip"])).status, 200);
  });

  it("refuses heads that are too large, and takes ordinary ones", async () => {
    const reply = async (more: string): Promise<number> => parseReply(await server.raw(`GET /version HTTP/1.1\r\nHost: ${server.host}\r\nConnection: close\r\n${more}\r\n`)).status;
    assert.equal(await reply(`X: ${"x".repeat(20_000)}\r\n`), 431);
    assert.equal(await reply(`${"X: y\r\n".repeat(10_000)}`), 431);
    assert.equal(await reply(`X: ${"x".repeat(8000)}\r\n`), 200);
    const long = await server.send("GET", `/api/models/${"m".repeat(9000)}`, [`Host: ${server.host}`, `Authorization: Bearer ${server.adminKey}`]);
    assert.ok(long.status === 404 || long.status === 400, String(long.status));
  });
});

/** The door alone, with one route that answers when it is told to. */
describe("limits of connections and memory", () => {
  let release: (() => void)[] = [];
  const held = route({
    method: "POST", path: "/held", access: "public", operationId: "held", summary: "", tag: "Test",
    body: { kind: "buffer", maxBytes: 1000, description: "" }, response: { mediaType: "text/plain", description: "" },
    handle: ({ body }) => new Promise<HttpAnswer>((resolve) => release.push(() => resolve(new HttpAnswer(200, {}, String(body.length))))),
  });

  async function start(options: Partial<HttpServerOptions>): Promise<{ server: HttpServer; port: number }> {
    release = [];
    const server = new HttpServer(
      { host: "127.0.0.1", port: 0, allowedHosts: [], maxInferenceBytes: 1000, bodyTimeoutMs: 60_000, maxConnections: 1000, ...options },
      { table: new RouteTable([held]), console: loadConsoleFiles("no such folder"), access: openGate, clock: systemClock, ids: new TimeOrderedIds(systemClock), logger: silentLogger },
    );
    return { server, port: await server.listen() };
  }

  function open(port: number, text: string): { socket: Socket; reply: Promise<string> } {
    const socket = connect({ host: "127.0.0.1", port }, () => socket.write(text));
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("error", () => undefined);
    return { socket, reply: new Promise((resolve) => socket.once("close", () => resolve(Buffer.concat(chunks).toString()))) };
  }

  const request = (port: number, bytes: number, length = bytes): string =>
    `POST /held HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n${"x".repeat(bytes)}`;
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await new Promise((resolve) => setImmediate(resolve));
  };

  it("holds no more of all bodies together than it has memory for, and takes them again when answers are out", async () => {
    const { server, port } = await start({ bodyBudget: new BodyBudget(2500) });
    const first = open(port, request(port, 1000));
    const second = open(port, request(port, 1000));
    await until(() => release.length === 2);
    const refused = parseReply(await open(port, request(port, 1000)).reply);
    assert.deepEqual([refused.status, codeOf(refused), refused.headers["retry-after"]], [503, "QUEUE_FULL", ["1"]]);
    const small = open(port, request(port, 400));
    await until(() => release.length === 3);
    release.splice(0).forEach((answer) => answer());
    assert.deepEqual((await Promise.all([first.reply, second.reply, small.reply])).map((text) => parseReply(text).body), ["1000", "1000", "400"]);
    const again = [open(port, request(port, 1000)), open(port, request(port, 1000))];
    await until(() => release.length === 2);
    // Whoever leaves in the middle of a body gives back what it took.
    const left = Array.from({ length: 20 }, () => open(port, request(port, 90, 1000)));
    for (const { socket } of left) socket.once("connect", () => socket.end());
    for (const { reply } of left) assert.match(await reply, /^HTTP\/1\.1 (400|503)|^$/);
    release.splice(0).forEach((answer) => answer());
    for (const { reply } of again) assert.equal(parseReply(await reply).status, 200);
    const last = [open(port, request(port, 1000)), open(port, request(port, 1000))];
    await until(() => release.length === 2);
    release.splice(0).forEach((answer) => answer());
    for (const { reply } of last) assert.equal(parseReply(await reply).status, 200);
    server.destroy();
  });

  it("takes as many connections as it is told, and the next ones when those have gone", async () => {
    const { server, port } = await start({ maxConnections: 5 });
    const kept = Array.from({ length: 5 }, () => open(port, request(port, 10)));
    await until(() => release.length === 5);
    assert.equal(codeOf(parseReply(await open(port, request(port, 10)).reply)), "CONNECTIONS_TAKEN");
    assert.equal(release.length, 5);
    release.splice(0).forEach((answer) => answer());
    for (const { reply } of kept) assert.equal(parseReply(await reply).status, 200);
    const next = open(port, request(port, 10));
    await until(() => release.length === 1);
    release.splice(0).forEach((answer) => answer());
    assert.equal(parseReply(await next.reply).status, 200);
    server.destroy();
  });

  it("lets connections that say nothing, half of a head, or go on after their answer, lock nobody out", async () => {
    const { server, port } = await start({ maxConnections: 5 });
    const busy = [open(port, request(port, 10)), open(port, request(port, 10))];
    await until(() => release.length === 2);
    const head = request(port, 10).slice(0, 30);
    const unknown = `POST /nowhere HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Length: 1000\r\n\r\n{`;
    for (const text of ["", head, unknown, "no HTTP at all\r\n\r\n"]) {
      const idle = Array.from({ length: 40 }, () => {
        // Nothing is read, so that the end of the other side is not seen, nor answered.
        const socket = connect({ host: "127.0.0.1", port }, () => socket.write(text));
        socket.on("error", () => undefined);
        return socket;
      });
      await Promise.all(idle.map((socket) => new Promise<void>((resolve) => socket.once("connect", () => resolve()).once("close", () => resolve()))));
      const asked = open(port, request(port, 10));
      await until(() => release.length === 3);
      release.pop()!();
      assert.equal(parseReply(await asked.reply).status, 200, JSON.stringify(text));
      for (const socket of idle) socket.destroy();
    }
    release.splice(0).forEach((answer) => answer());
    for (const { reply } of busy) assert.equal(parseReply(await reply).status, 200);
    server.destroy();
  });
});
