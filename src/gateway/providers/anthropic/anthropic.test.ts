import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "../../../core/errors.ts";
import { isContent } from "../../conversation/chat-event.ts";
import type { ChatMessage, ChatRequest } from "../../conversation/chat-request.ts";
import { refusedPaths } from "../refused-fields.fixture.ts";
import { ProviderSettings } from "../../schemas.ts";
import { chatRequest, conformanceCase } from "../conformance.fixture.ts";
import { assertSameEventsWhereverCut, assertSurvivesJunk, collectStream, readEvents } from "../stream-cuts.fixture.ts";
import { AnthropicStream } from "./anthropic-stream.ts";
import { anthropic } from "./anthropic.ts";
import { fitsStructuredOutput } from "./structured-schema.ts";

type Block = Record<string, unknown>;
type Sent = Block & { system?: Block[]; messages: { role: string; content: Block[] }[] };

const { chat } = anthropic;
assert.ok(chat !== undefined);
const [older, newer] = ["claude-sonnet-4-5", "claude-opus-4-7"];

function send(request: ChatRequest, model = older) {
  const written = chat?.request(request, { model, settings: ProviderSettings.parse({ kind: "anthropic" }) }) ?? assert.fail();
  return { ...written, sent: JSON.parse(String(written.body)) as Sent };
}

