import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { refusedFields } from "../../providers/refused-fields.fixture.ts";
import { parseMessages } from "./parse-messages.ts";

function parse(body: Record<string, unknown>) {
  return parseMessages({ model: "m", max_tokens: 10, messages: [{ role: "user", content: "Hello" }], ...body });
}

const problemsOf = (body: Record<string, unknown>): Record<string, string> => refusedFields("INVALID_REQUEST", () => parse(body));

describe("the body of a message", () => {
  it("takes every field to its place, and what it does not know to extra", () => {
    assert.deepEqual(
      parse({
        temperature: 0.5, top_p: 0.9, top_k: 5, stop_sequences: ["END"], stream: true, metadata: { user_id: "u" }, service_tier: "auto", system: "Be brief.", thinking: { type: "enabled", budget_tokens: 2048 },
        tools: [{ name: "f", description: "d", input_schema: { type: "object" }, cache_control: { type: "ephemeral", ttl: "5m" } }], tool_choice: { type: "any", disable_parallel_tool_use: true },
        output_config: { format: { type: "json_schema", schema: { type: "object" } }, effort: "max" },
      }),
      {
        messages: [{ role: "system", parts: [{ type: "text", text: "Be brief." }] }, { role: "user", parts: [{ type: "text", text: "Hello" }] }],
        tools: [{ name: "f", description: "d", parameters: { type: "object" }, cache: { ttl: "5m" } }], toolChoice: { type: "required" }, parallelToolCalls: false,
        output: { type: "schema", name: "answer", schema: { type: "object" }, strict: true },
        sampling: { maxOutputTokens: 10, temperature: 0.5, topP: 0.9, topK: 5, stop: ["END"], seed: null, frequencyPenalty: null, presencePenalty: null },
        reasoning: { effort: "xhigh", budgetTokens: 2048 }, stream: true, user: "u", extra: { service_tier: "auto" },
      },
    );
  });

  /** Case 3. */
  it("takes how to choose among tools, and how much to think", () => {
    const choices = [{ type: "auto" }, { type: "none" }, { type: "any" }, { type: "tool", name: "f" }, undefined].map((choice) => parse({ tool_choice: choice }).toolChoice);
    assert.deepEqual(choices, [{ type: "auto" }, { type: "none" }, { type: "required" }, { type: "tool", name: "f" }, { type: "auto" }]);
    assert.equal(parse({ tool_choice: { type: "auto", disable_parallel_tool_use: false } }).parallelToolCalls, true);
    assert.equal(parse({ tool_choice: { type: "auto" } }).parallelToolCalls, null);
    assert.deepEqual([{ type: "disabled" }, { type: "adaptive" }, undefined].map((thinking) => parse({ thinking }).reasoning), [{ effort: "none" }, null, null]);
    assert.deepEqual(parse({ thinking: { type: "adaptive" }, output_config: { effort: "low" } }).reasoning, { effort: "low" });
    assert.deepEqual(parse({ thinking: { type: "adaptive" } }).uncarried, ["thinking"]);
  });

  /** Cases 1, 2, 4 and 9. */
  it("takes blocks in their order, with results of tools as messages of their own", () => {
    const { messages, nativeOnly, uncarried } = parse({
      system: [{ type: "text", text: "One.", cache_control: { type: "ephemeral", ttl: "1h" } }],
      messages: [
        { role: "assistant", content: [{ type: "thinking", thinking: "Hm.", signature: "sig" }, { type: "redacted_thinking", data: "xx" }, { type: "text", text: "So.", citations: null }, { type: "tool_use", id: "1", name: "f", input: { x: [1] } }, { type: "tool_use", id: "2", name: "f", input: {}, caller: { type: "direct" } }, { type: "tool_use", id: "3", name: "f", input: { INVALID_JSON: '{"cut' } }] },
        {
          role: "user",
          content: [
            { type: "tool_result", tool_use_id: "1", content: "one", cache_control: { type: "ephemeral" } }, { type: "tool_result", tool_use_id: "2", is_error: true },
            { type: "tool_result", tool_use_id: "3", content: [{ type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } }] }, { type: "text", text: "Go on.", cache_control: { type: "ephemeral" } }, { type: "text", text: "Now." },
          ],
        },
        { role: "system", content: "Two." },
      ],
    });
    assert.deepEqual(messages, [
      { role: "system", parts: [{ type: "text", text: "One.", cache: { ttl: "1h" } }] },
      {
        role: "assistant",
        parts: [
          { type: "thinking", text: "Hm.", signature: "sig" }, { type: "redacted-thinking", data: "xx" }, { type: "text", text: "So." }, { type: "tool-call", id: "1", name: "f", arguments: '{"x":[1]}' },
          { type: "tool-call", id: "2", name: "f", arguments: "{}" }, { type: "tool-call", id: "3", name: "f", arguments: '{"cut' },
        ],
      },
      { role: "tool", callId: "1", parts: [{ type: "text", text: "one", cache: {} }], isError: false },
      { role: "tool", callId: "2", parts: [], isError: true },
      { role: "tool", callId: "3", parts: [{ type: "image", source: { kind: "data", mediaType: "image/png", base64: "AAAA" } }], isError: false },
      { role: "user", parts: [{ type: "text", text: "Go on.", cache: {} }, { type: "text", text: "Now." }] },
      { role: "system", parts: [{ type: "text", text: "Two." }] },
    ]);
    assert.deepEqual([nativeOnly, uncarried], [undefined, undefined]);
    const mixed = parse({ messages: [{ role: "user", content: [{ type: "text", text: "a" }, { type: "tool_result", tool_use_id: "1" }, { type: "text", text: "b" }] }] }).messages;
    assert.deepEqual(mixed.map((message) => [message.role, message.parts]), [["user", [{ type: "text", text: "a" }]], ["tool", []], ["user", [{ type: "text", text: "b" }]]]);
  });

  /** Case 6. */
  it("takes images and documents from every source, and refuses what is none", () => {
    const parts = (...content: unknown[]) => parse({ messages: [{ role: "user", content }] }).messages[0]!.parts;
    assert.deepEqual(
      parts(
        { type: "image", source: { type: "url", url: "https://example.com/a.png" } }, { type: "image", source: { type: "file", file_id: "f1" }, cache_control: { type: "ephemeral" } },
        { type: "document", source: { type: "base64", media_type: "application/pdf", data: "AAAA" }, title: "A" }, { type: "document", source: { type: "text", media_type: "text/plain", data: "é" } },
        { type: "document", source: { type: "content", content: [{ type: "text", text: "a" }, { type: "text", text: "b" }] } },
      ),
      [
        { type: "image", source: { kind: "url", url: "https://example.com/a.png" } }, { type: "image", source: { kind: "file", id: "f1" }, cache: {} },
        { type: "document", source: { kind: "data", mediaType: "application/pdf", base64: "AAAA" }, name: "A" }, { type: "document", source: { kind: "data", mediaType: "text/plain", base64: "w6k=" } },
        { type: "document", source: { kind: "data", mediaType: "text/plain", base64: Buffer.from("a\nb").toString("base64") } },
      ],
    );
    const image = (source: unknown) => Object.keys(problemsOf({ messages: [{ role: "user", content: [{ type: "image", source }] }] }));
    assert.deepEqual(image({ type: "base64", media_type: "text/html", data: "AAAA" }), ["messages[0].content[0].source.media_type"]);
    assert.deepEqual(image({ type: "url", url: "file:///etc/passwd" }), ["messages[0].content[0].source.url"]);
    assert.deepEqual(image({ type: "base64" }), ["messages[0].content[0].source.media_type", "messages[0].content[0].source.data"]);
  });

  it("names every problem with its path", () => {
    assert.deepEqual(Object.keys(problemsOf({ system: [{ type: "image", text: "a" }] })), ["system[0].type"]);
    assert.deepEqual(parse({ system: [] }).messages.filter(({ role }) => role === "system"), []);
    assert.deepEqual(
      problemsOf({
        temperature: 1.5, max_tokens: 0, stop_sequences: "END", system: 4, tool_choice: { type: "some" }, thinking: { type: "deep" }, tools: [{ name: "f" }],
        messages: [{ role: "tool", content: "x" }, { role: "user", content: [{ type: "tool_result" }, { type: "tool_use" }, {}] }, { role: "assistant", content: [{ type: "tool_use", id: "1", name: "f", input: "x" }, { type: "tool_result" }] }],
      }),
      {
        temperature: "must be from 0 to 1", max_tokens: "must be a whole number of at least 1", stop_sequences: "must be an array, but is a string", system: "must be an array, but is a number",
        "tool_choice.type": 'must be auto, any, tool or none, but is "some"', "thinking.type": 'must be enabled, disabled or adaptive, but is "deep"', "tools[0].input_schema": "is missing",
        "messages[0].role": 'must be user, assistant or system, but is "tool"', "messages[1].content[0].tool_use_id": "is missing", "messages[1].content[1].type": "must not be tool_use here",
        "messages[1].content[2].type": "must be the type of a block, but is missing", "messages[2].content[0].input": "must be an object, but is a string", "messages[2].content[1].type": "must not be tool_result here",
      },
    );
  });

  it("says what only Anthropic's own protocol can carry, and what is left behind", () => {
    const request = parse({
      tools: [{ type: "web_search_20250305", name: "web_search" }, { name: "f", input_schema: {}, defer_loading: true }], mcp_servers: [{ type: "url" }], container: "c",
      messages: [{ role: "assistant", content: [{ type: "server_tool_use", id: "1", name: "web_search", input: { query: "secret" } }, { type: "text", text: "a", citations: [{ cited_text: "x" }] }] }],
    });
    assert.deepEqual(request.nativeOnly?.map(({ path }) => path), ["messages[0].content[0]", "tools[0]"]);
    assert.deepEqual(request.extra, { "tools[0]": { type: "web_search_20250305", name: "web_search" }, mcp_servers: [{ type: "url" }], container: "c" });
    assert.deepEqual(request.uncarried, ["messages[0].content[1].citations", "tools[1].defer_loading"]);
    assert.match((request.messages[0]!.parts[0] as { text: string }).text, /secret/);
  });
});
