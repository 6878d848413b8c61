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
    await put("routes/wordy", { targets, guardrails: [{ kind: "patterns", name: "w", patterns: ["^(user|content|type|function|string|object|name|description)$", "call_", "content"] }] });
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
    const reply = await post("/v1/chat/completions", { model: "blocking", messages: [{ ...message, prefix: "unknown" }, { role: "user", content: [{ type: "text", text: "you", more: { a: "unknown" } }] }], temperature: 0.5 });
    assert.equal(reply.status, 200, reply.body);
    assert.deepEqual(reply.headers["x-slipway-dropped"], ["messages[0].prefix, messages[1].content[0].more"]);
    const sent = upstream.calls.at(-1)!;
    assert.ok(!sent.bytes.includes("unknown") && sent.body.temperature === 0.5, sent.bytes.toString());
    assert.deepEqual((await post("/v1/chat/completions", { model: "blocking", messages: [{ ...message, prefix: "forbidden" }] })).headers["x-error-code"], ["CONTENT_BLOCKED"]);
    // Without a guardrail they pass, and with one that reads no text.
    await post("/v1/chat/completions", { model: "first/m", ...hello, messages: [{ ...message, prefix: "kept" }] });
    assert.ok(upstream.calls.at(-1)!.bytes.includes("kept"));
  });

  it("whatever else of a chat carries text: definitions, options, names, and what the canonical form passes over", async () => {
    const { messages } = hello;
    const user = messages[0]!;
    const tool = (more: object): object => ({ type: "function", function: { name: "f", parameters: { type: "object", properties: {} }, ...more } });
    const assistant = (more: object): object[] => [user, { role: "assistant", content: "well", ...more }, user];
    const said: readonly (readonly [string, object])[] = [
      ["/v1/chat/completions", { messages, tools: [tool({ description: "forbidden" })] }],
      ["/v1/chat/completions", { messages, tools: [tool({ name: "forbidden" })] }],
      ["/v1/chat/completions", { messages, tools: [tool({ parameters: { type: "object", properties: { forbidden: {} } } })] }],
      ["/v1/chat/completions", { messages, tools: [tool({ parameters: { type: "object", properties: { a: { enum: ["forbidden"] } } } })] }],
      ["/v1/chat/completions", { messages, tools: [{ type: "custom", custom: { name: "f", description: "forbidden" } }] }],
      ["/v1/chat/completions", { messages, functions: [{ name: "f", description: "forbidden" }] }],
      ["/v1/chat/completions", { messages, tool_choice: { type: "function", function: { name: "forbidden" } } }],
      ["/v1/chat/completions", { messages, response_format: { type: "json_schema", json_schema: { name: "s", description: "forbidden", schema: {} } } }],
      ["/v1/chat/completions", { messages, response_format: { type: "json_schema", json_schema: { name: "s", schema: { title: "forbidden" } } } }],
      ["/v1/chat/completions", { messages, metadata: { a: "forbidden" } }],
      ["/v1/chat/completions", { messages, metadata: { forbidden: "a" } }],
      ["/v1/chat/completions", { messages, prediction: { type: "content", content: "forbidden" } }],
      ["/v1/chat/completions", { messages, stop: ["forbidden"] }],
      ["/v1/chat/completions", { messages, user: "forbidden" }],
      ["/v1/chat/completions", { messages, documents: [{ text: "forbidden" }] }],
      ["/v1/chat/completions", { messages, stream_options: { note: "forbidden" } }],
      ["/v1/chat/completions", { messages, reasoning: { note: "forbidden" } }],
      ["/v1/chat/completions", { messages: [{ ...user, name: "forbidden" }] }],
      ["/v1/chat/completions", { messages: [{ ...user, reasoning_content: "forbidden" }] }],
      ["/v1/chat/completions", { messages: [{ ...user, tool_calls: [{ id: "c", function: { name: "f", arguments: "forbidden" } }] }] }],
      ["/v1/chat/completions", { messages: [{ role: "user", content: [{ type: "text", text: "hello", refusal: "forbidden" }] }] }],
      ["/v1/chat/completions", { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "https://example.com/forbidden.png" } }] }] }],
      ["/v1/chat/completions", { messages: [{ role: "user", content: [{ type: "file", file: { filename: "forbidden.pdf", file_data: "data:application/pdf;base64,JVBERi0=" } }] }] }],
      ["/v1/chat/completions", { messages: [{ role: "user", content: [{ type: "file", file: { file_data: `data:application/json;base64,${Buffer.from("forbidden").toString("base64")}` } }] }] }],
      ["/v1/chat/completions", { messages: assistant({ thinking_blocks: [{ type: "thinking", thinking: "fine" }], reasoning_content: "forbidden" }) }],
      ["/v1/chat/completions", { messages: assistant({ tool_calls: [{ id: "c", type: "function", function: { name: "forbidden", arguments: "{}" } }] }) }],
      ["/v1/chat/completions", { messages: assistant({ tool_calls: [{ id: "c", type: "function", function: { name: "f", arguments: '{"a":"\\u0066orbidden","a":"b"}' } }] }) }],
      ["/v1/completions", { prompt: "hello", suffix: "forbidden" }],
      ["/v1/responses", { input: "hello", instructions: "forbidden" }],
      ["/v1/responses", { input: "hello", metadata: { a: "forbidden" } }],
      ["/v1/responses", { input: "hello", prompt: { id: "p", variables: { a: "forbidden" } } }],
      ["/v1/responses", { input: "hello", tools: [{ type: "mcp", server_label: "s", server_description: "forbidden" }] }],
      ["/v1/responses", { input: [{ role: "user", content: "hello" }, { type: "reasoning", summary: [{ type: "summary_text", text: "forbidden" }], content: [{ type: "reasoning_text", text: "fine" }] }] }],
      ["/v1/messages", { max_tokens: 5, messages, system: [{ type: "text", text: "forbidden" }] }],
      ["/v1/messages", { max_tokens: 5, messages, metadata: { user_id: "forbidden" } }],
      ["/v1/messages", { max_tokens: 5, messages, tools: [{ name: "f", description: "forbidden", input_schema: { type: "object" } }] }],
      ["/v1/messages", { max_tokens: 5, messages: [{ role: "user", content: [{ type: "document", title: "forbidden", source: { type: "text", media_type: "text/plain", data: "hello" } }] }] }],
      ["/v1/messages", { max_tokens: 5, messages: [{ role: "user", content: [{ type: "document", context: "forbidden", source: { type: "text", media_type: "text/plain", data: "hello" } }] }] }],
    ];
    const asked = upstream.calls.length;
    for (const [path, body] of said) {
      const reply = await post(path, { model: "blocking", ...body });
      assert.deepEqual(reply.headers["x-error-code"], ["CONTENT_BLOCKED"], `${path} ${JSON.stringify(body)}: ${reply.status} ${reply.body}`);
    }
    assert.equal(upstream.calls.length, asked);
    // The words of the protocols themselves are nobody's text, nor are ids and what is no text at all.
    const own = await post("/v1/chat/completions", {
      model: "wordy", messages: assistant({ tool_calls: [{ id: "call_content", type: "function", function: { name: "f", arguments: "{}" } }] }).slice(0, 2).concat({ role: "tool", tool_call_id: "call_content", content: "fine" }),
      tools: [tool({ description: "fine", parameters: { type: "object", properties: { name: { type: "string", description: "fine" } }, required: ["name"] } })], stream_options: null,
    });
    assert.equal(own.status, 200, own.body);
  });

  it("personal data beside the messages, in redaction", async () => {
    const schema = { type: "object", properties: { to: { type: "string", description: "such as ada@example.com", enum: ["ada@example.com", "b"] } } };
    const redacted = await post("/v1/chat/completions", {
      model: "redacting", messages: [{ role: "user", name: "ada@example.com", content: "hello bob@example.com" }], stop: ["ada@example.com"], metadata: { owner: "ada@example.com" },
      tools: [{ type: "function", function: { name: "f", description: "writes to ada@example.com", parameters: schema } }], user: "ada@example.com",
    });
    const sent = upstream.calls.at(-1)!;
    assert.deepEqual([redacted.status, sent.bytes.includes("@example.com")], [200, false], sent.bytes.toString());
    const { function: definition } = (sent.body.tools as { function: { description: string; parameters: typeof schema } }[])[0]!;
    assert.deepEqual([definition.description, definition.parameters.properties.to.enum], ["writes to [EMAIL_2]", ["[EMAIL_2]", "b"]]);
    // What has no place in the canonical form does not go out with the caller's bytes; without a find they pass.
    for (const [note, text] of [["eve@example.com", false], ["kept", true]] as const) {
      assert.equal((await post("/v1/chat/completions", { model: "redacting", ...hello, stream_options: { note } })).status, 200);
      assert.equal(upstream.calls.at(-1)!.bytes.includes(note), text);
    }
    // Arguments that say a field twice say what was looked at.
    await post("/v1/chat/completions", { model: "redacting", messages: [...hello.messages, { role: "assistant", tool_calls: [{ id: "c", type: "function", function: { name: "f", arguments: '{"to":"eve@example.com","to":"nobody"}' } }] }] });
    assert.deepEqual([upstream.calls.at(-1)!.bytes.includes("eve@"), upstream.calls.at(-1)!.bytes.includes("nobody")], [false, true]);
  });
});
