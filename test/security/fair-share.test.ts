import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { afterEach, describe, it } from "node:test";
import { localCaller, type Caller } from "../../src/core/caller.ts";
import { ManualClock } from "../../src/core/clock.ts";
import { TimeOrderedIds } from "../../src/core/ids.ts";
import type { Logger } from "../../src/core/logger.ts";
import { openGate, type Credentials } from "../../src/core/request-gate.ts";
import { HttpAnswer, route } from "../../src/core/route.ts";
import { loadConsoleFiles } from "../../src/http/console-files.ts";
import { HttpServer, type HttpServerOptions } from "../../src/http/http-server.ts";
import { RouteTable } from "../../src/http/route-table.ts";
import { betweenLooks } from "../kit/between-looks.ts";
import { codeOf, parseReply } from "../kit/secured-server.ts";

const documented = { access: "public", summary: "", tag: "Test", response: { mediaType: "text/plain", description: "" } } as const;

/** The door alone, with a clock that stands: nobody is slow, and nobody is idle for long. */
describe("a share of the places for everybody, where some callers keep all of them in use", { timeout: 120_000 }, () => {
  let [begun, uploaded, server, port]: [number, number, HttpServer, number] = [0, 0, undefined as never, 0];
  let logged: string[] = [];
  const sockets: Socket[] = [];
  const waiting: (() => void)[] = [];
  const routes = [
    route({ ...documented, method: "POST", path: "/whole", operationId: "whole", body: { kind: "buffer", maxBytes: 1 << 20, description: "" }, handle: ({ body }) => new HttpAnswer(200, {}, String(body.length)) }),
    route({ ...documented, method: "PUT", path: "/upload", operationId: "upload", body: { kind: "stream", description: "" }, handle: async ({ body }) => {
      for await (const piece of body) uploaded += (piece as Buffer).length;
      return new HttpAnswer(200, {}, "stored");
    } }),
    route({ ...documented, method: "GET", path: "/wait", operationId: "wait", handle: () => new Promise((resolve) => waiting.push(() => resolve(new HttpAnswer(200, {}, "waited")))) }),
  ];

  async function start(options: Partial<HttpServerOptions> = {}): Promise<void> {
    [begun, uploaded, logged] = [0, 0, []];
    const clock = new ManualClock();
    const note = (event: string, fields?: Readonly<Record<string, unknown>>): void => void logged.push(`${event} ${String(fields?.code)}`);
    const logger: Logger = { info: note, warn: note, error: note };
    const identify = ({ authorization }: Credentials): Caller => {
      begun++;
      return authorization === undefined ? localCaller : { ...localCaller, actor: `key:${authorization}` };
    };
    server = new HttpServer(
      { host: "127.0.0.1", port: 0, allowedHosts: [], maxInferenceBytes: 1 << 20, bodyTimeoutMs: 30_000, maxConnections: 5, ...options },
      { table: new RouteTable(routes), console: loadConsoleFiles("no such folder"), access: { ...openGate, identify }, clock, ids: new TimeOrderedIds(clock), logger },
    );
    port = await server.listen();
  }
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const end of waiting.splice(0)) end();
    server.destroy();
  });

  const until = async (condition: () => boolean): Promise<void> => {
    for (; !condition(); await betweenLooks());
  };
  interface Opened { socket: Socket; reply: Promise<string> }
  interface From { address?: string; key?: string; forwarded?: string }
  function send(text: string, { address = "127.0.0.1", key, forwarded }: From): Opened {
    const socket = connect({ host: "127.0.0.1", port, localAddress: address });
    const chunks: Buffer[] = [];
    const reply = new Promise<string>((resolve) => socket.on("error", () => undefined).on("data", (chunk: Buffer) => chunks.push(chunk)).once("close", () => resolve(Buffer.concat(chunks).toString())));
    sockets.push(socket);
    socket.write(text.replace("\r\n", `\r\nHost: localhost:${port}\r\nConnection: close\r\n${key === undefined ? "" : `Authorization: ${key}\r\n`}${forwarded === undefined ? "" : `X-Forwarded-For: ${forwarded}\r\n`}`));
    return { socket, reply };
  }
  /** Once the door has seen its head, or ended it: what comes behind that is what it sent of its body. */
  async function begin(text: string, from: From): Promise<Opened> {
    const before = begun;
    const opened = send(text, from);
    await until(() => begun > before || opened.socket.destroyed);
    return opened;
  }
  const uploadBytes = 100_000;
  /** An upload under way that is far ahead of 16 KB/s. */
  async function upload(from: From): Promise<Opened> {
    const had = uploaded;
    const opened = await begin(`PUT /upload HTTP/1.1\r\nContent-Length: ${uploadBytes}\r\n\r\n`, from);
    opened.socket.write(Buffer.alloc(1000));
    await until(() => uploaded === had + 1000 || opened.socket.destroyed);
    return opened;
  }
  const finish = ({ socket, reply }: Opened): Promise<string> => {
    socket.write(Buffer.alloc(uploadBytes - 1000));
    return reply.then((text) => text === "" ? "" : parseReply(text).body);
  };
  const waitFor = async (from: From): Promise<Opened> => {
    const before = waiting.length;
    const opened = send("GET /wait HTTP/1.1\r\n\r\n", from);
    await until(() => waiting.length > before || opened.socket.destroyed);
    return opened;
  };
  const ask = (from: From): Promise<string> => send("POST /whole HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", from).reply;
  const assertAnswered = async (from: From): Promise<void> => {
    const text = await ask(from);
    assert.notEqual(text, "", `${JSON.stringify(from)} was cut off`);
    assert.equal(parseReply(text).body, "5");
  };

  it("answers others, also many, where one address holds hundreds, and refuses that one with a reason", async () => {
    const full: string[] = [];
    await start({ maxConnections: 300, turnedAway: { count: (room) => void full.push(room) } });
    const other = await upload({ address: "127.0.0.3" });
    const held: Opened[] = [];
    for (let index = 0; index < 299; index++) held.push(await upload({ address: "127.0.0.2" }));
    for (let index = 4; index < 54; index++) await assertAnswered({ address: `127.0.0.${index}` });
    // Each of those took one place, and left it to whoever came next.
    await assertAnswered({ address: "127.0.0.2" });
    const cut = held.filter(({ socket }) => socket.destroyed).length;
    assert.ok(cut > 0);
    for (let index = 0; index < cut; index++) held.push(await upload({ address: "127.0.0.2" }));
    full.length = 0;
    const refused = parseReply(await ask({ address: "127.0.0.2" }));
    assert.deepEqual(full, ["connections"]);
    assert.deepEqual([refused.status, codeOf(refused), refused.headers.connection, refused.headers["retry-after"]], [503, "CONNECTIONS_TAKEN", ["close"], ["1"]]);
    assert.ok(!logged.some((line) => line.includes("CONNECTIONS_TAKEN")));
    assert.equal(await finish(other), "stored");
  });

  it("counts by key where one is shown, from wherever it comes, and by the address that a trusted proxy tells", async () => {
    await start({ maxConnections: 50, trustedProxy: true });
    for (const callerOf of [(index: number) => ({ address: `127.0.0.${index + 2}`, key: "many" }), () => ({ forwarded: "198.51.100.7" })]) {
      const held: Opened[] = [];
      for (let index = 0; index < 50; index++) held.push(await upload(callerOf(index)));
      assert.equal(codeOf(parseReply(await ask(callerOf(60)))), "CONNECTIONS_TAKEN");
      await assertAnswered({ key: "few" });
      held.push(await upload(callerOf(50)));
      await assertAnswered({ forwarded: "198.51.100.8" });
      for (const { socket, reply } of held) {
        socket.destroy();
        await reply;
      }
    }
  });

  it("takes from the one who holds most: what is still coming first, and tells it why", async () => {
    await start();
    const kept = [await waitFor({ key: "most" }), await waitFor({ key: "most" }), await upload({ key: "some" }), await upload({ key: "some" })];
    const coming = await begin("POST /whole HTTP/1.1\r\nContent-Length: 100000\r\n\r\n", { key: "most" });
    coming.socket.write(Buffer.alloc(50_000));
    // As far as nothing of the body is there, it is behind others, and gives way for that.
    await until(() => coming.socket.writableLength === 0);
    for (let text = ""; text === "" || parseReply(text).status !== 503; text = await ask({ key: "most" })) assert.equal(coming.socket.destroyed, false);
    await assertAnswered({ key: "new" });
    const told = parseReply(await coming.reply);
    assert.deepEqual([told.status, codeOf(told), told.headers.connection], [503, "CONNECTIONS_TAKEN", ["close"]]);
    assert.match(told.body, /gave way to another caller's/);
    for (const { socket } of kept) assert.equal(socket.destroyed, false);
    assert.equal(await finish(kept[2]!), "stored");
  });

  it("takes what is being worked on last, where one caller keeps all places with it", async () => {
    await start();
    const held: Opened[] = [];
    for (let index = 0; index < 5; index++) held.push(await waitFor({ key: "most" }));
    await assertAnswered({ key: "new" });
    assert.equal(await held[4]!.reply, "");
    waiting[0]!();
    assert.equal(parseReply(await held[0]!.reply).body, "waited");
  });

  it("leaves everybody what they have where nobody holds more than the one who comes", async () => {
    await start({ maxConnections: 3 });
    const held = [await upload({ key: "one" }), await upload({ key: "one" }), await upload({ key: "two" })];
    for (const key of ["one", "two"]) assert.equal(codeOf(parseReply(await ask({ key }))), "CONNECTIONS_TAKEN");
    await assertAnswered({ key: "three" });
    const third = await upload({ key: "three" });
    assert.equal(held[1]!.socket.destroyed, true);
    assert.equal(codeOf(parseReply(await ask({ key: "four" }))), "CONNECTIONS_TAKEN");
    for (const one of [held[0]!, held[2]!, third]) assert.equal(await finish(one), "stored");
  });

  it("answers behind many who come, say nothing and leave no place", async () => {
    await start({ maxConnections: 50 });
    for (let index = 0; index < 50; index++) await upload({ address: "127.0.0.2" });
    for (let round = 0; round < 5; round++) {
      for (let index = 0; index < 100; index++) sockets.push(connect({ host: "127.0.0.1", port, localAddress: "127.0.0.3" }).on("error", () => undefined));
      await assertAnswered({ address: "127.0.0.4" });
    }
  });
});
