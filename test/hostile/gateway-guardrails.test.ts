import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { startSecuredServer, type RawReply, type SecuredServer } from "../kit/secured-server.ts";
import { answerJson, GatewayUpstream, speakOpenAi } from "../server/gateway-upstream.ts";

describe("what guardrails cannot be led past by", () => {
  let server: SecuredServer;
  const upstream = new GatewayUpstream((call, response) => {
    if (!call.path.endsWith("/rerank")) return speakOpenAi(call, response);
    answerJson(response, { results: (call.body.documents as unknown[]).map((_, index) => ({ index, relevance_score: 1 - index / 10 })) });
  });
  before(async () => {
    const url = await upstream.start();
    server = await startSecuredServer({ egressAllowed: ["127.0.0.1"] });
    await put("providers/first", { kind: "compatible", baseUrl: `${url}/v1` });
    const targets = [{ provider: "first", model: "m" }];
    await put("routes/blocking", { targets, guardrails: [{ kind: "patterns", name: "p", patterns: ["forbidden"] }] });
    await put("routes/redacting", { targets, guardrails: [{ kind: "pii", on: "input" }] });
    await put("routes/cheap", { targets, guardrails: [{ kind: "max-cost", dollars: 0.001 }] });
  });
  after(async () => {
    await server.stop();
    upstream.stop();
  });

  async function put(name: string, settings: object): Promise<void> {
    const reply = await server.asAdmin("PUT", `/api/gateway/${name}`, { revision: 0, settings });
    assert.equal(reply.status, 200, reply.body);
  }
  const post = (path: string, body: object): Promise<RawReply> => server.asAdmin("POST", path, body);
  const hello = { messages: [{ role: "user", content: "hello" }] };

  it("embeddings and reranking", async () => {
    const asked = upstream.calls.length;
    for (const [path, body] of [
      ["/v1/embeddings", { input: "forbidden" }], ["/v1/embeddings", { input: ["fine", "for\u200bbidden"] }], ["/v1/embeddings", { input: "fine", user: "forbidden" }],
      ["/v1/rerank", { query: "forbidden", documents: ["a"] }], ["/v1/rerank", { query: "fine", documents: ["a", { text: "ｆｏｒｂｉｄｄｅｎ" }] }],
    ] as const) {
      const reply = await post(path, { model: "blocking", ...body });
      assert.deepEqual(reply.headers["x-error-code"], ["CONTENT_BLOCKED"], `${path} ${JSON.stringify(body)}: ${reply.body}`);
    }
    for (const [path, body] of [["/v1/embeddings", { input: "fine" }], ["/v1/rerank", { query: "q", documents: ["a"] }]] as const) assert.deepEqual((await post(path, { model: "cheap", ...body })).headers["x-error-code"], ["CONTENT_BLOCKED"]);
    assert.equal(upstream.calls.length, asked);
    assert.deepEqual([(await post("/v1/embeddings", { model: "blocking", input: ["fine", "too"] })).status, upstream.calls.at(-1)!.body.input], [200, ["fine", "too"]]);

    const redacted = await post("/v1/embeddings", { model: "redacting", input: ["ada@example.com", "or bob@example.com", "ada@example.com"] });
    assert.deepEqual([redacted.status, upstream.calls.at(-1)!.body.input], [200, ["[EMAIL_1]", "or [EMAIL_2]", "[EMAIL_1]"]], redacted.body);
    const ranked = await post("/v1/rerank", { model: "redacting", query: "who is ada@example.com", documents: [{ text: "bob@example.com", note: "eve@example.com" }, "nobody"], return_documents: true });
    assert.equal(ranked.status, 200, ranked.body);
    assert.ok(!upstream.calls.at(-1)!.bytes.includes("@example.com"), upstream.calls.at(-1)!.bytes.toString());
    const { trace } = JSON.parse((await server.asAdmin("GET", `/api/traces/${redacted.headers["x-slipway-trace"]![0]!}`)).body) as { trace: { inputPreview: string } };
    assert.ok(!JSON.stringify(trace).includes("@example.com"), JSON.stringify(trace));
  });

  it("token numbers, which say what nobody here can read", async () => {
    const asked = upstream.calls.length;
    for (const [path, body] of [["/v1/completions", { prompt: [1, 2] }], ["/v1/completions", { prompt: [[1], [2]] }], ["/v1/embeddings", { input: [1, 2] }], ["/v1/embeddings", { input: ["fine", [1, 2]] }]] as const) {
      const reply = await post(path, { model: "blocking", ...body });
      assert.deepEqual([reply.status, reply.headers["x-error-code"]], [400, ["GATEWAY_FIELD_UNSUPPORTED"]], reply.body);
    }
    assert.equal(upstream.calls.length, asked);
  });

  it("fields of messages that only some servers know", async () => {
    const message = { role: "user", content: "hello" };
    const reply = await post("/v1/chat/completions", { model: "blocking", messages: [{ ...message, prefix: "forbidden" }, { role: "user", content: [{ type: "text", text: "you", more: { a: "forbidden" } }] }], temperature: 0.5 });
    assert.equal(reply.status, 200, reply.body);
    assert.deepEqual(reply.headers["x-slipway-dropped"], ["messages[0].prefix, messages[1].content[0].more"]);
    const sent = upstream.calls.at(-1)!;
    assert.ok(!sent.bytes.includes("forbidden") && sent.body.temperature === 0.5, sent.bytes.toString());
    // Without a guardrail they pass, and with one that reads no text.
    await post("/v1/chat/completions", { model: "first/m", ...hello, messages: [{ ...message, prefix: "kept" }] });
    assert.ok(upstream.calls.at(-1)!.bytes.includes("kept"));
  });
});
