import assert from "node:assert/strict";
import { it } from "node:test";
import type { ChatRequest } from "../../conversation/chat-request.ts";
import { refusedPaths } from "../../providers/refused-fields.fixture.ts";
import { parseMessages } from "./parse-messages.ts";

type Json = Record<string, unknown>;

const parse = (body: Json): ChatRequest => parseMessages({ model: "m", max_tokens: 10, messages: [{ role: "user", content: "Hello" }], ...body });
const messages = (role: string, ...content: Json[]) => {
  const { messages: read, uncarried = [], nativeOnly = [] } = parse({ messages: [{ role, content }] });
  return { read, uncarried, native: nativeOnly.map(({ path }) => path) };
};

it("each block of a user's message, with its mark, its name and what else stands in it", () => {
  const pdf = { kind: "data", mediaType: "application/pdf", base64: "aGk=" };
  const base64 = (type: string) => ({ type: "base64", media_type: type, data: "aGk=" });
  for (const [block, part] of [
    [{ type: "text", text: "a", cache_control: { type: "ephemeral", ttl: "1h" } }, { type: "text", text: "a", cache: { ttl: "1h" } }], [{ type: "image", source: base64("image/png"), cache_control: {} }, { type: "image", source: { ...pdf, mediaType: "image/png" }, cache: {} }],
    [{ type: "image", source: { type: "url", url: "https://a.test/a.png" } }, { type: "image", source: { kind: "url", url: "https://a.test/a.png" } }], [{ type: "image", source: { type: "file", file_id: "file-1" } }, { type: "image", source: { kind: "file", id: "file-1" } }],
    [{ type: "document", source: base64("application/pdf"), title: "a.pdf", cache_control: {} }, { type: "document", source: pdf, name: "a.pdf", cache: {} }], [{ type: "document", source: base64("image/png") }, { type: "image", source: { ...pdf, mediaType: "image/png" } }],
    [{ type: "document", source: { type: "text", media_type: "text/plain", data: "hi" } }, { type: "document", source: { ...pdf, mediaType: "text/plain" } }], [{ type: "document", source: { type: "content", content: [{ type: "text", text: "h" }, { type: "text", text: "i" }] } }, { type: "document", source: { ...pdf, mediaType: "text/plain", base64: Buffer.from("h\ni").toString("base64") } }],
    [{ type: "document", source: { type: "content", content: "hi" } }, { type: "document", source: { ...pdf, mediaType: "text/plain" } }],
  ] as const) assert.deepEqual(messages("user", block), { read: [{ role: "user", parts: [part] }], uncarried: [], native: [] }, JSON.stringify(block));
  assert.deepEqual(messages("user", { type: "text", text: "a", other: 1, citations: null }, { type: "image", source: base64("image/png"), other: 1 }, { type: "document", source: base64("application/pdf"), context: "c" }).uncarried, ["messages[0].content[0].other", "messages[0].content[1].other", "messages[0].content[2].context"]);
  for (const [block, path] of [
    [{ type: "image", source: { type: "other" } }, "source.type"], [{ type: "image", source: { type: "base64", media_type: "", data: "aGk=" } }, "source.media_type"], [{ type: "image", source: { type: "base64", media_type: "image/png", data: "" } }, "source.data"], [{ type: "image", source: base64("image/svg+xml") }, "source.media_type"],
    [{ type: 5 }, "type"], [{ type: "thinking", thinking: "a" }, "type"], [{ type: "tool_use" }, "type"],
  ] as const) assert.deepEqual(refusedPaths("INVALID_REQUEST", () => messages("user", block)), [`messages[0].content[0].${path}`], JSON.stringify(block));
  assert.deepEqual(refusedPaths("INVALID_REQUEST", () => parse({ messages: [{ role: "robot", content: "a" }] })), ["messages[0].role"]);
  assert.deepEqual(parse({ messages: [{ role: "user", content: "a", id: "x" }] }).uncarried, ["messages[0].id"]);
});

it("results of tools stand apart, in their order, and a mark on one is its last part's", () => {
  const result = (more: Json) => ({ type: "tool_result", tool_use_id: "t", ...more });
  assert.deepEqual(messages("user", { type: "text", text: "a" }, result({ content: "1" }), { type: "text", text: "b" }, { type: "text", text: "c" }, result({ is_error: true, content: [] })).read, [
    { role: "user", parts: [{ type: "text", text: "a" }] }, { role: "tool", callId: "t", parts: [{ type: "text", text: "1" }], isError: false }, { role: "user", parts: [{ type: "text", text: "b" }, { type: "text", text: "c" }] }, { role: "tool", callId: "t", parts: [], isError: true },
  ]);
  const parts = (content: unknown) => messages("user", result({ content, cache_control: { ttl: "5m" } })).read[0]!.parts;
  assert.deepEqual([parts([{ type: "text", text: "a" }, { type: "text", text: "b" }]), parts([{ type: "text", text: "a", cache_control: {} }]), parts([]), parts("a")], [
    [{ type: "text", text: "a" }, { type: "text", text: "b", cache: { ttl: "5m" } }], [{ type: "text", text: "a", cache: {} }], [{ type: "text", text: "", cache: { ttl: "5m" } }], [{ type: "text", text: "a", cache: { ttl: "5m" } }],
  ]);
  assert.deepEqual(messages("user", result({ content: "1", other: 1 })).uncarried, ["messages[0].content[0].other"]);
});

