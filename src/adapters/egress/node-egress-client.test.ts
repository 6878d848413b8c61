import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { createServer as createNetServer, type AddressInfo, type Server, type Socket } from "node:net";
import { after, before, beforeEach, describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { makeCertificate } from "../../../test/kit/certificates.ts";
import type { EgressAnswer, EgressRequest } from "../../core/egress.ts";
import { AppError } from "../../core/errors.ts";
import { NodeEgressClient, type NodeEgressClientOptions } from "./node-egress-client.ts";

const request = (url: string, more: Partial<EgressRequest> = {}): EgressRequest => ({ method: "POST", url, headers: {}, body: "hello", timeoutMs: 30_000, maxResponseBytes: 1000, ...more });
const withCode = (code: string, pattern = /./) => (error: unknown): boolean => error instanceof AppError && error.code === code && pattern.test(error.message);
const refused = withCode("EGRESS_REFUSED");

describe("NodeEgressClient", () => {
  const received: { headers: IncomingMessage["headers"]; url: string; method: string; body: string; servername?: string | false | null }[] = [];
  let answer: (response: ServerResponse) => void = (response) => response.end("thanks");
  let plain: Server;
  let secure: Server;
  let plainPort = 0;
  let securePort = 0;
  const { certificate, key } = makeCertificate(["hooks.example.com", "127.0.0.1"]);

  before(async () => {
    const handle = (incoming: IncomingMessage, response: ServerResponse): void => {
      let body = "";
      incoming.on("data", (chunk: Buffer) => (body += chunk.toString()));
      incoming.on("end", () => {
        received.push({ headers: incoming.headers, url: incoming.url!, method: incoming.method!, body, servername: (incoming.socket as { servername?: string }).servername ?? null });
        answer(response);
      });
    };
    plain = createServer(handle).listen(0, "127.0.0.1");
    secure = createTlsServer({ cert: certificate, key }, handle).listen(0, "127.0.0.1");
    for (const server of [plain, secure]) if (!server.listening) await once(server, "listening");
    plainPort = (plain.address() as AddressInfo).port;
    securePort = (secure.address() as AddressInfo).port;
  });
  after(() => {
    plain.close();
    secure.close();
  });
  beforeEach(() => {
    received.length = 0;
    answer = (response) => response.end("thanks");
  });

  const client = (options: Partial<NodeEgressClientOptions> = {}): NodeEgressClient =>
    new NodeEgressClient({ allowed: ["127.0.0.0/8"], resolve: () => Promise.resolve(["127.0.0.1"]), certificateAuthorities: [certificate], ...options });
  const refusing = (options: Partial<NodeEgressClientOptions> = {}): NodeEgressClient => client({ allowed: [], ...options });

  it("sends what it is given to the address that the name has, with the right Host and name of TLS", async () => {
    const reply = await client().send(request(`https://hooks.example.com:${securePort}/a/b?c=d#e`, { headers: { "X-Own": "1", Host: "evil.example", "Content-Length": "9999", Connection: "upgrade" } }));
    assert.deepEqual([reply.status, Buffer.from(reply.body).toString()], [200, "thanks"]);
    assert.deepEqual(received.map(({ url, method, body, servername, headers }) => [url, method, body, servername, headers.host, headers["x-own"], headers["content-length"], headers.connection]),
      [["/a/b?c=d", "POST", "hello", "hooks.example.com", `hooks.example.com:${securePort}`, "1", "5", "close"]]);
    assert.equal((await client().send(request(`https://127.0.0.1:${securePort}/`, { method: "GET", body: null }))).status, 200);
  });

  it("refuses a certificate that does not hold for the name, and says so without the library's words", async () => {
    await assert.rejects(client().send(request(`https://other.example.com:${securePort}/`)), withCode("EGRESS_FAILED", /^The certificate of the destination does not hold\.$/));
    await assert.rejects(client({ certificateAuthorities: [] }).send(request(`https://hooks.example.com:${securePort}/`)), withCode("EGRESS_FAILED", /certificate/));
    assert.equal(received.length, 0);
  });

  it("refuses private addresses under every spelling, before and behind the name, and sends nothing", async () => {
    const spellings = ["127.0.0.1", "2130706433", "0x7f000001", "0x7f.1", "017700000001", "0177.0.0.1", "127.1", "127.0.1", "0", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[::]", "①②⑦.0.0.1", "127。0。0。1", "%31%32%37.0.0.1", "localhost.", "LOCALHOST", "169.254.169.254", "[fe80::1]", "[fd00:ec2::254]", "10.0.0.1", "192.168.0.1", "100.100.100.200"];
    for (const host of spellings) {
      for (const [scheme, port] of [["http", plainPort], ["https", securePort]] as const) {
        await assert.rejects(refusing({ allowed: [] }).send(request(`${scheme}://${host}:${port}/`)), refused, `${scheme}://${host}`);
      }
    }
    assert.equal(received.length, 0);
    // The twin: the same address, allowed.
    for (const allowed of [["127.0.0.1"], ["127.0.0.0/8"], [`127.0.0.1:${plainPort}`]]) {
      assert.equal((await client({ allowed }).send(request(`http://2130706433:${plainPort}/`))).status, 200, allowed.join());
    }
  });

  it("refuses any way to write a loopback or private address, whatever the numbers", async () => {
    const number = fc.nat(0xffffff);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(127, 10), number, fc.constantFrom("decimal", "hex", "octal", "parts", "mapped", "nat64"), async (first, rest, notation) => {
        const value = first * 2 ** 24 + rest;
        const bytes = [first, rest >> 16, (rest >> 8) & 255, rest & 255];
        const host = {
          decimal: String(value), hex: `0x${value.toString(16)}`, octal: `0${value.toString(8)}`,
          parts: `0x${first.toString(16)}.0${bytes[1]!.toString(8)}.${rest & 0xffff}`,
          mapped: `[::ffff:${bytes.join(".")}]`, nat64: `[64:ff9b::${bytes.join(".")}]`,
        }[notation];
        await assert.rejects(refusing().send(request(`https://${host}:${securePort}/`)), refused, host);
        assert.throws(() => refusing().assertPlausible(`https://${host}/`), refused, host);
      }),
      { numRuns: 200 },
    );
    assert.equal(received.length, 0);
  });

  it("refuses a name when one of its addresses is refused", async () => {
    const name = `https://hooks.example.com:${securePort}/`;
    for (const addresses of [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["2606:4700::1111", "::1"], ["::ffff:10.0.0.1"], ["fe80::1%eth0"], ["not an address"], ["8.8.8.8", "169.254.169.254"]]) {
      await assert.rejects(refusing({ resolve: () => Promise.resolve(addresses) }).send(request(name)), refused, addresses.join());
    }
    await assert.rejects(refusing({ resolve: () => Promise.resolve([]) }).send(request(name)), withCode("EGRESS_FAILED"));
    assert.equal(received.length, 0);
    assert.doesNotThrow(() => refusing().assertPlausible(name));
  });

  it("asks for a name once, so that an answer that changes leads nowhere", async () => {
    let asked = 0;
    const rebinding = (first: string) => () => Promise.resolve([asked++ === 0 ? first : "127.0.0.2"]);
    // Allowed at the first look, and another address at every later one: the connection goes to the first.
    await client({ allowed: ["127.0.0.1"], resolve: rebinding("127.0.0.1") }).send(request(`https://hooks.example.com:${securePort}/`));
    assert.deepEqual([asked, received.length], [1, 1]);
    asked = 0;
    await assert.rejects(client({ allowed: ["127.0.0.2"], resolve: rebinding("127.0.0.1") }).send(request(`https://hooks.example.com:${securePort}/`)), refused);
    assert.deepEqual([asked, received.length], [1, 1]);
  });

  it("takes http only where the configuration names the host or its address", async () => {
    const url = `http://hooks.example.com:${plainPort}/`;
    await assert.rejects(refusing({ resolve: () => Promise.resolve(["8.8.8.8"]) }).send(request(url)), refused);
    await assert.rejects(client({ allowed: ["10.0.0.0/8"], resolve: () => Promise.resolve(["8.8.8.8"]) }).send(request(url)), refused);
    for (const allowed of [["hooks.example.com"], [`hooks.example.com:${plainPort}`], ["127.0.0.0/8"]]) assert.equal((await client({ allowed }).send(request(url))).status, 200);
    await assert.rejects(client({ allowed: [`hooks.example.com:${plainPort + 1}`] }).send(request(url)), refused);
    // A host that is named does not lead to a machine's credentials.
    await assert.rejects(client({ allowed: ["hooks.example.com"], resolve: () => Promise.resolve(["169.254.169.254"]) }).send(request(url)), refused);
    assert.equal(received.length, 3);
  });

  it("refuses other schemes, credentials and what is no URL", async () => {
    for (const url of ["ftp://a.example/", "file:///etc/passwd", "gopher://a.example/", "javascript:alert(1)", "data:text/plain,x", "https://user:secret@a.example/", "https://user@a.example/", "//a.example", "a.example", "", "https://", "https://a b/", "unix:/socket"]) {
      assert.throws(() => client().assertPlausible(url), refused, url);
      await assert.rejects(client().send(request(url)), refused, url);
    }
  });

  it("follows no redirect", async () => {
    answer = (response) => response.writeHead(302, { Location: `http://127.0.0.1:${plainPort}/elsewhere` }).end();
    const reply = await client().send(request(`https://hooks.example.com:${securePort}/`));
    assert.deepEqual([reply.status, received.map(({ url }) => url)], [302, ["/"]]);
  });

  it("reads no more of an answer than it is told to, and waits no longer", async () => {
    answer = (response) => {
      const more = (): void => { while (response.writable && response.write(Buffer.alloc(65_536, "x"))); };
      response.on("drain", more);
      response.on("error", () => undefined);
      more();
    };
    const reply = await client().send(request(`https://hooks.example.com:${securePort}/`, { maxResponseBytes: 10 }));
    assert.equal(Buffer.from(reply.body).toString(), "x".repeat(10));
    assert.equal((await client().send(request(`https://hooks.example.com:${securePort}/`, { maxResponseBytes: 0 }))).body.length, 0);
    answer = () => undefined;
    await assert.rejects(client().send(request(`https://hooks.example.com:${securePort}/`, { timeoutMs: 50 })), withCode("EGRESS_FAILED", /in time/));
    answer = (response) => void response.write("a start");
    await assert.rejects(client().send(request(`https://hooks.example.com:${securePort}/`, { timeoutMs: 200 })), withCode("EGRESS_FAILED", /in time/));
    await assert.rejects(client({ resolve: () => new Promise(() => undefined) }).send(request("https://hooks.example.com/", { timeoutMs: 20 })), withCode("EGRESS_FAILED", /in time/));
    await assert.rejects(client().send(request(`https://hooks.example.com:${securePort}/`, { signal: AbortSignal.abort() })), withCode("EGRESS_FAILED"));
  });

  it("lets the destination wait with the rest of an answer until there is room for it, and ends the request where there will be none", async () => {
    const length = 32 << 20;
    let sent: ServerResponse | undefined;
    answer = (response) => void (sent = response.on("error", () => undefined)).end(Buffer.alloc(length, "x"));
    const lengths: number[] = [];
    let grant!: () => void;
    const asked = new Promise<void>((resolve) => {
      grant = resolve;
    });
    let waits!: () => void;
    const waiting = new Promise<void>((resolve) => {
      waits = resolve;
    });
    const roomFor = (come: number): Promise<void> | undefined => {
      lengths.push(come);
      if (come < 1 << 20 || lengths.some((earlier) => earlier >= 1 << 20 && earlier < come)) return undefined;
      waits();
      return asked;
    };
    const reply = client().send(request(`https://hooks.example.com:${securePort}/`, { maxResponseBytes: length + 1, roomFor }));
    await waiting;
    const [, most] = [await new Promise((resolve) => void setImmediate(resolve)), lengths.at(-1)!];
    assert.ok(most < 2 << 20 && !sent!.writableFinished, `${most}`);
    grant();
    assert.equal((await reply).body.length, length);
    assert.equal(lengths.at(-1), length);
    const full = new AppError("GATEWAY_OVERLOADED", "full");
    await assert.rejects(client().send(request(`https://hooks.example.com:${securePort}/`, { maxResponseBytes: length + 1, roomFor: () => Promise.reject(full) })), full);
  });

  it("takes a change of protocol for an answer, and is not held by it", async () => {
    const other = createNetServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: canary\r\nConnection: upgrade\r\n\r\n"));
    }).listen(0, "127.0.0.1");
    await once(other, "listening");
    const [socket, reply] = await Promise.all([once(other, "connection"), client().send(request(`http://127.0.0.1:${(other.address() as AddressInfo).port}/`))]) as [[Socket], EgressAnswer];
    assert.deepEqual([reply.status, reply.body.length], [101, 0]);
    if (!socket[0].destroyed) await once(socket[0], "close");
    other.close();
  });

  const streamed = (more: Partial<EgressRequest> = {}): Parameters<NodeEgressClient["open"]>[0] => request(`https://hooks.example.com:${securePort}/`, { method: "GET", body: null, ...more });

  it("gives an answer of any size as it comes, and its head before", async () => {
    const part = Buffer.alloc(64 << 10, "x");
    let parts = 0;
    answer = (response) => {
      response.writeHead(206, { "x-kind": "long" });
      const more = (): void => {
        while (parts < 320) if (parts++ >= 0 && !response.write(part)) return void response.once("drain", more);
        response.end();
      };
      more();
    };
    const { status, headers, body } = await client().open(streamed());
    assert.deepEqual([status, headers["x-kind"]], [206, "long"]);
    assert.ok(parts < 320, "the server waits for the reader");
    let bytes = 0;
    for await (const chunk of body) bytes += chunk.length;
    assert.equal(bytes, 320 * part.length);
  });

  it("says when a long answer falls silent, breaks off or is refused", async () => {
    const readAll = async (more: Partial<EgressRequest> = {}): Promise<void> => {
      const { body } = await client().open(streamed(more));
      for await (const piece of body) assert.ok(piece.length > 0);
    };
    answer = (response) => void response.writeHead(200, { "content-length": "100" }).write("begun");
    // A busy machine may not bring the head within that time: then it is asked again.
    const readBegun = (): Promise<void> => readAll({ timeoutMs: 200 }).catch((error: unknown) => {
      if (!/in time/.test((error as Error).message)) throw error;
      return readBegun();
    });
    await assert.rejects(readBegun(), withCode("EGRESS_FAILED", /broke off/));
    answer = (response) => void response.writeHead(200, { "content-length": "100" }).write("begun", () => response.destroy());
    await assert.rejects(readAll(), withCode("EGRESS_FAILED", /broke off/));
    answer = () => undefined;
    await assert.rejects(readAll({ timeoutMs: 200 }), withCode("EGRESS_FAILED", /in time/));
    await assert.rejects(refusing().open(streamed()), refused);
    answer = (response) => response.writeHead(302, { location: "https://elsewhere.example.com/" }).end();
    assert.equal((await client().open(streamed())).status, 302);
  });

  it("tries the next address when one takes no connection", async () => {
    assert.equal((await client({ resolve: () => Promise.resolve(["127.0.0.9", "127.0.0.1"]) }).send(request(`https://hooks.example.com:${securePort}/`))).status, 200);
    await assert.rejects(client({ resolve: () => Promise.resolve(["127.0.0.9"]) }).send(request(`https://hooks.example.com:${securePort}/`)), withCode("EGRESS_FAILED", /takes no connection/));
  });

  it("says when a name does not exist", async () => {
    const resolve = (): Promise<never> => Promise.reject(Object.assign(new Error("getaddrinfo ENOTFOUND canary"), { code: "ENOTFOUND" }));
    await assert.rejects(client({ resolve }).send(request("https://hooks.example.com/")), (error) => withCode("EGRESS_FAILED", /cannot be resolved/)(error) && !/canary/.test((error as Error).message));
  });
});
