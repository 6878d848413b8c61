import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";
import { betweenLooks } from "../kit/between-looks.ts";
import { startSecuredServer, type SecuredServer } from "../kit/secured-server.ts";
import { GatewayUpstream, speakOpenAi, type UpstreamCall } from "./gateway-upstream.ts";

interface Entry {
  outcome: string;
  tokens: { output: number };
  attribution: { traceId: string };
}

const chunk = `data: ${JSON.stringify({ id: "x", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta: { content: "so much to say ".repeat(2000) }, finish_reason: null }] })}\n\n`;

describe("callers of the gateway who do not read", () => {
  let server: SecuredServer;
  const upstream = new GatewayUpstream(speakOpenAi);
  before(async () => {
    const address = await upstream.start();
    server = await startSecuredServer({ egressAllowed: ["127.0.0.1"], readerTimeoutMs: 300 });
    await admin("PUT", "/api/gateway/providers/talker", { revision: 0, settings: { kind: "compatible", baseUrl: `${address}/v1` } });
    await admin("PUT", "/api/gateway/routes/narrow", { revision: 0, settings: { targets: [{ provider: "talker", model: "m" }], limits: { concurrency: 1 } } });
  });
  after(async () => {
    await server.stop();
    upstream.stop();
  });

  async function admin<Document>(method: string, path: string, body?: unknown): Promise<Document> {
    const reply = await server.asAdmin(method, path, body);
    assert.ok(reply.status < 300, `${method} ${path}: ${reply.status} ${reply.body}`);
    return JSON.parse(reply.body) as Document;
  }

  it("lose their place and their connection, the provider is stopped, and ledger and trace say what was used and why", async () => {
    // It says little until it is told to go on: however late the other caller comes, this one has not stalled yet.
    const goOn = Promise.withResolvers<void>();
    const asked = new Promise<UpstreamCall>((resolve) => {
      upstream.answer = (call, response) => {
        resolve(call);
        response.writeHead(200, { "content-type": "text/event-stream" }).write(chunk);
        const talk = (): void => {
          while (!response.destroyed && response.write(chunk));
        };
        void goOn.promise.then(() => {
          response.on("drain", talk);
          talk();
        });
      };
    });
    const body = JSON.stringify({ model: "narrow", stream: true, messages: [{ role: "user", content: "hello" }] });
    const socket = connect(server.slipway.httpPort, "127.0.0.1").on("error", () => undefined).pause();
    socket.write(`POST /v1/chat/completions HTTP/1.1\r\nHost: ${server.host}\r\nAuthorization: Bearer ${server.adminKey}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    const { abandoned } = await asked;
    const other = { model: "narrow", messages: [{ role: "user", content: "hello" }] };
    assert.equal((await server.asAdmin("POST", "/v1/chat/completions", other)).status, 429);
    goOn.resolve();
    await abandoned;
    upstream.answer = speakOpenAi;
    let status = 0;
    for (; status !== 200; await betweenLooks()) ({ status } = await server.asAdmin("POST", "/v1/chat/completions", other));
    await once(socket.resume(), "close");

    let entries: Entry[] = [];
    for (; entries.length === 0; await betweenLooks()) ({ entries } = await admin<{ entries: Entry[] }>("GET", "/api/costs/entries?route=narrow&outcome=cancelled"));
    const [{ tokens, attribution: { traceId } }] = entries as [Entry];
    assert.ok(tokens.output > 1000, JSON.stringify(tokens));
    let trace = "";
    for (; !trace.includes("CALLER_STALLED"); await betweenLooks()) trace = (await server.asAdmin("GET", `/api/traces/${traceId}`)).body;
    assert.ok(server.logged.some((line) => line.includes('"CALLER_STALLED"')));
  });
});
