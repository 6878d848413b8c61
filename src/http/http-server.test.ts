import assert from "node:assert/strict";
import { once } from "node:events";
import { createReadStream, type ReadStream } from "node:fs";
import { Agent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { Readable } from "node:stream";
import { after, before, describe, it } from "node:test";
import { deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { z } from "zod";
import { systemClock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { TimeOrderedIds } from "../core/ids.ts";
import { silentLogger } from "../core/logger.ts";
import { openGate } from "../core/request-gate.ts";
import { HttpAnswer, route, type Route } from "../core/route.ts";
import { loadConsoleFiles } from "./console-files.ts";
import { HttpServer, type HttpServerOptions } from "./http-server.ts";
import { RouteTable } from "./route-table.ts";

const defaults: HttpServerOptions = { host: "127.0.0.1", port: 0, allowedHosts: [], maxInferenceBytes: 1 << 20, bodyTimeoutMs: 30_000, maxConnections: 100 };
const documented = { access: "public", summary: "", tag: "Test" } as const;
/** More than the system takes for a caller who reads nothing. */
const largeBytes = 64 << 20;
let changed = 0;
let release: (() => void) | undefined;
let endTail: (() => void) | undefined;
let begun: (() => void) | undefined;
/** Of an answer whose caller had gone. */
let late: ReadStream | undefined;

const routes: Route[] = [
  route({ ...documented, method: "POST", path: "/echo", operationId: "echo", body: { kind: "buffer", maxBytes: "inference", description: "" }, response: { mediaType: "application/octet-stream", description: "" },
    handle: ({ body }) => { changed++; return new HttpAnswer(200, {}, body); } }),
  route({ ...documented, method: "PUT", path: "/json/:name", operationId: "json", params: z.strictObject({ name: z.string().max(4) }), query: z.strictObject({ n: z.coerce.number().optional() }),
    body: { kind: "json", schema: z.strictObject({ a: z.number() }) }, response: z.unknown(), handle: ({ params, query, body }) => ({ params, query, body }) }),
  route({ ...documented, method: "GET", path: "/fails", operationId: "fails", response: z.unknown(), handle: () => { throw new Error("secret /path/of/a/file"); } }),
  route({ ...documented, method: "GET", path: "/busy", operationId: "busy", response: z.unknown(), handle: () => { throw new AppError("QUEUE_FULL", "Busy.", { retryAfterSeconds: 1.2 }); } }),
  route({ ...documented, method: "GET", path: "/slow", operationId: "slow", response: z.unknown(), handle: () => new Promise<unknown>((resolve) => (release = () => resolve({ done: true }))) }),
  route({ ...documented, method: "GET", path: "/protocol", operationId: "protocol", response: z.unknown(), errorBody: ({ message }) => ({ error: message }), handle: () => ({}) }),
  route({ ...documented, method: "GET", path: "/tail", operationId: "tail", response: { mediaType: "text/plain", description: "" }, handle: () => {
    const body = new Readable({ read: () => undefined });
    body.push("begun");
    endTail = () => void body.push(null);
    return new HttpAnswer(200, {}, body);
  } }),
  route({ ...documented, method: "GET", path: "/late/:file", operationId: "late", params: z.strictObject({ file: z.string() }), response: { mediaType: "text/plain", description: "" }, handle: async ({ params, abortSignal }) => {
    begun?.();
    await once(abortSignal, "abort");
    late = createReadStream(params.file === "there" ? import.meta.filename : "no such file");
    return new HttpAnswer(200, {}, late);
  } }),
  route({ ...documented, method: "GET", path: "/large", operationId: "large", response: { mediaType: "application/octet-stream", description: "" }, handle: () => new HttpAnswer(200, {}, Buffer.alloc(largeBytes)) }),
  route({ ...documented, method: "GET", path: "/stream", operationId: "stream", response: { mediaType: "text/plain", description: "" }, handle: () => new HttpAnswer(200, {}, Readable.from(["one ", "two"])) }),
];

async function start(options: Partial<HttpServerOptions> = {}): Promise<{ server: HttpServer; port: number }> {
  const server = new HttpServer({ ...defaults, ...options }, { table: new RouteTable(routes), console: loadConsoleFiles("no such folder"), access: openGate, clock: systemClock, ids: new TimeOrderedIds(systemClock), logger: silentLogger });
  return { server, port: await server.listen() };
}

interface Answer { status: number; headers: IncomingHttpHeaders; text: string }

function call(port: number, method: string, path: string, headers: Record<string, string | string[]> = {}, body?: Buffer | string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ port, host: "127.0.0.1", method, path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => resolve({ status: response.statusCode!, headers: response.headers, text: Buffer.concat(chunks).toString() }));
      response.on("error", reject);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** What the server writes to a raw connection until it closes it. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.end(text));
    socket.on("data", (chunk) => (answer += chunk.toString()));
    socket.on("close", () => resolve(answer));
    socket.on("error", reject);
  });
}

