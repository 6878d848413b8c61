import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { createServer as createRawServer, type AddressInfo, type Server as RawServer, type Socket } from "node:net";
import { after, before, beforeEach, describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { makeCertificate } from "../../../test/kit/certificates.ts";
import { AppError } from "../../core/errors.ts";
import { ProviderSettings } from "../../gateway/schemas.ts";
import type { TransportRequest } from "../../gateway/routing/upstream-transport.ts";
import { UndiciTransport, type UndiciTransportOptions } from "./undici-transport.ts";

const settings = (more: Partial<ProviderSettings> = {}): ProviderSettings => ({ ...ProviderSettings.parse({ kind: "compatible" }), ...more });
const refusedWith = (code: string, begun?: RegExp) => (error: unknown) => error instanceof AppError && error.code === code && (begun === undefined || begun.test(error.message));
const portOf = (server: RawServer): number => (server.address() as AddressInfo).port;

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe("UndiciTransport", () => {
  const sockets: Socket[] = [];
  const seen: { url: string; headers: IncomingMessage["headers"]; body: string }[] = [];
  const transports: UndiciTransport[] = [];
  let answer: (response: ServerResponse, count: number, request: IncomingMessage) => void;
  let server: Server;
  let transport: UndiciTransport;
  before(async () => {
    server = createServer((incoming, response) => {
      let body = "";
      incoming.on("data", (chunk: Buffer) => (body += chunk.toString()));
      incoming.on("end", () => answer(response, seen.push({ url: incoming.url!, headers: incoming.headers, body }), incoming));
    }).listen(0, "127.0.0.1");
    server.keepAliveTimeout = 0;
    server.on("connection", (socket: Socket) => sockets.push(socket));
    await once(server, "listening");
  });
  after(async () => {
    await Promise.all(transports.map((one) => one.close()));
    server.closeAllConnections();
    server.close();
  });
  const open = (options: Partial<UndiciTransportOptions> = {}): UndiciTransport => {
    const opened = new UndiciTransport({ allowed: ["127.0.0.1", "upstream.example"], resolve: () => Promise.resolve(["127.0.0.1"]), ...options });
    transports.push(opened);
    return opened;
  };
  beforeEach(() => {
    transport = open();
    answer = (response) => void response.setHeader("x-thing", "a").end("thanks");
    sockets.length = 0;
    seen.length = 0;
  });
  const request = (more: Partial<TransportRequest> = {}): TransportRequest => ({
    provider: "p", settings: settings(), method: "POST", url: new URL(`http://upstream.example:${portOf(server)}/v1/chat?x=1`), headers: {}, body: "hello", signal: new AbortController().signal, ...more,
  });
  const ask = async (more: Partial<TransportRequest> = {}): Promise<string> => {
    const { status, body } = await transport.send(request(more));
    const text = await textOf(body);
    // A connection is free again one turn after its answer.
    await nextTurn();
    return `${status} ${text}`;
  };

  it("sends what it is given, without what is its own, and keeps the connection", async () => {
    const headers = { "x-key": "k", Host: "evil.example", connection: "close", "content-length": "3", expect: "100-continue", "Accept-Encoding": "zstd" };
    assert.equal(await ask({ headers }), "200 thanks");
    assert.equal(await ask({ body: Buffer.from("bytes") }), "200 thanks");
    assert.equal(await ask({ method: "GET", body: null }), "200 thanks");
    assert.deepEqual(seen.map(({ url, body }) => [url, body]), [["/v1/chat?x=1", "hello"], ["/v1/chat?x=1", "bytes"], ["/v1/chat?x=1", ""]]);
    const { host, "x-key": key, "accept-encoding": encoding, "content-length": length, expect } = seen[0]!.headers;
    assert.deepEqual([host, key, encoding, length, expect], [`upstream.example:${portOf(server)}`, "k", "identity", "5", undefined]);
    assert.equal(sockets.length, 1);
  });

  it("gives the last of repeated headers in small letters, and follows no redirect", async () => {
    answer = (response) => void response.writeHead(307, [["Location", "http://127.0.0.1/elsewhere"], ["X-A", "1"], ["X-A", "2"]]).end();
    const { status, headers, body } = await transport.send(request());
    assert.equal(await textOf(body), "");
    assert.deepEqual([status, headers.location, headers["x-a"], seen.length], [307, "http://127.0.0.1/elsewhere", "2", 1]);
  });

  it("gives a body as it comes, and passes over answers that are none yet", async () => {
    let rest: ServerResponse | undefined;
    answer = (response) => {
      response.writeEarlyHints({ link: "</x>; rel=preload" });
      (rest = response).write("one");
    };
    const { status, body } = await transport.send(request());
    const reading = body[Symbol.asyncIterator]();
    assert.deepEqual([status, String((await reading.next()).value)], [200, "one"]);
    const next = reading.next();
    rest!.end("two");
    assert.equal(String((await next).value), "two");
    assert.equal((await reading.next()).done, true);
  });

  it("makes the provider wait for a slow reader, and loses nothing", async () => {
    const whole = Buffer.alloc(3 << 20, "0123456789");
    answer = (response) => void response.end(whole);
    const { body } = await transport.send(request());
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) {
      chunks.push(chunk);
      await nextTurn();
    }
    assert.ok(Buffer.concat(chunks).equals(whole));
  });

  for (const [encoding, compress] of [["gzip", gzipSync], ["deflate", deflateSync], ["br", brotliCompressSync]] as const) {
    it(`decompresses ${encoding}, and tells a cut or a wrong body from a whole one`, async () => {
      const text = "zwölf ".repeat(2000);
      answer = (response) => void response.writeHead(200, { "content-encoding": encoding, "content-length": compress(text).length }).end(compress(text));
      const { headers, body } = await transport.send(request());
      assert.deepEqual([await textOf(body), headers["content-encoding"], headers["content-length"]], [text, undefined, undefined]);
      answer = (response) => void response.writeHead(200, { "content-encoding": encoding }).end("this is no compressed body, of whatever kind");
      await assert.rejects(ask(), refusedWith("PROVIDER_ANSWER_INVALID"));
      answer = (response) => void response.writeHead(200, { "content-encoding": encoding }).write(compress(text).subarray(0, 20), () => response.destroy());
      await assert.rejects(ask(), refusedWith("PROVIDER_UNAVAILABLE"));
    });
  }

  it("tells a broken connection from an end, before and within the body", async () => {
    answer = (response) => void response.destroy();
    await assert.rejects(ask(), refusedWith("PROVIDER_UNAVAILABLE", /without an answer/));
    answer = (response) => void response.writeHead(200, { "content-length": "100" }).write("half", () => response.destroy());
    const { body } = await transport.send(request());
    const reading = body[Symbol.asyncIterator]();
    assert.equal(String((await reading.next()).value), "half");
    await assert.rejects(reading.next(), refusedWith("PROVIDER_UNAVAILABLE", /broke off/));
    assert.equal(seen.length, 2);
  });

  it("gives up silence before and within an answer", async () => {
    const impatient = settings({ idleTimeoutMs: 50 });
    answer = () => undefined;
    const before = assert.rejects(ask({ settings: impatient }), refusedWith("PROVIDER_TIMEOUT", /did not begin/));
    await before;
    answer = (response) => void response.write("half");
    const within = await transport.send(request({ settings: impatient }));
    await assert.rejects(textOf(within.body), refusedWith("PROVIDER_TIMEOUT", /fell silent/));
  });

  it("ends the provider's request when the caller aborts, before the head, within the body, and when the reader leaves", async () => {
    const asked = Promise.withResolvers<IncomingMessage>();
    answer = (_response, _count, incoming) => asked.resolve(incoming);
    const waiting = new AbortController();
    const before = assert.rejects(ask({ signal: waiting.signal }), refusedWith("PROVIDER_UNAVAILABLE", /was ended/));
    const closed = once((await asked.promise).socket, "close");
    waiting.abort();
    await Promise.all([before, closed]);

    answer = (response) => void response.write("half");
    const reading = new AbortController();
    const { body } = await transport.send(request({ signal: reading.signal }));
    const end = once(sockets.at(-1)!, "close");
    const rest = assert.rejects(textOf(body), refusedWith("PROVIDER_UNAVAILABLE", /was ended/));
    reading.abort();
    await Promise.all([rest, end]);

    const left = await transport.send(request());
    const gone = once(sockets.at(-1)!, "close");
    const leaving = left.body[Symbol.asyncIterator]();
    await leaving.next();
    await leaving.return!();
    await gone;
    await assert.rejects(transport.send(request({ signal: AbortSignal.abort() })), refusedWith("PROVIDER_UNAVAILABLE"));
  });

  it("lets nobody wait for a connection after their call was ended, nor sends their request", async () => {
    const narrow = settings({ maxConnections: 1 });
    let first: ServerResponse | undefined;
    const asked = Promise.withResolvers<void>();
    answer = (response, count) => {
      if (count > 1) return void response.end("later");
      first = response;
      asked.resolve();
    };
    const holding = ask({ settings: narrow });
    await asked.promise;
    const impatient = new AbortController();
    const waiting = assert.rejects(ask({ settings: narrow, signal: impatient.signal, body: "gone" }), refusedWith("PROVIDER_UNAVAILABLE"));
    const patient = ask({ settings: narrow, body: "patient" });
    impatient.abort();
    await waiting;
    first!.end("first");
    assert.deepEqual([await holding, await patient], ["200 first", "200 later"]);
    assert.deepEqual(seen.map(({ body }) => body), ["hello", "patient"]);
  });

  it("sends again over a new connection what met one that was closed meanwhile, and only that", async () => {
    assert.equal(await ask(), "200 thanks");
    answer = (response, count) => void (count === 2 ? response.destroy() : response.end("again"));
    assert.equal(await ask(), "200 again");
    assert.deepEqual([seen.length, sockets.length], [3, 2]);
    answer = (response) => void response.destroy();
    await assert.rejects(ask(), refusedWith("PROVIDER_UNAVAILABLE"));
    // The kept one, and one new one.
    assert.equal(seen.length, 5);
  });

  it("opens new connections where the settings of connections have changed, and lets calls under way end", async () => {
    let first: ServerResponse | undefined;
    const asked = Promise.withResolvers<void>();
    answer = (response) => {
      first = response;
      asked.resolve();
    };
    const before = ask();
    await asked.promise;
    answer = (response) => void response.end("new");
    assert.equal(await ask({ settings: settings({ maxConnections: 3 }) }), "200 new");
    first!.end("old");
    assert.deepEqual([await before, sockets.length], ["200 old", 2]);
  });

  it("refuses private addresses that the setting does not name, whatever leads to them, and sends nothing", async () => {
    const open80 = (host: string): URL => new URL(`http://${host}:${portOf(server)}/`);
    transport = open({ allowed: [] });
    for (const host of ["127.0.0.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1", "169.254.169.254", "upstream.example"]) await assert.rejects(ask({ url: open80(host) }), refusedWith("EGRESS_REFUSED"), host);
    for (const addresses of [["127.0.0.1"], ["93.184.215.14", "10.0.0.1"], ["::1"], ["64:ff9b::7f00:1"]]) {
      transport = open({ allowed: [], resolve: () => Promise.resolve(addresses) });
      await assert.rejects(ask({ url: new URL(`https://public.example:${portOf(server)}/`) }), refusedWith("EGRESS_REFUSED"), String(addresses));
    }
    transport = open({ resolve: () => Promise.resolve(["169.254.169.254"]) });
    await assert.rejects(ask(), refusedWith("EGRESS_REFUSED"));
    assert.deepEqual([seen.length, sockets.length], [0, 0]);
  });

  it("looks a name up once for each connection", async () => {
    let count = 0;
    transport = open({ resolve: () => Promise.resolve(count++ === 0 ? ["127.0.0.1"] : ["169.254.169.254"]) });
    assert.equal(await ask(), "200 thanks");
    assert.equal(await ask(), "200 thanks");
    assert.equal(count, 1);
    sockets[0]!.destroy();
    await once(sockets[0]!, "close");
    // The name leads elsewhere now: the new connection is judged anew.
    await assert.rejects(ask(), refusedWith("EGRESS_REFUSED"));
  });

  it("tells names that cannot be resolved, and servers that take no connection", async () => {
    transport = open({ resolve: () => Promise.reject(Object.assign(new Error("getaddrinfo ENOTFOUND secret.internal"), { code: "ENOTFOUND" })) });
    await assert.rejects(ask(), refusedWith("PROVIDER_UNAVAILABLE", /^The name of the provider cannot be resolved\.$/));
    const closed = createRawServer().listen(0, "127.0.0.1");
    await once(closed, "listening");
    const port = portOf(closed);
    closed.close();
    await once(closed, "close");
    transport = open();
    await assert.rejects(ask({ url: new URL(`http://127.0.0.1:${port}/`) }), refusedWith("PROVIDER_UNAVAILABLE", /takes no connection/));
  });

  it("tells answers that are not HTTP, cut heads, and secrets that cannot stand in a header", async () => {
    const raw = createRawServer((socket) => void socket.once("data", (data) => socket.end(String(data).includes("/cut") ? "HTTP/1.1 200 OK\r\nconte" : "220 mail.example ESMTP\r\n"))).listen(0, "127.0.0.1");
    await once(raw, "listening");
    for (const path of ["", "cut"]) await assert.rejects(ask({ url: new URL(`http://127.0.0.1:${portOf(raw)}/${path}`) }), refusedWith("PROVIDER_UNAVAILABLE"));
    raw.close();
    await assert.rejects(ask({ headers: { authorization: "Bearer a\nb: c" } }), (error) => refusedWith("PROVIDER_UNAVAILABLE", /header/)(error) && !String(error).includes("Bearer"));
    assert.equal(seen.length, 0);
  });

  it("proves over TLS that the name is the one that was asked for", async () => {
    const { certificate, key } = makeCertificate(["upstream.example"]);
    const names: unknown[] = [];
    const secure = createSecureServer({ cert: certificate, key }, (_incoming, response) => void response.end("secret thanks")).listen(0, "127.0.0.1");
    secure.on("secureConnection", ({ servername }) => names.push(servername));
    await once(secure, "listening");
    const url = (host: string): URL => new URL(`https://${host}:${portOf(secure)}/`);
    transport = open({ allowed: ["upstream.example", "other.example", "127.0.0.1"], certificateAuthorities: [certificate] });
    assert.equal(await ask({ url: url("upstream.example") }), "200 secret thanks");
    assert.deepEqual(names, ["upstream.example"]);
    for (const host of ["other.example", "127.0.0.1"]) await assert.rejects(ask({ url: url(host) }), refusedWith("PROVIDER_UNAVAILABLE", /certificate/), host);
    transport = open();
    await assert.rejects(ask({ url: url("upstream.example") }), refusedWith("PROVIDER_UNAVAILABLE", /certificate/));
    secure.closeAllConnections();
    secure.close();
  });

  it("takes no calls once it is closed, and ends those under way", async () => {
    const asked = Promise.withResolvers<void>();
    answer = () => asked.resolve();
    const waiting = assert.rejects(ask(), refusedWith("PROVIDER_UNAVAILABLE"));
    await asked.promise;
    await transport.close();
    await waiting;
    await assert.rejects(ask(), refusedWith("PROVIDER_UNAVAILABLE", /going down/));
  });
});
