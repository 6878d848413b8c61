import assert from "node:assert/strict";
import { it } from "node:test";
import type { ChatRequest } from "../../conversation/chat-request.ts";
import { refusedPaths } from "../../providers/refused-fields.fixture.ts";
import { parseChat } from "./parse-chat.ts";

type Json = Record<string, unknown>;

const parse = (body: Json): ChatRequest => parseChat({ model: "m", messages: [{ role: "user", content: "Hello" }], ...body });
const message = (value: Json) => {
  const { messages, uncarried = [], nativeOnly = [] } = parse({ messages: [value] });
  return { parts: messages[0]!.parts, uncarried, native: nativeOnly.map(({ path }) => path) };
};

it("each part of a user's message, with its mark and what else stands in it", () => {
  const part = (value: Json) => message({ role: "user", content: [value] });
  const text = "data:text/plain;base64,aGk=";
  const file = { kind: "data", mediaType: "application/pdf", base64: "aGk=" };
  for (const [given, expected] of [
    [{ type: "text", text: "a", cache_control: { type: "ephemeral" } }, { type: "text", text: "a", cache: {} }], [{ type: "text", text: "a", prompt_cache_breakpoint: {} }, { type: "text", text: "a", cache: {} }], [{ type: "text", text: "a", cache_control: null }, { type: "text", text: "a" }],
    [{ type: "image_url", image_url: "data: IMAGE/png ;charset=x;base64,aGk=" }, { type: "image", source: { kind: "data", mediaType: "image/png", base64: "aGk=" } }],
    [{ type: "image_url", image_url: "https://a.test/a.png" }, { type: "image", source: { kind: "url", url: "https://a.test/a.png" } }], [{ type: "image_url", image_url: { url: "data:image/JPG;base64,aGk=", detail: "low" }, cache_control: { ttl: "1h" } }, { type: "image", source: { kind: "data", mediaType: "image/jpeg", base64: "aGk=" }, detail: "low", cache: { ttl: "1h" } }],
    [{ type: "image_url", image_url: { url: "data:application/pdf;base64,aGk=" }, cache_control: {} }, { type: "document", source: file, cache: {} }], [{ type: "image_url", image_url: { url: "gs://b/a.png" } }, { type: "image", source: { kind: "url", url: "gs://b/a.png" } }],
    [{ type: "file", file: { file_id: "file-1", filename: "a.pdf" }, cache_control: {} }, { type: "document", source: { kind: "file", id: "file-1" }, name: "a.pdf", cache: {} }], [{ type: "file", file: { file_id: null, file_data: "aGk=" } }, { type: "document", source: file }], [{ type: "file", file: { file_data: "aGk=", filename: "a.doc" } }, { type: "document", source: file, name: "a.doc" }],
    [{ type: "file", file: { file_data: "aGk=", filename: "a.TXT" } }, { type: "document", source: { ...file, mediaType: "text/plain" }, name: "a.TXT" }], [{ type: "file", file: { file_data: "aGk=", filename: "a.md" } }, { type: "document", source: { ...file, mediaType: "text/plain" }, name: "a.md" }],
    [{ type: "file", file: { file_data: text } }, { type: "document", source: { ...file, mediaType: "text/plain" } }], [{ type: "file", file: { file_data: "data:image/png;base64,aGk=" }, cache_control: {} }, { type: "image", source: { ...file, mediaType: "image/png" }, cache: {} }],
    [{ type: "file", file: { file_url: "https://a.test/a.pdf" } }, { type: "document", source: { kind: "url", url: "https://a.test/a.pdf" } }],
  ] as const) assert.deepEqual(part(given), { parts: [expected], uncarried: [], native: [] }, JSON.stringify(given));
  for (const [format, mediaType] of [["wav", "audio/wav"], ["mp3", "audio/mpeg"], ["flac", "audio/flac"], ["ogg", "audio/ogg"], ["opus", "audio/opus"], ["aac", "audio/aac"], ["m4a", "audio/mp4"], ["pcm16", "audio/pcm"], ["webm", "audio/webm"], ["aiff", "audio/aiff"]] as const) {
    assert.deepEqual(part({ type: "input_audio", input_audio: { data: "aGk=", format } }).parts, [{ type: "audio", mediaType, base64: "aGk=" }]);
  }
  for (const type of ["image/png", "image/jpeg", "image/gif", "image/webp", "image/heic", "image/heif", "image/bmp", "image/tiff", "image/avif"]) assert.deepEqual(part({ type: "image_url", image_url: { url: `data:${type};base64,aGk=` } }).parts, [{ type: "image", source: { kind: "data", mediaType: type, base64: "aGk=" } }]);
  assert.deepEqual(part({ type: "text", text: "a", other: 1, refusal: "" }).uncarried, ["messages[0].content[0].other"]);
  for (const [given, path] of [
    [{ type: "input_audio", input_audio: { data: "aGk=", format: "constructor" } }, "input_audio.format"], [{ type: "input_audio", input_audio: { data: "", format: "wav" } }, "input_audio.data"], [{ type: "image_url", image_url: { url: `data:image/png${";a".repeat(200)};base64,aGk=` } }, "image_url.url"], [{ type: "image_url", image_url: { url: "data:image/svg+xml;base64,aGk=" } }, "image_url.url"],
    [{ type: "image_url", image_url: { url: "" } }, "image_url.url"], [{ type: "file", file: { file_data: "" } }, "file.file_data"], [{ type: "file", file: { file_data: "data:video/mp4;base64,aGk=" } }, "file.file_data"], [{ type: "text", text: "a", cache_control: { type: "other" } }, "cache_control.type"], [{ type: "other" }, "type"],
  ] as const) assert.deepEqual(refusedPaths("INVALID_REQUEST", () => part(given)), [`messages[0].content[0].${path}`]);
  // A mark on the whole message is its last part's, unless that has its own.
  const marked = (...content: Json[]) => message({ role: "user", content, cache_control: { ttl: "1h" } }).parts;
  assert.deepEqual([marked({ type: "text", text: "a" }, { type: "text", text: "b" }), marked({ type: "text", text: "a", cache_control: {} }), marked({ type: "input_audio", input_audio: { data: "aGk=", format: "wav" } })], [
    [{ type: "text", text: "a" }, { type: "text", text: "b", cache: { ttl: "1h" } }], [{ type: "text", text: "a", cache: {} }], [{ type: "audio", mediaType: "audio/wav", base64: "aGk=" }],
  ]);
});