const failsWith = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;
const open = () => new AnthropicStream();
const user = (text: string): ChatMessage => ({ role: "user", parts: [{ type: "text", text }] });
const event = (type: string, more: Block = {}) => `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;
const start = event("message_start", { message: { id: "msg_1", type: "message", role: "assistant", content: [], model: "claude-x", stop_reason: null, stop_sequence: null, usage: { input_tokens: 10, cache_creation_input_tokens: 3, cache_read_input_tokens: 4, output_tokens: 1 } } });
const block = (index: number, content: Block, ...deltas: Block[]) => event("content_block_start", { index, content_block: content }) + deltas.map((delta) => event("content_block_delta", { index, delta })).join("") + event("content_block_stop", { index });
const text = (index: number, ...texts: string[]) => block(index, { type: "text", text: "" }, ...texts.map((piece) => ({ type: "text_delta", text: piece })));
const finish = (word: string, usage: Block = { output_tokens: 15 }, sequence: string | null = null) => event("message_delta", { delta: { stop_reason: word, stop_sequence: sequence }, usage }) + event("message_stop");
const call = (index: number, id: string, name: string, ...json: string[]) => block(index, { type: "tool_use", id, name, input: {} }, ...json.map((piece) => ({ type: "input_json_delta", partial_json: piece })));
const thinking = block(0, { type: "thinking", thinking: "", signature: "" }, { type: "thinking_delta", thinking: "Hm" }, { type: "thinking_delta", thinking: "." }, { type: "signature_delta", signature: "c2ln" });
const whole = start + event("ping") + thinking + block(1, { type: "redacted_thinking", data: "xyz" }) + text(2, "Grüß ", "🎈") + call(3, "toolu_1", "weather", "", '{"city":', '"Bonn"}') + finish("tool_use");

conformanceCase("anthropic", 1, "arguments become objects, numbers exact; empty ones are {}, malformed ones are wrapped and named", () => {
  const input = (written: string) => {
    const { body, emulated } = send(chatRequest({ messages: [user("?"), { role: "assistant", parts: [{ type: "tool-call", id: "a.b", name: "weather", arguments: written }] }, { role: "tool", callId: "a.b", parts: [], isError: false }] }));
    return [/"input":(\{.*?\})\}/.exec(String(body))?.[1], emulated.some((name) => name.includes("wrapped"))];
  };
  assert.deepEqual(input('{"big":12345678901234567890,"one":1.0}'), ['{"big":12345678901234567890,"one":1.0}', false]);
  assert.deepEqual(input(" "), ["{}", false]);
  assert.deepEqual(input('{"city":'), ['{"INVALID_JSON":"{\\"city\\":"}', true]);
  assert.deepEqual(input("[1]"), ['{"INVALID_JSON":"[1]"}', true]);
  const answer = chat?.answer(Buffer.from('{"id":"msg_1","model":"m","content":[{"type":"tool_use","id":"t","name":"weather","input":{"big":12345678901234567890}}],"stop_reason":"tool_use","usage":{"input_tokens":1}}'), {});
  assert.deepEqual(answer?.parts, [{ type: "tool-call", id: "t", name: "weather", arguments: '{"big":12345678901234567890}' }]);
  assert.equal(answer?.usage.inputTokens, 1);
});

conformanceCase("anthropic", 2, "results of one turn stand in one message, with errors and images", () => {
  const { sent } = send(chatRequest({ messages: [
    user("?"), { role: "assistant", parts: [{ type: "tool-call", id: "call_1", name: "a", arguments: "" }, { type: "tool-call", id: "call_2", name: "b", arguments: "" }] },
    { role: "tool", callId: "call_1", parts: [{ type: "image", source: { kind: "data", mediaType: "image/png", base64: "AAAA" }, cache: {} }], isError: false }, { role: "tool", callId: "call_2", parts: [{ type: "text", text: "broken" }], isError: true }, user("And?"),
  ] }));
  assert.deepEqual(sent.messages.map(({ role }) => role), ["user", "assistant", "user"]);
  assert.deepEqual(sent.messages[2]?.content, [
    { type: "tool_result", tool_use_id: "call_1", content: [{ type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } }], cache_control: { type: "ephemeral" } },
    { type: "tool_result", tool_use_id: "call_2", content: [{ type: "text", text: "broken" }], is_error: true }, { type: "text", text: "And?" },
  ]);
  // Earlier calls want tools, also where the caller offers none any more.
  assert.deepEqual([(sent.tools as Block[]).map(({ name }) => name), sent.tool_choice], [["a", "b"], { type: "none" }]);
});

conformanceCase("anthropic", 3, "required is any; none; parallel calls off", () => {
  const choice = (change: Partial<ChatRequest>) => send(chatRequest({ tools: [{ name: "time", parameters: {} }], ...change })).sent.tool_choice;
  assert.deepEqual(choice({ toolChoice: { type: "required" } }), { type: "any" });
  assert.deepEqual(choice({ toolChoice: { type: "tool", name: "time" }, parallelToolCalls: false }), { type: "tool", name: "time", disable_parallel_tool_use: true });
  assert.deepEqual(choice({ toolChoice: { type: "none" }, parallelToolCalls: false }), { type: "none" });
  assert.deepEqual(choice({ parallelToolCalls: false }), { type: "auto", disable_parallel_tool_use: true });
  assert.equal(choice({ parallelToolCalls: true }), undefined);
});

conformanceCase("anthropic", 4, "first system messages are the prompt, later ones are told by the user or, where that is known, by the system; cache marks stay", () => {
  const messages: ChatMessage[] = [
    { role: "system", parts: [{ type: "text", text: "Be kind.", cache: { ttl: "1h" } }] }, { role: "system", parts: [{ type: "text", text: "Be short." }, { type: "text", text: "" }] },
    { role: "user", parts: [{ type: "text", text: "Hi", cache: {} }] }, { role: "system", parts: [{ type: "text", text: "Rhyme." }] },
  ];
  const { sent, emulated } = send(chatRequest({ messages, tools: [{ name: "time", parameters: {}, cache: { ttl: "5m" } }] }));
  assert.deepEqual(sent.system, [{ type: "text", text: "Be kind.", cache_control: { type: "ephemeral", ttl: "1h" } }, { type: "text", text: "Be short." }]);
  assert.deepEqual(sent.messages, [{ role: "user", content: [{ type: "text", text: "Hi", cache_control: { type: "ephemeral" } }, { type: "text", text: "<system>\nRhyme.\n</system>" }] }]);
  assert.deepEqual((sent.tools as Block[])[0]?.cache_control, { type: "ephemeral", ttl: "5m" });
  assert.equal(emulated.includes("system messages in mid-conversation (as text of the user)"), true);
  const native = send(chatRequest({ messages }), "claude-opus-4-8");
  assert.deepEqual(native.sent.messages.map(({ role }) => role), ["user", "system"]);
  assert.equal(native.emulated.some((name) => name.startsWith("system")), false);
}, "emulated");

conformanceCase("anthropic", 5, "temperature is clamped and named; max_tokens by model; newer models take no sampling", () => {
  const hot = send(chatRequest({ sampling: { temperature: 1.5, topP: 0.5, stop: ["x"], seed: 1, maxOutputTokens: 7 }, user: "u" }), "claude-sonnet-4-0");
  assert.deepEqual([hot.sent.temperature, hot.sent.top_p, hot.sent.stop_sequences, hot.sent.max_tokens, hot.sent.metadata], [1, 0.5, ["x"], 7, { user_id: "u" }]);
  assert.deepEqual([hot.emulated, hot.dropped], [["temperature (1, the most that is taken)"], ["seed"]]);
  assert.deepEqual(send(chatRequest({ sampling: { temperature: 0.5, topP: 0.5 } })).dropped, ["top_p (beside temperature)"]);
  assert.equal(send(chatRequest({ sampling: { topP: 0.5 } })).sent.top_p, 0.5);
  const most = ["claude-3-haiku-20240307", "claude-3-5-sonnet-20241022", "claude-opus-4-20250514", "claude-opus-4-1", "claude-sonnet-4-20250514", older, newer, "claude-next-9", "eu.anthropic.claude-3-5-haiku"].map((model) => send(chatRequest(), model).sent.max_tokens);
  assert.deepEqual(most, [4096, 8192, 32_000, 32_000, 64_000, 64_000, 64_000, 64_000, 8192]);
  const unsampled = send(chatRequest({ sampling: { temperature: 0, topK: 3, maxOutputTokens: 7 } }), newer);
  assert.deepEqual([unsampled.dropped, unsampled.sent.temperature], [["temperature", "top_k"], undefined]);
  assert.deepEqual(refusedPaths("GATEWAY_FIELD_UNSUPPORTED", () => send(chatRequest({ sampling: { presencePenalty: 1, frequencyPenalty: 0 }, extra: { logit_bias: { 5: 1 } } }))), ["presence_penalty", "logit_bias"]);
}, "emulated");

conformanceCase("anthropic", 6, "images, PDFs and texts by data, address and file; what is not taken is refused by name", () => {
  const content = (...parts: Extract<ChatMessage, { role: "user" }>["parts"]) => send(chatRequest({ messages: [{ role: "user", parts }] })).sent.messages[0]?.content;
  assert.deepEqual(content({ type: "image", source: { kind: "url", url: "https://example.org/a.png" } }, { type: "image", source: { kind: "file", id: "file_1" } }), [{ type: "image", source: { type: "url", url: "https://example.org/a.png" } }, { type: "image", source: { type: "file", file_id: "file_1" } }]);
  assert.deepEqual(content({ type: "document", name: "a.pdf", source: { kind: "data", mediaType: "application/pdf", base64: "JVBERi0=" } }), [{ type: "document", source: { type: "base64", media_type: "application/pdf", data: "JVBERi0=" }, title: "a.pdf" }]);
  assert.deepEqual(content({ type: "document", source: { kind: "data", mediaType: "text/markdown", base64: Buffer.from("# é").toString("base64") } }), [{ type: "document", source: { type: "text", media_type: "text/plain", data: "# é" } }]);
  assert.deepEqual(refusedPaths("GATEWAY_FIELD_UNSUPPORTED", () => content({ type: "image", source: { kind: "data", mediaType: "image/bmp", base64: "AAAA" } }, { type: "audio", mediaType: "audio/wav", base64: "" }, { type: "document", source: { kind: "data", mediaType: "application/zip", base64: "" } })), ["messages[0].content[0]", "messages[0].content[1]", "messages[0].content[2]"]);
});

const recursive = { type: "object", properties: { next: { anyOf: [{ $ref: "#/$defs/node" }, { type: "null" }] } }, additionalProperties: false, $defs: { node: { type: "object", properties: { next: { $ref: "#/$defs/node" } }, additionalProperties: false } } };

conformanceCase("anthropic", 7, "schemas of tools pass as they are; which schemas structured output takes", () => {
  assert.deepEqual((send(chatRequest({ tools: [{ name: "list", parameters: recursive }] })).sent.tools as Block[])[0]?.input_schema, recursive);
  assert.deepEqual((send(chatRequest({ tools: [{ name: "list", parameters: { $ref: "#/$defs/a", $defs: { a: { type: "object" } } } }] })).sent.tools as Block[])[0]?.input_schema, { type: "object", $defs: { a: { type: "object" } } });
  assert.deepEqual(refusedPaths("GATEWAY_FIELD_UNSUPPORTED", () => send(chatRequest({ tools: [{ name: "list", parameters: { anyOf: [{ type: "object" }] } }] }))), ["tools[0].function.parameters"]);
  const closed = { type: "object", additionalProperties: false, required: ["a"] };
  for (const [schema, fits] of [
    [{ ...closed, properties: { a: { anyOf: [{ $ref: "#/$defs/b" }, { type: "null" }] }, c: { $ref: "#/$defs/b" } }, $defs: { b: { enum: ["x", 1] } } }, true], [recursive, false], [{ type: "object", properties: {} }, false],
    [{ ...closed, properties: { a: { type: "integer", minimum: 1 } } }, false], [{ type: "array", minItems: 1, items: { type: "string", format: "date" } }, true], [{ type: "array", minItems: 2, items: {} }, false], [{ $ref: "https://example.org/schema" }, false],
    [{ ...closed, properties: { a: { $ref: "#" } } }, false],
  ] as const) assert.equal(fitsStructuredOutput(schema), fits, JSON.stringify(schema));
});

conformanceCase("anthropic", 8, "a schema goes to output_config where model and schema allow it, else by a tool whose arguments come back as text", () => {
  const schema = { type: "object", properties: { a: { type: "string" } }, required: ["a"], additionalProperties: false };
  const ask = (change: Partial<ChatRequest> = {}, model = older, asked: Block = schema) => send(chatRequest({ output: { type: "schema", name: "answer", schema: asked, strict: true }, ...change }), model);
  assert.deepEqual(ask().sent.output_config, { format: { type: "json_schema", schema } });
  const byTool = ask({}, "claude-3-7-sonnet-latest");
  assert.deepEqual([byTool.sent.tool_choice, (byTool.sent.tools as Block[])[0]?.input_schema, byTool.emulated.at(-1)], [{ type: "tool", name: "slipway_json_output" }, schema, "response_format (by a tool)"]);
  assert.deepEqual(ask({}, older, recursive).sent.tool_choice, { type: "tool", name: "slipway_json_output" });
  assert.deepEqual(ask({ tools: [{ name: "time", parameters: {} }] }, older, recursive).sent.tool_choice, { type: "any" });
  assert.deepEqual(refusedPaths("GATEWAY_FIELD_UNSUPPORTED", () => ask({}, "claude-3-7-sonnet-latest", { type: "array", items: {} })), ["response_format.json_schema.schema"]);
  assert.equal(send(chatRequest({ output: { type: "json" } })).emulated.includes("response_format (by an instruction)"), true);

  const streamed = collectStream(open(), start + call(0, "toolu_1", "slipway_json_output", '{"a"', ':"b"}') + finish("tool_use"));
  assert.deepEqual([streamed.parts, streamed.finish], [[{ type: "text", text: '{"a":"b"}' }], "stop"]);
  const answer = chat?.answer(Buffer.from(JSON.stringify({ id: "m", model: "m", content: [{ type: "tool_use", id: "t", name: "slipway_json_output", input: { a: "b" } }], stop_reason: "tool_use" })), {});
  assert.deepEqual([answer?.parts, answer?.finish], [[{ type: "text", text: '{"a":"b"}' }], "stop"]);
}, "emulated");

conformanceCase("anthropic", 9, "signed thinking goes back as it came, unsigned thinking is named; budgets and efforts by model", () => {
  const parts = collectStream(open(), whole).parts.slice(0, 3);
  const { sent, dropped } = send(chatRequest({ messages: [user("?"), { role: "assistant", parts: [...parts, { type: "thinking", text: "unsigned", signature: null }] }, user("!")] }));
  assert.deepEqual(sent.messages[1]?.content, [{ type: "thinking", thinking: "Hm.", signature: "c2ln" }, { type: "redacted_thinking", data: "xyz" }, { type: "text", text: "Grüß 🎈" }]);
  assert.deepEqual(dropped, ["messages[1].thinking (unsigned)"]);
  const think = (change: Partial<ChatRequest>, model = older) => send(chatRequest(change), model);
  assert.deepEqual(think({ reasoning: { budgetTokens: 2000 }, sampling: { ...chatRequest().sampling, temperature: 0.5 } }).sent.thinking, { type: "enabled", budget_tokens: 2000 });
  assert.deepEqual(think({ reasoning: { budgetTokens: 2000 }, sampling: { ...chatRequest().sampling, temperature: 0.5 } }).dropped, ["temperature"]);
  assert.deepEqual(think({ reasoning: { effort: "low" } }).emulated.at(-1), "reasoning_effort (budget_tokens 2048)");
  const adaptive = think({ reasoning: { effort: "xhigh" } }, newer);
  assert.deepEqual([adaptive.sent.thinking, adaptive.sent.output_config], [{ type: "adaptive" }, { effort: "xhigh" }]);
  assert.deepEqual(think({ reasoning: { effort: "high" } }, "claude-3-5-haiku-latest").dropped, ["reasoning_effort"]);
  assert.deepEqual(think({ reasoning: { effort: "none" } }).sent.thinking, { type: "disabled" });
  assert.deepEqual(think({ reasoning: { effort: "high" }, tools: [{ name: "time", parameters: {} }], toolChoice: { type: "required" } }).dropped, ["reasoning_effort (a tool is forced)"]);
}, "native");

conformanceCase("anthropic", 10, "a stream says the same wherever it is cut, and junk throws nothing else", () => {
  assertSameEventsWhereverCut(open, whole.replaceAll("\n", "\r\n"));
  assertSurvivesJunk(open, whole);
}, "native");

conformanceCase("anthropic", 11, "tool calls are counted apart from blocks; interleaved, without arguments, with all at once", () => {
  const opened = (index: number, id: string, name: string) => event("content_block_start", { index, content_block: { type: "tool_use", id, name, input: {} } });
  const piece = (index: number, json: string) => event("content_block_delta", { index, delta: { type: "input_json_delta", partial_json: json } });
  const events = readEvents(open(), start + text(0, "a") + opened(1, "t1", "weather") + opened(2, "t2", "time") + piece(1, '{"a"') + piece(2, "{}") + piece(1, ":1}") + call(3, "t3", "none") + finish("tool_use"));
  assert.deepEqual(events.flatMap((one) => (one.type === "tool-call" || one.type === "tool-arguments" ? [one.index] : [])), [0, 1, 0, 1, 0, 2]);
  const atOnce = start + block(0, { type: "tool_use", id: "t", name: "time", input: { a: 1 } }) + finish("tool_use");
  assert.deepEqual(collectStream(open(), atOnce).parts, [{ type: "tool-call", id: "t", name: "time", arguments: '{"a":1}' }]);
  assert.throws(() => readEvents(open(), start + piece(4, "{}")), failsWith("PROVIDER_STREAM_FAILED"));
});

conformanceCase("anthropic", 12, "one start, first; content before it is refused", () => {
  assert.deepEqual(collectStream(open(), start + start + text(0, "a") + finish("end_turn")).id, "msg_1");
  assert.throws(() => readEvents(open(), text(0, "a")), failsWith("PROVIDER_STREAM_FAILED"));
}, "native");

conformanceCase("anthropic", 13, "thinking stays apart from text", () => {
  assert.deepEqual(collectStream(open(), whole).parts, [{ type: "thinking", text: "Hm.", signature: "c2ln" }, { type: "redacted-thinking", data: "xyz" }, { type: "text", text: "Grüß 🎈" }, { type: "tool-call", id: "toolu_1", name: "weather", arguments: '{"city":"Bonn"}' }]);
}, "native");

conformanceCase("anthropic", 14, "usage of message_delta replaces, what is absent stays", () => {
  const counted = (usage: Block) => collectStream(open(), start + text(0, "a") + finish("end_turn", usage)).usage;
  assert.equal(counted({ output_tokens: 5, server_tool_use: { web_search_requests: 2 } }).webSearches, 2);
  const search = event("content_block_start", { index: 1, content_block: { type: "server_tool_use", id: "s", name: "web_search", input: {} } });
  assert.equal(open().push(Buffer.from(start + search + search)).flatMap((each) => (each.type === "usage" ? [each.usage.webSearches] : [])).at(-1), 2);
  assert.equal(collectStream(open(), start + search + text(0, "a") + finish("end_turn", { output_tokens: 5, server_tool_use: { web_search_requests: 4 } })).usage.webSearches, 4);
  assert.equal("webSearches" in counted({ output_tokens: 5, server_tool_use: { web_search_requests: 0 } }), false);
  assert.deepEqual(counted({ output_tokens: 15 }), { inputTokens: 17, outputTokens: 15, cacheReadTokens: 4, cacheWriteTokens: 3, reasoningTokens: null });
  assert.deepEqual(counted({ input_tokens: 20, cache_read_input_tokens: null, output_tokens: 15, output_tokens_details: { thinking_tokens: 6 } }), { inputTokens: 27, outputTokens: 15, cacheReadTokens: 4, cacheWriteTokens: 3, reasoningTokens: 6 });
}, "native");

conformanceCase("anthropic", 15, "what was read from and written to the cache is added to the input", () => {
  const answer = (usage: Block) => chat?.answer(Buffer.from(JSON.stringify({ id: "m", model: "m", content: [], stop_reason: "end_turn", usage })), {}).usage;
  assert.equal(answer({ input_tokens: 1, server_tool_use: { web_search_requests: 3 } })?.webSearches, 3);
  assert.deepEqual(answer({ input_tokens: 10, cache_creation_input_tokens: 3, cache_read_input_tokens: 4, output_tokens: 2 }), { inputTokens: 17, outputTokens: 2, cacheReadTokens: 4, cacheWriteTokens: 3, reasoningTokens: null });
  const written = { cache_creation_input_tokens: 30, cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 20 } };
  const kept = { inputTokens: 40, outputTokens: 2, cacheReadTokens: null, cacheWriteTokens: 30, cacheWriteHourTokens: 20, reasoningTokens: null };
  assert.deepEqual(answer({ input_tokens: 10, output_tokens: 2, ...written }), kept);
  const opening = event("message_start", { message: { id: "m", type: "message", role: "assistant", content: [], model: "m", usage: { input_tokens: 10, output_tokens: 1, ...written } } });
  assert.deepEqual(collectStream(open(), opening + text(0, "a") + finish("end_turn", { output_tokens: 2 })).usage, kept);
  assert.deepEqual(answer({ input_tokens: 10, output_tokens: 2 }), { inputTokens: 10, outputTokens: 2, cacheReadTokens: null, cacheWriteTokens: null, reasoningTokens: null });
});

conformanceCase("anthropic", 16, "streams tell usage unasked", () => {
  const { sent } = send(chatRequest({ stream: true, extra: { stream_options: { include_usage: true } } }));
  assert.deepEqual([sent.stream, sent.stream_options], [true, undefined]);
}, "native");

conformanceCase("anthropic", 17, "an end without a reason, and an error in the middle", () => {
  const begun = start + text(0, "a");
  for (const rest of ["", event("message_stop"), event("error", { error: { type: "overloaded_error", message: "Overloaded" } }), "data: no\n\n"]) assert.throws(() => readEvents(open(), begun + rest), failsWith("PROVIDER_STREAM_FAILED"), rest);
}, "native");

conformanceCase("anthropic", 18, "start, ping and empty blocks are no content", () => {
  const reader = open();
  assert.equal(reader.push(Buffer.from(start + event("ping") + event("content_block_start", { index: 0, content_block: { type: "text", text: "" } }))).some(isContent), false);
  assert.equal(reader.push(Buffer.from(event("content_block_delta", { index: 0, delta: { type: "text_delta", text: "a" } }))).some(isContent), true);
}, "native");

conformanceCase("anthropic", 19, "reasons to stop", () => {
  for (const [word, expected] of [["end_turn", "stop"], ["stop_sequence", "stop"], ["pause_turn", "stop"], ["max_tokens", "length"], ["model_context_window_exceeded", "length"], ["refusal", "content-filter"], ["news", "stop"]] as const) {
    const answer = chat?.answer(Buffer.from(JSON.stringify({ id: "m", model: "m", content: [], stop_reason: word, stop_sequence: word === "stop_sequence" ? "x" : null })), {});
    assert.deepEqual([answer?.finish, answer?.finishWord, answer?.stopSequence], [expected, word, word === "stop_sequence" ? "x" : null]);
    assert.equal(collectStream(open(), start + finish(word)).finish, expected);
  }
  assert.equal(collectStream(open(), whole).finish, "tool-calls");
  for (const body of ["<html>", "[]", "{}", '{"content":[]}', '{"type":"error","error":{"message":"no"}}']) assert.throws(() => chat?.answer(Buffer.from(body), {}), failsWith("PROVIDER_ANSWER_INVALID"));
});

conformanceCase("anthropic", 20, "errors by status and word, and when to come back", () => {
  const failure = (status: number, type: string, message: string, headers: Record<string, string> = {}) => anthropic.failure(status, headers, Buffer.from(JSON.stringify({ type: "error", error: { type, message } })));
  for (const [status, type, message, kind] of [
    [400, "invalid_request_error", "max_tokens: Field required", "invalid"], [400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", "context-length"],
    [400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API.", "quota"], [401, "authentication_error", "invalid x-api-key", "unauthorized"], [402, "billing_error", "", "quota"], [403, "permission_error", "", "unauthorized"],
    [404, "not_found_error", "model: x", "not-found"], [413, "request_too_large", "Request exceeds the maximum size", "context-length"], [429, "rate_limit_error", "This request would exceed your organization's rate limit of 40,000 input tokens per minute", "rate-limited"],
    [500, "api_error", "Internal server error", "failed"], [504, "timeout_error", "", "failed"], [529, "overloaded_error", "Overloaded", "overloaded"],
  ] as const) assert.equal(failure(status, type, message).kind, kind, message);
  assert.equal(failure(529, "overloaded_error", "Overloaded", { "retry-after": "3" }).retryAfterMs, 3000);
  assert.equal(anthropic.failure(502, {}, Buffer.from("<html>bad gateway</html>")).message, "It answered with status 502 and no message of its own.");
}, "native");

describe("Anthropic", () => {
  it("says its version, and shows keys and tokens in their own headers", () => {
    assert.equal(send(chatRequest()).headers["anthropic-version"], "2023-06-01");
    const authorize = (secret: string | null) => anthropic.authorize({ method: "POST", url: new URL("https://api.anthropic.com"), headers: {}, body: "" }, secret, ProviderSettings.parse({ kind: "anthropic" }), 0);
    assert.deepEqual([authorize("sk-ant-api03"), authorize("sk-ant-oat01"), authorize(null)], [{ "x-api-key": "sk-ant-api03" }, { authorization: "Bearer sk-ant-oat01" }, {}]);
  });

  it("wants something said", () => {
    assert.deepEqual(refusedPaths("GATEWAY_FIELD_UNSUPPORTED", () => send(chatRequest({ messages: [user("")] }))), ["messages"]);
  });
});