const codeOf = ({ text }: Answer): string => (JSON.parse(text) as { error: { code: string } }).error.code;

describe("HttpServer", () => {
  let server: HttpServer;
  let port: number;
  before(async () => ({ server, port } = await start()));
  after(() => server.destroy());

  it("answers for loopback names only", async () => {
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, `LOCALHOST:${port}`]) assert.equal((await call(port, "GET", "/stream", { Host: host })).text, "one two", host);
    for (const host of ["evil.example", "127.0.0.1", `localhost.evil.example:${port}`, `localhost:${port + 1}`, `127.0.0.1:${port}.evil.example`]) {
      const answer = await call(port, "GET", "/stream", { Host: host });
      assert.deepEqual([answer.status, codeOf(answer)], [421, "HOST_REFUSED"], host);
    }
  });

  it("refuses a doubled Host and an absolute-form target, which Node takes", async () => {
    assert.match(await raw(port, `GET /stream HTTP/1.1\r\nHost: localhost:${port}\r\nHost: evil.example\r\nConnection: close\r\n\r\n`), /^HTTP\/1\.1 4(21|00)/);
    assert.match(await raw(port, `GET http://localhost:${port}/stream HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: close\r\n\r\n`), /^HTTP\/1\.1 421/);
    assert.match(await raw(port, `GET /stream HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: close\r\n\r\n`), /^HTTP\/1\.1 200/);
  });

  it("refuses changes that a page of another site sends, and takes those of the console", async () => {
    const before = changed;
    for (const headers of [{ "Sec-Fetch-Site": "cross-site" }, { "Sec-Fetch-Site": "same-site" }, { Origin: "https://evil.example" }, { Origin: "null" }]) {
      assert.equal(codeOf(await call(port, "POST", "/echo", headers as unknown as Record<string, string>, "x")), "CROSS_SITE_REFUSED");
    }
    assert.equal(changed, before);
    assert.equal((await call(port, "POST", "/echo", { "Sec-Fetch-Site": "same-origin", Origin: `http://localhost:${port}` }, "x")).text, "x");
    assert.equal((await call(port, "POST", "/echo", {}, "x")).text, "x");
  });

  it("names every problem of a request with its place", async () => {
    const answer = await call(port, "PUT", "/json/toolong?n=abc", {}, '{"a":1}');
    assert.equal(answer.status, 400);
    assert.deepEqual((JSON.parse(answer.text) as { error: { problems: { path: string }[] } }).error.problems.map(({ path }) => path), ["path.name", "query.n"]);
    assert.deepEqual(JSON.parse((await call(port, "PUT", "/json/ok?n=3", {}, '{"a":1}')).text), { params: { name: "ok" }, query: { n: 3 }, body: { a: 1 } });
  });

  it("answers bad bodies with what was wrong", async () => {
    const of = async (body: string | Buffer, headers: Record<string, string> = {}): Promise<string> => codeOf(await call(port, "PUT", "/json/x", headers, body));
    assert.equal(await of(""), "INVALID_JSON");
    assert.equal(await of("{"), "INVALID_JSON");
    assert.equal(await of(Buffer.from([0x22, 0xff, 0x22])), "INVALID_JSON");
    assert.equal(await of("[".repeat(100) + "]".repeat(100)), "INVALID_JSON");
    assert.equal(await of('{"a":1,"__proto__":{"b":1}}'), "INVALID_REQUEST");
    assert.equal(await of('{"a":1}', { "Content-Type": "text/html" }), "UNSUPPORTED_MEDIA_TYPE");
    assert.equal(await of(`{"a":${" ".repeat(1 << 20)}1}`), "BODY_TOO_LARGE");
  });

  it("decompresses what clients compress, and stops at bombs, broken and unknown encodings", async () => {
    const text = "hello ".repeat(100);
    for (const [encoding, body] of [["gzip", gzipSync(text)], ["deflate", deflateSync(text)], ["deflate", deflateRawSync(text)], ["zstd", zstdCompressSync(text)]] as const) {
      assert.equal((await call(port, "POST", "/echo", { "Content-Encoding": encoding }, body)).text, text);
    }
    const of = async (encoding: string, body: Buffer): Promise<string> => codeOf(await call(port, "POST", "/echo", { "Content-Encoding": encoding }, body));
    assert.equal(await of("gzip", gzipSync(Buffer.alloc(64 << 20))), "BODY_TOO_LARGE");
    assert.equal(await of("gzip", gzipSync(text).subarray(0, 20)), "BODY_INCOMPLETE");
    assert.equal(await of("gzip", Buffer.from(text)), "BODY_INCOMPLETE");
    assert.equal(await of("zstd", zstdCompressSync(Buffer.alloc(64 << 20))), "BODY_TOO_LARGE");
    const zipped = zstdCompressSync(text);
    for (const body of [zipped.subarray(0, 20), Buffer.from(text), Buffer.alloc(0), Buffer.concat([zipped, zipped.subarray(0, 20)]), Buffer.concat([zipped, Buffer.from("more")])]) assert.equal(await of("zstd", body), "BODY_INCOMPLETE");
    // Node's own encoder ends what it was given in pieces with an empty frame.
    assert.equal((await call(port, "POST", "/echo", { "Content-Encoding": "zstd" }, Buffer.concat([zipped, zstdCompressSync(""), zipped]))).text, text + text);
    assert.equal(await of("zstd", Buffer.concat(Array<Buffer>(1001).fill(zstdCompressSync("")))), "BODY_TOO_LARGE");
    // A frame that says how much of it is to be kept: 8 MiB are, 32 MiB are not.
    const frame = (window: number): Buffer => Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, window, (2 << 3) | 1, 0, 0, 0x68, 0x69]);
    assert.equal((await call(port, "POST", "/echo", { "Content-Encoding": "zstd" }, frame(13 << 3))).text, "hi");
    assert.equal(await of("zstd", frame(15 << 3)), "BODY_INCOMPLETE");
    assert.equal(await of("br", Buffer.from(text)), "UNSUPPORTED_ENCODING");
  });

  it("stops a body at its limit, declared or not", async () => {
    assert.equal(codeOf(await call(port, "POST", "/echo", {}, Buffer.alloc((1 << 20) + 1))), "BODY_TOO_LARGE");
    assert.match(await raw(port, `POST /echo HTTP/1.1\r\nHost: localhost:${port}\r\nTransfer-Encoding: chunked\r\n\r\n${(2 << 20).toString(16)}\r\n${"x".repeat(2 << 20)}\r\n0\r\n\r\n`).catch(() => "BODY_TOO_LARGE"), /BODY_TOO_LARGE/);
    assert.equal((await call(port, "POST", "/echo", {}, Buffer.alloc(1 << 20))).text.length, 1 << 20);
  });

  it("lets a caller who sends far too much see why it is refused", async () => {
    for (const path of ["/echo", "/json/x", "/nothing"]) {
      for (const headers of [{ "Content-Length": String(40 << 20) }, { "Transfer-Encoding": "chunked" }]) {
        const answer = await new Promise<Answer>((resolve, reject) => {
          const sent = httpRequest({ port, host: "127.0.0.1", method: path === "/json/x" ? "PUT" : "POST", path, headers }, (response) => {
            let text = "";
            response.on("data", (chunk: Buffer) => (text += chunk.toString()));
            response.on("end", () => resolve({ status: response.statusCode!, headers: response.headers, text }));
          });
          sent.on("error", reject);
          Readable.from((function* () { for (let piece = 0; piece < 40; piece++) yield Buffer.alloc(1 << 20, 32); })()).pipe(sent);
        });
        assert.ok([413, 404].includes(answer.status), `${path} ${answer.status}`);
        assert.match(answer.text, /"code":"(BODY_TOO_LARGE|ROUTE_NOT_FOUND)"/);
      }
    }
  });

  it("says why it cannot read what is no request", async () => {
    assert.match(await raw(port, "nonsense\r\n\r\n"), /^HTTP\/1\.1 400 [^]*not an HTTP request/);
    assert.match(await raw(port, `GET / HTTP/1.1\r\nHost: localhost:${port}\r\nX: ${"x".repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 431 [^]*headers are larger/);
    assert.match(await raw(port, `CONNECT evil.example:80 HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`), /^HTTP\/1\.1 405 [^]*no proxy/);
  });

  it("gives up on a head that does not come, and not on one that came while the server was busy", async () => {
    const hasty = await start({ headTimeoutMs: 400 });
    const open = async (): Promise<Socket> => {
      const socket = connect(hasty.port, "127.0.0.1");
      await once(socket, "connect");
      return socket;
    };
    const first = async (socket: Socket): Promise<string> => String((await once(socket, "data"))[0]);
    try {
      const busy = await open();
      // The server has taken it by then.
      for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
      busy.write(`GET /stream HTTP/1.1\r\nHost: localhost:${hasty.port}\r\n\r\n`);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1700);
      assert.match(await first(busy), /^HTTP\/1\.1 200 /);
      const slow = await open();
      slow.write("GET /stream HTTP/1.1\r\nHost");
      assert.match(await first(slow), /^HTTP\/1\.1 408 [^]*BODY_TIMEOUT[^]*did not come in time/);
    } finally {
      hasty.server.destroy();
    }
  });

  it("gives up on a body that does not come", async () => {
    const slow = await start({ bodyTimeoutMs: 0 });
    const answer = await new Promise<string>((resolve, reject) => {
      let text = "";
      const socket = connect(slow.port, "127.0.0.1", () => socket.write(`POST /echo HTTP/1.1\r\nHost: localhost:${slow.port}\r\nContent-Length: 10\r\n\r\nabc`));
      socket.on("data", (chunk) => {
        text += chunk.toString();
        // Else the server waits for the rest of the body, to throw it away.
        if (text.includes("BODY_TIMEOUT")) socket.end();
      });
      socket.on("close", () => resolve(text));
      socket.on("error", reject);
    });
    assert.match(answer, /^HTTP\/1\.1 408[^]*BODY_TIMEOUT/);
    slow.server.destroy();
  });

  it("tells the caller nothing of an unexpected failure but an id", async () => {
    const answer = await call(port, "GET", "/fails");
    assert.equal(answer.status, 500);
    assert.doesNotMatch(answer.text, /secret/);
    assert.match(answer.headers["x-request-id"] as string, /^req_/);
  });

  it("says when to come back, what a path takes, and what is not there", async () => {
    const busy = await call(port, "GET", "/busy");
    assert.deepEqual([busy.status, busy.headers["retry-after"]], [503, "2"]);
    const wrong = await call(port, "DELETE", "/echo");
    assert.deepEqual([wrong.status, wrong.headers.allow], [405, "POST"]);
    assert.equal((await call(port, "POST", "/nothing", {}, "")).status, 404);
    assert.deepEqual(JSON.parse((await call(port, "POST", "/protocol/nothing", {}, "")).text), { error: "There is nothing at this path." });
    assert.deepEqual(JSON.parse((await call(port, "PUT", "/protocol", {}, "")).text), { error: "This path takes GET." });
  });

  it("answers HEAD like GET without a body", async () => {
    const head = await call(port, "HEAD", "/busy");
    assert.deepEqual([head.status, head.text], [503, ""]);
  });

  it("holds no file open for a caller who has gone when the answer is there, nor is harmed by one that is not there", async () => {
    const isClosed = (): boolean => late?.closed === true;
    for (const file of ["there", "nowhere"]) {
      late = undefined;
      const asked = new Promise<void>((resolve) => (begun = resolve));
      const socket = connect(port, "127.0.0.1", () => socket.write(`GET /late/${file} HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`));
      await asked;
      socket.destroy();
      while (!isClosed()) await new Promise((resolve) => setImmediate(resolve));
    }
  });

  it("puts the common headers on every answer", async () => {
    const { headers } = await call(port, "GET", "/busy");
    assert.deepEqual([headers["x-content-type-options"], headers["cache-control"], headers["x-frame-options"]], ["nosniff", "no-store", "deny"]);
  });

  it("finishes the answers under way when it drains, and tells kept connections to close", async () => {
    const own = await start();
    const pending = call(own.port, "GET", "/slow", { Connection: "keep-alive" });
    while (release === undefined) await new Promise((resolve) => setImmediate(resolve));
    const drained = own.server.drain(10_000);
    release();
    const answer = await pending;
    assert.equal(answer.text, '{"done":true}');
    assert.equal(answer.headers.connection, "close");
    await drained;
    await assert.rejects(call(own.port, "GET", "/busy"), { code: "ECONNREFUSED" });
  });
});

/** An answer that began on a kept connection. */
async function beginTail(port: number, agent: Agent): Promise<IncomingMessage> {
  const sent = httpRequest({ port, host: "127.0.0.1", path: "/tail", agent }).end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  return response;
}

describe("HttpServer that drains", () => {
  it("comes to its end where an answer ends late that had begun before, on a connection that its caller keeps", async () => {
    const own = await start();
    const agent = new Agent({ keepAlive: true });
    const response = await beginTail(own.port, agent);
    assert.notEqual(response.headers.connection, "close");
    const drained = own.server.drain(0);
    endTail!();
    response.resume();
    await drained;
    agent.destroy();
  });

  it("ends no answer before its caller has read all of it", async () => {
    const own = await start();
    const agent = new Agent({ keepAlive: true });
    const sent = httpRequest({ port: own.port, host: "127.0.0.1", path: "/large", agent }).end();
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    const drained = own.server.drain(0);
    // It has long been cut off where that is how it ends.
    await new Promise((resolve) => setTimeout(resolve, 50));
    let bytes = 0;
    for await (const chunk of response) bytes += (chunk as Buffer).length;
    assert.equal(bytes, largeBytes);
    await drained;
    agent.destroy();
  });

  it("answers what had come when its time was over, where it was held up itself until then", async () => {
    const own = await start();
    const socket = connect(own.port, "127.0.0.1");
    const ask = (): Promise<unknown[]> => {
      socket.write(`GET /stream HTTP/1.1\r\nHost: localhost:${own.port}\r\n\r\n`);
      return once(socket, "data");
    };
    assert.match(String(await ask()), /200 OK/);
    const drained = own.server.drain(1);
    const answer = ask();
    // One thread: until this is over, nobody reads what was sent.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 30);
    assert.match(String(await answer), /200 OK[^]*Connection: close/);
    await drained;
    socket.destroy();
  });

  it("still fails a body that does not come", async () => {
    const own = await start({ bodyTimeoutMs: 1 });
    const socket = connect(own.port, "127.0.0.1", () => socket.write(`POST /echo HTTP/1.1\r\nHost: localhost:${own.port}\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n`));
    assert.match(String(await once(socket, "data")), /100 Continue/);
    const text = once(socket, "data");
    await own.server.drain(0);
    assert.match(String(await text), /BODY_TIMEOUT/);
    socket.destroy();
  });
});

describe("RouteTable", () => {
  it("gives paths without a route the errors of the protocol that their neighbours speak", () => {
    const errorBody = (): string => "protocol";
    const spoken = ["/p", "/p/models/:model", "/shared/a"].map((path, index): Route => ({ ...routes[2]!, path, operationId: `spoken${index}`, errorBody }));
    const table = new RouteTable([...routes, ...spoken, { ...routes[2]!, path: "/shared/b", operationId: "own" }, { ...routes[2]!, path: "/p/guest", operationId: "guest", isGuest: true }]);
    for (const target of ["/p", "/p?x=1", "/p/nothing", "/p/guest", "/p/"]) assert.equal(table.errorBodyOf(target), errorBody, target);
    for (const target of ["/", "", "/pp", "/shared/c", "/echo/x", "/nothing"]) assert.equal(table.errorBodyOf(target), undefined, target);
  });

  it("knows the path that a caller meant who put too much before it, or too little", () => {
    const paths = ["/v1/chat/completions", "/v1/traces", "/v1/models/:model", "/langsmith/runs/batch", "/a/b/same/end", "/c/same/end"];
    const table = new RouteTable(paths.map((path, index) => ({ ...routes[0]!, method: "POST", path, operationId: `operation${index}`, aliases: [] })));
    const chat = "/v1/chat/completions";
    for (const path of ["/chat/completions", "/v1/v1/chat/completions", "/api/v1/chat/completions", "/v1//chat/completions", "//v1/chat/completions", "/v1/chat/completion", "/v1/chat/completions/chat/completions"]) assert.equal(table.pathLike("POST", path), chat, path);
    for (const path of ["/v1/trace", "/traces", "/v1/traces/v1/traces"]) assert.equal(table.pathLike("POST", path), "/v1/traces", path);
    for (const path of ["/runs/batch", "/api/v1/runs/batch", "/v1/langsmith/runs/batch"]) assert.equal(table.pathLike("POST", path), "/langsmith/runs/batch", path);
    assert.equal(table.pathLike("POST", "/x/b/same/end"), "/a/b/same/end");
    for (const path of ["/", "/v1", "/batch", "/same/end", "/models/a", "/v1/metrics", `/${"a/".repeat(100)}v1/traces`]) assert.equal(table.pathLike("POST", path), null, path);
    assert.equal(table.pathLike("GET", "/traces"), null);
  });

  it("refuses a route that declares no access, and operations of one name", () => {
    const open = { ...routes[0]!, access: undefined } as unknown as Route;
    assert.throws(() => new RouteTable([open]), /declares no access/);
    assert.throws(() => new RouteTable([routes[0]!, { ...routes[2]!, operationId: "echo" }]), /declared twice/);
  });
});