it("each part of an assistant's message, in the order of a turn", () => {
  const turn = message({
    role: "assistant", name: "a", reasoning: "Hm.", refusal: "No.", content: [{ type: "text", text: "a", cache_control: { ttl: "5m" } }, { type: "thinking", thinking: "T", signature: "s" }, { type: "redacted_thinking", data: "d" }, { type: "refusal", refusal: "R" }],
    tool_calls: [{ id: "1", type: "function", index: 0, function: { name: "f", arguments: { a: 1 } }, cache_control: {} }, { id: "2", function: { name: "g", provider_specific_fields: { thought_signature: "p" } } }, { id: "3", function: { name: "h", arguments: null }, provider_specific_fields: { thought_signature: "q" }, extra_content: { google: { thought_signature: "e" } } }],
    cache_control: {},
  });
  assert.deepEqual(turn, { uncarried: [], native: [], parts: [
    { type: "thinking", text: "Hm.", signature: null }, { type: "text", text: "a", cache: { ttl: "5m" } }, { type: "thinking", text: "T", signature: "s" }, { type: "redacted-thinking", data: "d" }, { type: "refusal", text: "R" }, { type: "refusal", text: "No." },
    { type: "tool-call", id: "1", name: "f", arguments: '{"a":1}', cache: {} }, { type: "tool-call", id: "2", name: "g", arguments: "", signature: "p" }, { type: "tool-call", id: "3", name: "h", arguments: "", signature: "e", cache: {} },
  ] });
  assert.deepEqual(message({ role: "assistant", content: "a", cache_control: {} }).parts, [{ type: "text", text: "a", cache: {} }]);
  assert.deepEqual(message({ role: "assistant", content: "", reasoning: "" }).parts, []);
  const older = message({ role: "assistant", function_call: { name: "f", arguments: "{}" }, tool_calls: [{ id: "1", type: "custom", custom: { name: "c", input: "x" } }] });
  assert.deepEqual(older, { parts: [{ type: "tool-call", id: "1", name: "c", arguments: "x" }, { type: "tool-call", id: "f", name: "f", arguments: "{}" }], uncarried: [], native: ["messages[0].tool_calls[0]", "messages[0].function_call"] });
  assert.deepEqual(message({ role: "function", name: "f", content: null }), { parts: [], uncarried: [], native: ["messages[0]"] });
  assert.deepEqual(message({ role: "assistant", content: "a", audio: { id: "x" }, tool_calls: [{ id: "1", function: { name: "f" }, other: 1 }] }).uncarried, ["messages[0].audio", "messages[0].tool_calls[0].other"]);
  assert.deepEqual(refusedPaths("INVALID_REQUEST", () => message({ role: "assistant", content: [{ type: "image_url" }] })), ["messages[0].content[0].type"]);
  assert.deepEqual(refusedPaths("INVALID_REQUEST", () => message({ role: "assistant", content: null, tool_calls: [{ id: "1", type: "other", function: { name: "f" } }] })), ["messages[0].tool_calls[0].type"]);
  assert.deepEqual(refusedPaths("INVALID_REQUEST", () => message({ role: "user", content: null })), ["messages[0].content"]);
});

