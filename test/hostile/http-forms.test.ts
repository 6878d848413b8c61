import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { errorCatalogue } from "../../src/core/error-catalogue.ts";
import { parseReply, startSecuredServer, type SecuredServer } from "../kit/secured-server.ts";

/** What the two ends of a proxy may read as different requests, and forms of HTTP that nobody needs. */
describe("forms of HTTP", { timeout: 120_000 }, () => {
  let server: SecuredServer;
  const chat = JSON.stringify({ model: "e/m", messages: [{ role: "user", content: "hello" }] });
  const size = chat.length.toString(16);
  before(async () => {
    server = await startSecuredServer({ bodyTimeoutMs: 500, findProviders: false });
    assert.equal((await server.asAdmin("PUT", "/api/gateway/providers/e", { revision: 0, settings: { kind: "echo" } })).status, 200);
  });
  after(() => server.stop());

  const host = (): string => `Host: ${server.host}\r\n`;
  const key = (): string => `Authorization: Bearer ${server.adminKey}\r\n`;
  /** A call whose connection the server may keep: what comes behind it would be a request of its own. */
  const call = (headers: string, body: string, version = "1.1"): string => `POST /v1/chat/completions HTTP/${version}\r\n${host()}${key()}Content-Type: application/json\r\n${headers}\r\n${body}`;
  const chunked = "Transfer-Encoding: chunked\r\n";
  const length = `Content-Length: ${chat.length}\r\n`;
  const inChunks = `${size}\r\n${chat}\r\n0\r\n\r\n`;
  const second = (): string => `DELETE /api/gateway/providers/e?revision=1 HTTP/1.1\r\n${host()}${key()}Connection: close\r\n\r\n`;

  const refused: Readonly<Record<string, () => string>> = {
    "a length and chunks": () => call(`Content-Length: 4\r\n${chunked}`, inChunks),
    "chunks and a length": () => call(`${chunked}Content-Length: 4\r\n`, inChunks),
    "chunks twice": () => call(chunked.repeat(2), inChunks),
    "another coding before the chunks": () => call("Transfer-Encoding: gzip, chunked\r\n", inChunks),
    "another coding behind them": () => call("Transfer-Encoding: chunked, gzip\r\n", inChunks),
    "a coding that is none, and a length": () => call(`Transfer-Encoding: identity\r\n${length}`, chat),
    "a coding like chunked": () => call("Transfer-Encoding: xchunked\r\n", inChunks),
    "a space before the colon": () => call("Transfer-Encoding : chunked\r\n", inChunks),
    "a folded header": () => call("Transfer-Encoding:\r\n chunked\r\n", inChunks),
    "chunks of HTTP/1.0": () => call(`${chunked}Connection: keep-alive\r\n`, inChunks, "1.0"),
    "line feeds alone": () => call(length, chat).replaceAll("\r\n", "\n"),
    "line feeds alone in chunks": () => call(chunked, inChunks.replaceAll("\r\n", "\n")),
    "a carriage return in a header": () => call(`X: a\rTransfer-Encoding: chunked\r\n${length}`, chat),
    "a chunk's extension that ends with a line feed": () => call(chunked, `${size};a\n${chat}\r\n0\r\n\r\n`),
    "a chunk's extension of 100 KB": () => call(chunked, `${size};${"x".repeat(100_000)}\r\n${chat}\r\n0\r\n\r\n`),
    "a chunk larger than counting": () => call(chunked, `ffffffffffffffff1\r\n${chat}\r\n0\r\n\r\n`),
    "a chunk of less than nothing": () => call(chunked, `-1\r\n${chat}\r\n0\r\n\r\n`),
    "two lengths alike": () => call(length.repeat(2), chat),
    "a list of lengths": () => call(`Content-Length: ${chat.length}, ${chat.length}\r\n`, chat),
    "a length with a sign": () => call(`Content-Length: +${chat.length}\r\n`, chat),
    "a length beyond counting": () => call("Content-Length: 99999999999999999999999\r\n", chat),
    "trailers of 300 KB": () => call(chunked, `${size}\r\n${chat}\r\n0\r\n${"a: b\r\n".repeat(50_000)}\r\n`),
    "a hundred thousand headers": () => call(`${"a:b\r\n".repeat(100_000)}${length}`, chat),
    "the length behind thousands of headers": () => call(`${"a:\r\n".repeat(4000)}${length}`, chat),
    "a zero in a header": () => call(`X: a\0b\r\n${length}`, chat),
    "two keys, the right one first": () => call(`Authorization: Bearer slk_wrong\r\n${length}`, chat),
    "two keys, the right one last": () => call(length, chat).replace("Authorization:", "Authorization: Bearer slk_wrong\r\nAuthorization:"),
    "two hosts": () => call(`Host: evil.example\r\nConnection: close\r\n${length}`, chat),
    "another host as the target": () => call(`Connection: close\r\n${length}`, chat).replace("/v1/chat", "http://evil.example/v1/chat"),
    "its own host as the target": () => call(`Connection: close\r\n${length}`, chat).replace("/v1/chat", `http://${server.host}/v1/chat`),
    "a tunnel": () => `CONNECT evil.example:443 HTTP/1.1\r\n${host()}${key()}\r\n`,
    "HTTP/2 without asking": () => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a version that is none": () => call(length, chat, "2.0"),
    "another one": () => call(length, chat, "1.9"),
    "no version": () => "GET /health\r\n\r\n",
    "an expectation that nobody knows": () => call(`Expect: 200-maybe\r\n${length}`, chat),
    "two encodings of the body": () => call(`Content-Encoding: gzip\r\nContent-Encoding: identity\r\nConnection: close\r\n${length}`, chat),
    "a key in the trailers alone": () => call(`${chunked}Connection: close\r\n`, `${size}\r\n${chat}\r\n0\r\n${key()}\r\n`).replace(key(), ""),
    "a body that never comes after 100 Continue": () => call(`Expect: 100-continue\r\nConnection: close\r\n${length}`, ""),
    "a slash in a model's name": () => call(`Connection: close\r\n${length}`, chat).replace("/v1/chat/completions", "/v2/models/..%2F..%2Fapi/infer"),
    "bytes that are no text in a name": () => call(`Connection: close\r\n${length}`, chat).replace("/v1/chat/completions", "/v1/models/%c0%af"),
    ...Object.fromEntries([
      "/v1/chat/completions#", "/v1/chat/completions#/../x", "/v1/chat/completions?a=1#b", "/v1/chat/completions#?a=1", "/#/v1/chat/completions", "/v1\\chat\\completions", "/v1/chat/completions\\..",
      "/v1/x/../chat/completions", "/v1/./chat/completions", "/v1/chat/%2e%2e/chat/completions", "/v1/models/%2E./chat/completions", "/v1/models/..%2f..%2fv1/chat", "/v1/models/..%5C..%5Cv1/chat", "/v1/x/..;a=1/chat/completions",
      "/v1/chat/comp letions", "/v1/chat/completions\t", "/v1/chat/\u0001completions", "/v1/chat/completions\u007f", "/v1/chat/completion\u00df",
    ].map((target) => [`the target ${JSON.stringify(target)}`, () => call(length, chat).replace("/v1/chat/completions", target)])),
    ...Object.fromEntries([
      "localhost:80", "*", "?/v1/chat/completions", "//localhost/v1/chat/completions", "/V1/chat/completions", "/v1/chat/completions;a=1", "/v1/chat%2fcompletions", "/v1/chat/completions%00", "/v1/chat/completions%2523", "/v1/chat/completions%",
      `/v1/chat/completions?${"x".repeat(70_000)}`, `/${"v1/".repeat(30_000)}`,
    ].map((target) => [`the target ${JSON.stringify(target.slice(0, 50))}`, () => call(`Connection: close\r\n${length}`, chat).replace("/v1/chat/completions", target)])),
    "a name in letters that only look alike": () => call(`Connection: close\r\nContent-Length: ${Buffer.byteLength(chat) + 1}\r\n`, chat.replace("e/m", "\u0435/m")),
  };

  for (const [name, make] of Object.entries(refused)) {
    it(`are refused with a reason, and take nothing behind them along: ${name}`, async () => {
      const text = make();
      const keepsOpen = !text.includes("Connection: close");
      const reply = await server.raw(keepsOpen ? text + second() : text);
      const answer = parseReply(reply.replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, ""));
      assert.ok(answer.status >= 400 && answer.status <= 499, reply.slice(0, 300));
      assert.ok(Object.hasOwn(errorCatalogue, answer.headers["x-error-code"]?.[0] ?? ""), reply.slice(0, 300));
      if (keepsOpen) assert.equal(reply.split("HTTP/1.1 ").length - 1, 1, "one request, one answer");
      // What stood behind it was not done either.
      assert.equal((await server.asAdmin("POST", "/v1/chat/completions", JSON.parse(chat))).status, 200);
    });
  }

  it("are taken where they are but unusual", async () => {
    const taken: Readonly<Record<string, string>> = {
      "HTTP/1.0 that is kept": `${call(`Connection: keep-alive\r\n${length}`, chat, "1.0")}${call(`Connection: close\r\n${length}`, chat)}`,
      "many chunks with extensions": call(`${chunked}Connection: close\r\n`, `${Array.from(chat, (letter) => `1;${"x".repeat(10)}\r\n${letter}\r\n`).join("")}0\r\n\r\n`),
      "chunked in capitals": call("Transfer-Encoding: Chunked\r\nConnection: close\r\n", inChunks),
      "100 Continue": call(`Expect: 100-Continue\r\nConnection: close\r\n${length}`, chat),
      "an upgrade that is not taken": call(`Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n${length}`, chat),
      "a web socket": `GET /v1/models HTTP/1.1\r\n${host()}${key()}Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
      "an encoded slash": `GET /v1/models/e%2Fm HTTP/1.1\r\n${host()}${key()}Connection: close\r\n\r\n`,
    };
    for (const [name, text] of Object.entries(taken)) {
      const statuses = [...(await server.raw(text)).matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status).filter((status) => status !== "100");
      assert.deepEqual([...new Set(statuses)], ["200"], name);
    }
  });

  it("leave the server as it was, and its log quiet", async () => {
    assert.equal((await server.asAdmin("POST", "/v1/chat/completions", JSON.parse(chat))).status, 200);
    assert.deepEqual(server.logged.filter((line) => !/"event":"server\.started"/.test(line)), []);
  });
});
