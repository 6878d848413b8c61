import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import { startSecuredServer, type RawReply, type SecuredServer } from "../kit/secured-server.ts";
import { answerEvents, answerJson, GatewayUpstream } from "../server/gateway-upstream.ts";
import { drip, pourRaw, RawProvider, type RawAnswer } from "./raw-provider.ts";

const mebibyte = 1 << 20;
const documentOf = (content: string): object => ({ id: "x", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } });
const chunk = (content: string, reason: string | null = null): string => `data: ${JSON.stringify({ id: "x", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta: { content }, finish_reason: reason }] })}\n\n`;
const well = JSON.stringify(documentOf("well"));
const finish = chunk("", "stop");
const done = "data: [DONE]\n\n";
const streamed = chunk("well") + finish + done;

const head = (more = ""): string => `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n${more}`;
const events = (more = ""): string => `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n${more}Connection: close\r\n\r\n`;
const whole = (body: string | Uint8Array, more = ""): Buffer => Buffer.concat([Buffer.from(`${head(more)}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`), Buffer.from(body as string)]);
const chunked = (body: string): string => `${head("Transfer-Encoding: chunked\r\n")}\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n`;
const ending = (...parts: (string | Uint8Array)[]): RawAnswer => (socket) => void socket.end(Buffer.concat(parts.map((part) => Buffer.from(part as string))));
const nested = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;