it("thinking in each form that clients give back", () => {
  const thought = (fields: Json) => message({ role: "assistant", content: "a", ...fields }).parts.slice(0, -1);
  const details = [{ type: "reasoning.text", text: "t", signature: "s" }, { type: "reasoning.text" }, { type: "reasoning.summary", summary: "u" }, { type: "reasoning.encrypted", data: "e" }];
  assert.deepEqual(thought({ reasoning_details: details, reasoning_content: "no" }), [{ type: "thinking", text: "t", signature: "s" }, { type: "thinking", text: "", signature: null }, { type: "thinking", text: "u", signature: null }, { type: "redacted-thinking", data: "e" }]);
  assert.deepEqual(thought({ thinking_blocks: [{ type: "thinking", signature: "" }], reasoning_details: details }), [{ type: "thinking", text: "", signature: null }]);
  assert.deepEqual(thought({ content: [{ type: "thinking", thinking: [{ type: "text", text: "t" }, { type: "text", text: "u" }], signature: "s" }, { type: "text", text: "a" }] }), [{ type: "thinking", text: "tu", signature: "s" }]);
  assert.deepEqual(refusedPaths("INVALID_REQUEST", () => thought({ thinking_blocks: [{ type: "other" }] })), ["messages[0].thinking_blocks[0].type"]);
  assert.deepEqual(refusedPaths("INVALID_REQUEST", () => thought({ reasoning_details: [{ type: "other" }] })), ["messages[0].reasoning_details[0].type"]);
});

it("how much a model thinks, in the words of three; what has no place is named", () => {
  const asked = (body: Json) => {
    const { reasoning, uncarried = [], extra } = parse(body);
    assert.deepEqual(extra, {});
    return [reasoning, uncarried];
  };
  for (const [body, expected, uncarried] of [
    [{ reasoning_effort: "low" }, { effort: "low" }, []], [{ reasoning: { effort: "high", max_tokens: 100 } }, { effort: "high", budgetTokens: 100 }, []], [{ thinking: { type: "enabled", budget_tokens: 9 } }, { budgetTokens: 9 }, []], [{ thinking: { type: "disabled" } }, { effort: "none" }, []],
    [{ thinking: { type: "adaptive" } }, null, ["thinking"]], [{ thinking: { type: "enabled" } }, null, ["thinking"]], [{ thinking: { type: "adaptive" }, reasoning_effort: "low" }, { effort: "low" }, []], [{ thinking: { type: "enabled", budget_tokens: 9, display: "omitted" } }, { budgetTokens: 9 }, ["thinking.display"]],
    [{ reasoning: { enabled: true, exclude: false } }, null, ["reasoning.enabled"]], [{ reasoning: { effort: "low", summary: "auto" } }, { effort: "low" }, ["reasoning.summary"]], [{ reasoning: null, thinking: null }, null, []],
  ] as const) assert.deepEqual(asked(body), [expected, uncarried], JSON.stringify(body));
});

it("tools, choices and limits at their edges", () => {
  for (const [tool, search] of [[{ google_search: {} }, true], [{ googleSearch: { a: 1 } }, { a: 1 }], [{ type: "google_search" }, true]] as const) assert.deepEqual(parse({ tools: [tool] }).extra, { google_search: search });
  assert.deepEqual(parse({ tools: [{ type: "web_search" }] }).nativeOnly?.map(({ path }) => path), ["tools[0]"]);
  const { tools, uncarried } = parse({ tools: [{ type: "function", other: 1, function: { name: "f", description: "d", strict: true, parameters: null, cache_control: {}, more: 1 } }] });
  assert.deepEqual([tools, uncarried], [[{ name: "f", description: "d", parameters: { type: "object", properties: {} }, strict: true, cache: {} }], ["tools[0].other", "tools[0].function.more"]]);
  assert.deepEqual(parse({ function_call: "auto", functions: [] }).nativeOnly, undefined);
  for (const [body, path] of [[{ function_call: "none" }, "function_call"], [{ function_call: { name: "f" } }, "function_call"], [{ functions: [{}] }, "functions"], [{ tool_choice: { type: "allowed_tools" } }, "tool_choice"]] as const) assert.deepEqual(parse(body).nativeOnly?.map((one) => one.path), [path]);
  assert.deepEqual([parse({ response_format: { type: "json_schema", json_schema: { name: "n" } } }).output, parse({ n: 2 }).extra, parse({ n: 1 }).extra], [{ type: "schema", name: "n", schema: {}, strict: false }, { n: 2 }, {}]);
  const least = { temperature: 0, top_p: 0, frequency_penalty: -2, presence_penalty: -2, max_tokens: 1 };
  const most = { temperature: 2, top_p: 1, frequency_penalty: 2, presence_penalty: 2, max_completion_tokens: 1, max_tokens: 5 };
  for (const body of [least, most]) assert.equal(parse(body).sampling.maxOutputTokens, 1);
  assert.deepEqual(refusedPaths("INVALID_REQUEST", () => parse({ temperature: 2.1, top_p: 1.1, frequency_penalty: -2.1, presence_penalty: 2.1, max_tokens: 0, n: 0, top_k: -2 })), ["n", "max_tokens", "temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty"]);
  assert.deepEqual([parse({ top_k: -1 }).sampling.topK, parse({ top_k: 0 }).sampling.topK, parse({ top_k: 1 }).sampling.topK, parse({}).stream, parse({}).user], [null, null, 1, false, null]);
});
