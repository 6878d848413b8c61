import assert from "node:assert/strict";
import { it } from "node:test";
import type { ChatRequest } from "../../conversation/chat-request.ts";
import { refusedPaths } from "../../providers/refused-fields.fixture.ts";
import { parseResponse } from "./parse-response.ts";
import { sealThinking } from "./sealed-thinking.ts";

type Json = Record<string, unknown>;

const parse = (body: Json): ChatRequest => parseResponse({ model: "m", input: "Hello", ...body });
const items = (...input: Json[]) => {
  const { messages, uncarried = [], nativeOnly = [] } = parse({ input });
  return { messages, uncarried, native: nativeOnly.map(({ path }) => path) };
};

it("each part of a message, under each name that clients give it", () => {
  const part = (value: Json) => items({ role: "user", content: [value] }).messages[0]!.parts[0];
  for (const type of ["input_text", "output_text", "text"]) assert.deepEqual(part({ type, text: "a", cache_control: { ttl: "1h" } }), { type: "text", text: "a", cache: { ttl: "1h" } });
  assert.deepEqual(part({ type: "input_image", image_url: "data:image/png;base64,aGk=", prompt_cache_breakpoint: {} }), { type: "image", source: { kind: "data", mediaType: "image/png", base64: "aGk=" }, cache: {} });
  assert.deepEqual(part({ type: "input_file", file_data: "data:application/pdf;base64,aGk=", filename: "a.pdf", cache_control: {} }), { type: "document", source: { kind: "data", mediaType: "application/pdf", base64: "aGk=" }, name: "a.pdf", cache: {} });
  assert.deepEqual(part({ type: "input_audio", input_audio: { data: "aGk=", format: "mp3" } }), { type: "audio", mediaType: "audio/mpeg", base64: "aGk=" });
  for (const type of ["output_text", "input_text", "text"]) assert.deepEqual(items({ type: null, role: "assistant", content: [{ type, text: "a" }, { type: "refusal", refusal: "No." }] }).messages, [{ role: "assistant", parts: [{ type: "text", text: "a" }, { type: "refusal", text: "No." }] }]);
  assert.deepEqual(refusedPaths("INVALID_REQUEST", () => items({ role: "assistant", content: [{ type: "other", text: "a" }] })), ["input[0].content[0].type"]);
  for (const role of ["system", "developer"]) {
    assert.deepEqual(items({ role, content: "a" }).messages, [{ role: "system", parts: [{ type: "text", text: "a" }] }]);
    assert.deepEqual(refusedPaths("INVALID_REQUEST", () => items({ role, content: [{ type: "input_text", text: "a" }, { type: "input_image", file_id: "f" }] })), ["input[0].content"]);
  }
  assert.deepEqual(items({ role: "user", content: "a", id: "i", status: "completed", phase: "x" }).uncarried, ["input[0].phase"]);
});

it("calls, results and thinking, sealed here or elsewhere; items of other tools stay as text", () => {
  const call = { type: "function_call", id: "i", call_id: "a", name: "f", arguments: "{}", status: "completed", caller: { type: "direct" } };
  assert.deepEqual(items({ ...call, extra_content: { google: { thought_signature: "g" } }, namespace: "n" }, { type: "function_call_output", call_id: "a", id: "o", output: "1", status: "completed", caller: {}, other: 1 }), {
    messages: [{ role: "assistant", parts: [{ type: "tool-call", id: "a", name: "f", arguments: "{}", signature: "g" }] }, { role: "tool", callId: "a", parts: [{ type: "text", text: "1" }], isError: false }], uncarried: ["input[0].namespace", "input[1].other"], native: [],
  });
  const thought = (item: Json) => {
    const { messages: [message], uncarried } = items({ type: "reasoning", ...item });
    return [message!.parts, uncarried];
  };
  const texts = [{ type: "summary_text", text: "A" }, { type: "summary_text", text: "B" }];
  assert.deepEqual(thought({ summary: texts }), [[{ type: "thinking", text: "A\n\nB", signature: null }], []]);
  assert.deepEqual(thought({ summary: [{ text: "no" }], content: [{ text: "C" }] }), [[{ type: "thinking", text: "C", signature: null }], []]);
  assert.deepEqual(thought({ summary: texts, content: [] })[0], [{ type: "thinking", text: "A\n\nB", signature: null }]);
  assert.deepEqual(thought({ summary: [], encrypted_content: sealThinking("signature", "s") }), [[{ type: "thinking", text: "", signature: "s" }], []]);
  assert.deepEqual(thought({ summary: texts, encrypted_content: sealThinking("redacted", "r") }), [[{ type: "redacted-thinking", data: "r" }], []]);
  assert.deepEqual(thought({ summary: [], encrypted_content: "of OpenAI" }), [[], ["input[0].encrypted_content"]]);
  const search = { type: "web_search_call", id: "w", action: { query: "secret" } };
  assert.deepEqual(items(search), { messages: [{ role: "user", parts: [{ type: "text", text: JSON.stringify(search) }] }], uncarried: [], native: ["input[0]"] });
  assert.deepEqual(refusedPaths("INVALID_REQUEST", () => items({ type: 5 })), ["input[0].type"]);
});

it("what is said of tools, texts and thinking, and what of it has no place", () => {
  const { reasoning, extra, uncarried } = parse({ text: { verbosity: "low", other: 1 }, reasoning: { effort: "high", summary: "auto", generate_summary: "auto", mode: "x" } });
  assert.deepEqual([reasoning, extra, uncarried], [{ effort: "high" }, { verbosity: "low" }, ["text.other", "reasoning.summary", "reasoning.generate_summary", "reasoning.mode"]]);
  assert.deepEqual([parse({ reasoning: { summary: null } }).uncarried, parse({ text: { verbosity: null } }).extra, parse({}).stream, parse({}).user], [undefined, {}, false, null]);
  assert.deepEqual([parse({ tool_choice: "required" }).toolChoice, parse({ tool_choice: "none" }).toolChoice, parse({}).toolChoice], [{ type: "required" }, { type: "none" }, { type: "auto" }]);
  assert.deepEqual(refusedPaths("INVALID_REQUEST", () => parse({ tools: [{ type: 5 }], tool_choice: { type: "function", name: "" }, temperature: 2.1, top_p: 1.1, max_output_tokens: 0, stream: "x", truncation: "x", include: [5], text: { format: 5 } })), ["tools[0].type", "truncation", "include[0]", "tool_choice.name", "text.format", "text.format.type", "max_output_tokens", "temperature", "top_p", "stream"]);
  const prompt = parse({ input: undefined, prompt: { id: "p" } });
  assert.deepEqual([prompt.messages, prompt.nativeOnly?.map(({ path }) => path)], [[], ["prompt"]]);
});