it("each block of an assistant's message; those of the provider's own tools stay as text", () => {
  const foreign = { type: "server_tool_use", id: "s", name: "web_search", input: {} };
  assert.deepEqual(messages("assistant",
    { type: "thinking", thinking: "Hm", signature: "s" }, { type: "thinking", thinking: "Hm", signature: "" }, { type: "redacted_thinking", data: "d" }, { type: "text", text: "a", cache_control: {} },
    { type: "tool_use", id: "t", name: "f", input: { a: 1 }, cache_control: { ttl: "1h" }, extra_content: { google: { thought_signature: "g" } }, caller: { type: "direct" } }, { type: "tool_use", id: "u", name: "f", input: { INVALID_JSON: "{" } }, { type: "tool_use", id: "v", name: "f", input: { INVALID_JSON: "{", a: 1 } }, foreign,
  ), { uncarried: [], native: ["messages[0].content[7]"], read: [{ role: "assistant", parts: [
    { type: "thinking", text: "Hm", signature: "s" }, { type: "thinking", text: "Hm", signature: null }, { type: "redacted-thinking", data: "d" }, { type: "text", text: "a", cache: {} }, { type: "tool-call", id: "t", name: "f", arguments: '{"a":1}', signature: "g", cache: { ttl: "1h" } },
    { type: "tool-call", id: "u", name: "f", arguments: "{" }, { type: "tool-call", id: "v", name: "f", arguments: '{"INVALID_JSON":"{","a":1}' }, { type: "text", text: JSON.stringify(foreign) },
  ] }] });
  assert.deepEqual(messages("assistant", { type: "tool_use", id: "t", name: "f", input: {}, other: 1 }).uncarried, ["messages[0].content[0].other"]);
  assert.deepEqual(refusedPaths("INVALID_REQUEST", () => messages("assistant", { type: "tool_result", tool_use_id: "t" })), ["messages[0].content[0].type"]);
});

it("tools, choices, schemas and how much a model thinks", () => {
  const { tools, uncarried, nativeOnly } = parse({ tools: [{ type: "custom", name: "f", description: "d", input_schema: { type: "object" }, strict: true }, { type: null, name: "g", input_schema: {} }, { name: "h", input_schema: {}, strict: false, other: 1 }, { type: "bash_20250124", name: "bash" }] });
  assert.deepEqual([tools, uncarried, nativeOnly?.map(({ path }) => path)], [[{ name: "f", description: "d", parameters: { type: "object" }, strict: true }, { name: "g", parameters: {} }, { name: "h", parameters: {}, strict: false }], ["tools[2].other"], ["tools[3]"]]);
  for (const [choice, expected] of [[{ type: "auto" }, { type: "auto" }], [{ type: "any" }, { type: "required" }], [{ type: "none" }, { type: "none" }], [{ type: "tool", name: "f" }, { type: "tool", name: "f" }], [undefined, { type: "auto" }]] as const) assert.deepEqual(parse({ tool_choice: choice }).toolChoice, expected);
  assert.deepEqual([parse({ tool_choice: { type: "auto", disable_parallel_tool_use: true } }).parallelToolCalls, parse({ tool_choice: { type: "auto", disable_parallel_tool_use: false } }).parallelToolCalls, parse({ tool_choice: { type: "auto" } }).parallelToolCalls], [false, true, null]);
  const schema = { type: "schema", name: "answer", schema: { type: "object" }, strict: true };
  const format = { type: "json_schema", schema: { type: "object" } };
  assert.deepEqual([parse({ output_format: format }).output, parse({ output_config: { format } }).output, parse({}).output], [schema, schema, { type: "text" }]);
  for (const [body, reasoning, left] of [
    ...["low", "medium", "high", "xhigh"].map((effort) => [{ output_config: { effort } }, { effort }, undefined] as const), [{ output_config: { effort: "max" } }, { effort: "xhigh" }, undefined], [{}, null, undefined],
    [{ thinking: { type: "enabled", budget_tokens: 5000 } }, { budgetTokens: 5000 }, undefined], [{ thinking: { type: "enabled" }, output_config: { effort: "low" } }, { effort: "low", budgetTokens: 1024 }, undefined], [{ thinking: { type: "disabled" }, output_config: { effort: "low" } }, { effort: "none" }, undefined],
    [{ thinking: { type: "adaptive" } }, null, ["thinking"]], [{ thinking: { type: "between_tools" } }, null, ["thinking"]], [{ thinking: { type: "adaptive" }, output_config: { effort: "low" } }, { effort: "low" }, undefined],
  ] as const) {
    const read = parse(body);
    assert.deepEqual([read.reasoning, read.uncarried], [reasoning, left], JSON.stringify(body));
  }
  assert.deepEqual(refusedPaths("INVALID_REQUEST", () => parse({ thinking: {}, output_format: { type: "other", schema: {} }, tool_choice: { type: "other" }, output_config: { effort: "much" } })), ["tool_choice.type", "output_format.type", "output_config.effort", "thinking.type"]);
  assert.deepEqual(refusedPaths("INVALID_REQUEST", () => parse({ temperature: 1.1, top_p: 1.1, top_k: -1, max_tokens: 0, thinking: { type: "enabled", budget_tokens: 0 } })), ["max_tokens", "temperature", "top_p", "top_k", "thinking.budget_tokens"]);
  assert.deepEqual([parse({ stop_sequences: null }).sampling.stop, parse({ stop_sequences: ["a"] }).sampling.stop, parse({ top_k: 0 }).sampling.topK, parse({}).user, parse({ metadata: { user_id: "u" } }).user, parse({}).stream], [[], ["a"], 0, null, "u", false]);
  assert.deepEqual(parse({ thinking: { type: "enabled", budget_tokens: 2000, display: "omitted" }, output_config: { effort: "low", task_budget: { total: 1 } }, metadata: { user_id: "u", team: "t" } }).uncarried, ["output_config.task_budget", "metadata.team", "thinking.display"]);
});
