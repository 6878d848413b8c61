import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { startSecuredServer, type RawReply, type SecuredServer } from "../kit/secured-server.ts";
import { GatewayUpstream, type UpstreamAnswer } from "../server/gateway-upstream.ts";

const mebibyte = 1 << 20;
const events = { "content-type": "text/event-stream" };
const chunk = (choices: unknown): string => `data: ${JSON.stringify({ id: "x", object: "chat.completion.chunk", created: 1, model: "m", choices })}\n\n`;
const said = (content: string): string => chunk([{ index: 0, delta: { content }, finish_reason: null }]);

/** Sends a piece until the other side has enough, or this many bytes; tells how many went out. */
async function pour(response: Parameters<UpstreamAnswer>[1], piece: string, most: number): Promise<number> {
  const bytes = Buffer.from(piece.repeat(Math.max(1, Math.floor(mebibyte / piece.length))));
  let sent = 0;
  const closed = once(response, "close");
  while (sent < most && !response.destroyed) {
    sent += bytes.length;
    if (!response.write(bytes)) await Promise.race([once(response, "drain"), closed]);
  }
  response.end();
  return sent;
}

describe("hostile providers", () => {
  let server: SecuredServer;
  const upstream = new GatewayUpstream(() => undefined);
  /** As long as nothing that a message is cleared of by its look. */
  const secret = "Zq7.private+entry/4711";
  before(async () => {
    const url = await upstream.start();
    server = await startSecuredServer({ egressAllowed: ["127.0.0.1"] });
    const provider = await server.asAdmin("PUT", "/api/gateway/providers/first", { revision: 0, settings: { kind: "compatible", baseUrl: `${url}/v1`, breaker: { failures: 1000, openSeconds: 1 } }, secret: { from: "value", value: secret } });
    const route = await server.asAdmin("PUT", "/api/gateway/routes/once", { revision: 0, settings: { targets: [{ provider: "first", model: "m" }], attempts: 1 } });
    assert.deepEqual([provider.status, route.status], [200, 200]);
  });
  after(async () => {
    await server.stop();
    upstream.stop();
  });

  const chat = (more: object = {}): Promise<RawReply> => server.asAdmin("POST", "/v1/chat/completions", { model: "once", messages: [{ role: "user", content: "hello" }], ...more });

  it("are left when they have sent 16 MiB of a stream and nothing of an answer, also compressed", async () => {
    let poured: Promise<number> = Promise.resolve(0);
    upstream.answer = (_call, response) => {
      response.writeHead(200, events);
      poured = pour(response, chunk([]), 256 * mebibyte);
    };
    const reply = await chat({ stream: true });
    assert.deepEqual([reply.status, reply.headers["x-error-code"]], [502, ["PROVIDER_ANSWER_INVALID"]], reply.body);
    assert.ok((await poured) < 64 * mebibyte, `${(await poured) / mebibyte} MiB were taken`);
    const bomb = gzipSync(chunk([]).repeat((40 * mebibyte) / chunk([]).length), { level: 1 });
    upstream.answer = (_call, response) => void response.writeHead(200, { ...events, "content-encoding": "gzip" }).end(bomb);
    assert.match((await chat({ stream: true })).body, /16 MiB and nothing of an answer/);
    // Pings before an answer are usual.
    upstream.answer = (_call, response) => void response.writeHead(200, events).end(`${": ping\n\n".repeat(10_000)}${said("well")}${chunk([{ index: 0, delta: {}, finish_reason: "stop" }])}data: [DONE]\n\n`);
    assert.match((await chat({ stream: true })).body, /"well"/);
  });

  it("tell nobody the key that they were sent, in whatever words", async () => {
    const told = [secret, `No entry for "${secret}".`, `Bearer ${secret} is unknown`];
    for (const message of told) {
      for (const [status, stream] of [[401, false], [400, true], [500, false]] as const) {
        upstream.answer = (_call, response) => void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ error: { message } }));
        const reply = await chat({ stream });
        assert.ok(reply.status >= 400 && reply.body.includes("***") && !/private\+entry/.test(reply.body), reply.body);
      }
      upstream.answer = (_call, response) => void response.writeHead(200, events).end(`data: ${JSON.stringify({ error: { message } })}\n\n`);
      const reply = await chat({ stream: true });
      assert.ok(!/private\+entry/.test(reply.body), reply.body);
    }
    const tested = await server.asAdmin("POST", "/api/gateway/providers/first/test", {});
    assert.ok(!/private\+entry/.test(tested.body), tested.body);
    assert.ok(!/private\+entry/.test(server.logged.join("\n")));
    const traces = await server.asAdmin("GET", "/api/traces?limit=100");
    for (const { traceId } of (JSON.parse(traces.body) as { traces: { traceId: string }[] }).traces) assert.ok(!/private\+entry/.test((await server.asAdmin("GET", `/api/traces/${traceId}`)).body), traceId);
  });
});