describe("providers that write what no library would", { timeout: 300_000 }, () => {
  let server: SecuredServer;
  const raw = new RawProvider();
  const sound = new GatewayUpstream(({ body }, response) => (body.stream === true ? answerEvents(response, [chunk("sound"), finish, done]) : answerJson(response, documentOf("sound"))));
  /** Until the other side had enough. */
  let poured: Promise<number> = Promise.resolve(0);
  const pouring = (before: string | Uint8Array, piece: string): RawAnswer => (socket: Socket) => {
    socket.write(before);
    poured = pourRaw(socket, piece, 512 * mebibyte);
  };

  before(async () => {
    server = await startSecuredServer({ egressAllowed: ["127.0.0.1"] });
    const put = async (path: string, settings: object): Promise<void> => {
      const reply = await server.asAdmin("PUT", `/api/gateway/${path}`, { revision: 0, settings });
      assert.equal(reply.status, 200, reply.body);
    };
    await put("providers/raw", { kind: "compatible", baseUrl: await raw.start(), breaker: { failures: 1000, openSeconds: 1 } });
    await put("providers/sound", { kind: "compatible", baseUrl: await sound.start() });
    // Providers, server and callers share a process: what is to be in time has a minute, and only what never comes a second.
    for (const [name, firstByteMs] of [["patient", 60_000], ["hasty", 1000]] as const) {
      await put(`routes/${name}`, { targets: ["raw", "sound"].map((provider, priority) => ({ provider, model: "m", priority })), firstByteMs, deadlineMs: 120_000, sticky: false });
    }
  });
  after(async () => {
    await server.stop();
    raw.stop();
    sound.stop();
  });

  const ask = async (answer: RawAnswer, { stream = false, route = "patient", content = "hello" } = {}): Promise<RawReply> => {
    raw.answer = answer;
    const asked = raw.asked;
    const reply = await server.asAdmin("POST", "/v1/chat/completions", { model: route, stream, messages: [{ role: "user", content }] });
    assert.ok(raw.asked > asked || content.length > mebibyte, "the raw provider was not asked");
    return reply;
  };
  const textOf = ({ status, body }: RawReply): string => `${status} ${[...body.matchAll(/"content":"(\w+)"/g)].map(([, word]) => word).join(" ")}${/"error"/.test(body) ? " and an error" : ""}`;

  it("are left for the next where their HTTP has two meanings or none", async () => {
    const wrong: Record<string, RawAnswer> = {
      "two lengths": ending(head(`Content-Length: 5\r\nContent-Length: ${well.length}\r\n`), "\r\n", well), "one length twice": ending(head(`Content-Length: ${well.length}\r\nContent-Length: ${well.length}\r\n`), "\r\n", well),
      "a length and chunks": ending(head("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"), "\r\n", well), "a chunk without bounds": ending(head("Transfer-Encoding: chunked\r\n"), "\r\nFFFFFFFFFFFFFFFFF\r\n", well),
      "a length in a trailer": ending(chunked(well), "Content-Length: 3\r\n\r\n"), "NUL in a header": ending(head(`X-A: a\0b\r\nContent-Length: ${well.length}\r\n`), "\r\n", well),
      "a header of 10 MB": ending(head(`X-A: ${"a".repeat(10_000_000)}\r\n`), "\r\n"), "no head": ending(well), "another protocol": ending("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhello"), "HTTP/2": ending("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
      "no content": ending("HTTP/1.1 204 No Content\r\n\r\n"), "a status that is none": ending("HTTP/1.1 999 X\r\nContent-Length: 2\r\n\r\n{}"),
    };
    for (const [name, answer] of Object.entries(wrong)) assert.equal(textOf(await ask(answer)), "200 sound", name);
    // The second answer on a connection is nobody's: not the next call's either.
    assert.equal(textOf(await ask((socket) => void socket.write(Buffer.concat([whole(well), whole(JSON.stringify(documentOf("smuggled")))])))), "200 well");
    assert.equal(textOf(await ask(ending(whole(well)))), "200 well");
    assert.equal(textOf(await ask(ending(chunked(well), "X-Checksum: 1\r\n\r\n"))), "200 well");
  });

  it("are left in time where their head, their lines or what comes before them never end", async () => {
    const endless: Record<string, [RawAnswer, boolean?]> = {
      "103 without end": [pouring("", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")], "103 in drips": [(socket) => drip(socket, "HTTP/1.1 103 Early Hints\r\n\r\n", 20)],
      "headers without end": [pouring("HTTP/1.1 200 OK\r\n", `X-A: ${"a".repeat(50)}\r\n`)], "trailers without end": [pouring(chunked(well), `X-A: ${"a".repeat(50)}\r\n`)],
      "the extension of a chunk": [pouring(`${head("Transfer-Encoding: chunked\r\n")}\r\n5;`, "abcdefgh")],
      "a head in drips": [(socket) => (socket.write(`${head()}X-A: `), drip(socket, "a", 20))], "a line in drips": [(socket) => (socket.write(`${events()}data: `), drip(socket, " ", 20)), true],
      "comments in drips": [(socket) => (socket.write(events()), drip(socket, ": wait\n\n", 20)), true],
    };
    for (const [name, [answer, stream = false]] of Object.entries(endless)) assert.equal(textOf(await ask(answer, { stream, route: "hasty" })).replace(/ $/, ""), "200 sound", name);
  });

  it("take no more than some MiB with what is compressed a thousand times, with a line without end, and with a million of nothing", async () => {
    const bomb = gzipSync(Buffer.alloc(160 * mebibyte, 32), { level: 1 });
    const large: Record<string, [RawAnswer, boolean?]> = {
      "a whole answer": [ending(whole(bomb, "Content-Encoding: gzip\r\n"))], "a stream": [ending(events("Content-Encoding: gzip\r\n"), bomb), true],
      "a failure": [ending(`HTTP/1.1 500 No\r\nContent-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`, bomb)],
      "a line": [pouring(`${events()}data: `, "x".repeat(1000)), true], "a comment": [pouring(`${events()}:`, "x".repeat(1000)), true], "one event of lines": [ending(events(), "data:\n".repeat(1_000_000), "\n", streamed), true],
    };
    for (const [name, [answer, stream = false]] of Object.entries(large)) assert.equal(textOf(await ask(answer, { stream })).replace(/ $/, ""), "200 sound", name);
    assert.ok((await poured) < 64 * mebibyte, `${(await poured) / mebibyte} MiB were taken`);
    for (const nothing of ["data:\n\n", "\n", ":\n"]) assert.match(textOf(await ask(ending(events(), nothing.repeat(1_000_000), streamed), { stream: true })), /^200 well ?$/);
  });

  it("are left for the next where a body is not compressed as it says, or as nobody asked", async () => {
    assert.equal(textOf(await ask(ending(whole(brotliCompressSync(well), "Content-Encoding: br\r\n")))), "200 well");
    const wrong: [string, Uint8Array][] = [["gzip", Buffer.from("no gzip at all")], ["gzip", gzipSync(well).subarray(0, 40)], ["br", Buffer.from("\0\0\0no brotli")], ["zstd", zstdCompressSync(well)], ["gzip, gzip", gzipSync(gzipSync(well))], ["constructor", Buffer.from(well)]];
    for (const [encoding, body] of wrong) assert.equal(textOf(await ask(ending(whole(body, `Content-Encoding: ${encoding}\r\n`)))), "200 sound", encoding);
  });

  it("may nest a hundred thousand deep wherever they like", async () => {
    for (const before of ['"id"', '"choices"', '"role"', '"prompt_tokens"']) assert.match(textOf(await ask(ending(whole(well.replace(before, `"deep":${nested},${before}`))))), /^200 well/, before);
    for (const before of ['"id"', '"content"', '"choices"']) assert.match(textOf(await ask(ending(events(), streamed.replace(before, `"deep":${nested},${before}`)), { stream: true })), /^200 well/, before);
    const refused = await ask(ending("HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n", `{"error":${nested}}`));
    assert.deepEqual([refused.status, refused.headers["x-error-code"]], [400, ["PROVIDER_REFUSED"]]);
  });

  it("are understood however they spell events", async () => {
    const spelled: Record<string, string> = {
      "no space": streamed.replaceAll("data: ", "data:"), "CR": streamed.replaceAll("\n", "\r"), "CRLF": streamed.replaceAll("\n", "\r\n"), "a byte order mark": `\uFEFF${streamed}`,
      "other fields": `: hello\nretry: 99999999999\nid: \0\nevent: nonsense\n${chunk("well")}unknown\n${finish}event: x\n${done}`, "two ends": `${streamed}${done}`, "no empty line at the end": streamed.trimEnd(),
    };
    for (const [name, text] of Object.entries(spelled)) assert.match(textOf(await ask(ending(events(), text), { stream: true })), /^200 well ?$/, name);
  });

  it("are not heard, nor waited for, behind the end of their answer", async () => {
    const late = chunk("late");
    const behind: Record<string, RawAnswer> = {
      "silence": (socket) => void socket.write(events() + streamed), "more": (socket) => void socket.write(events() + streamed, () => setImmediate(() => socket.end(late))), "more without end": pouring(events() + streamed, late),
      "a reset": (socket) => void socket.write(events() + streamed, () => setImmediate(() => socket.resetAndDestroy())),
    };
    for (const [name, answer] of Object.entries(behind)) {
      const { status, body } = await ask(answer, { stream: true });
      assert.ok(status === 200 && body.includes("well") && body.includes(done.trim()) && !body.includes("error"), `${name}: ${body.slice(-300)}`);
      assert.ok(body.split("late").length < 3000, `${name}: ${body.length}`);
    }
    assert.ok((await poured) < 64 * mebibyte, `${(await poured) / mebibyte} MiB were taken`);
    const { rows } = JSON.parse((await server.asAdmin("GET", "/api/costs?by=outcome,provider")).body) as { rows: { group: { outcome: string; provider: string }; calls: number }[] };
    assert.ok(rows.some(({ group }) => group.provider === "raw" && group.outcome === "ok"), JSON.stringify(rows));
  });

  it("may answer before they have read the request", async () => {
    const content = "y".repeat(8 * mebibyte);
    raw.early = (socket) => socket.write(whole(well, "Connection: close\r\n")) || true;
    assert.equal(textOf(await ask(() => undefined, { content })), "200 well");
    raw.early = (socket) => socket.write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}") || true;
    assert.equal((await ask(() => undefined, { content })).headers["x-error-code"]?.[0], "CONTEXT_TOO_LONG");
  });
});
