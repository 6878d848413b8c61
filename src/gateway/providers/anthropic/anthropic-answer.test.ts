import assert from "node:assert/strict";
import { it } from "node:test";
import type { ChatAnswer } from "../../conversation/chat-answer.ts";
import { conformanceCase } from "../conformance.fixture.ts";
import { mappingCases } from "../mapping-cases.fixture.ts";
import { collectStream, readEvents } from "../stream-cuts.fixture.ts";

type Block = Record<string, unknown>;

const { chat, answer } = mappingCases("anthropic");
const event = (type: string, more: Block = {}) => `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;
const start = (usage: unknown = null) => event("message_start", { message: { id: "msg_1", model: "claude-x", content: [], usage } });
const block = (index: number | null, content: Block, ...deltas: Block[]) => event("content_block_start", { index, content_block: content }) + deltas.map((delta) => event("content_block_delta", { index, delta })).join("") + event("content_block_stop", { index });
const finish = (word: string, usage: unknown = null, sequence: string | null = null) => event("message_delta", { delta: { stop_reason: word, stop_sequence: sequence }, usage }) + event("message_stop");
const streamed = (...events: string[]) => collectStream(chat.stream(), start() + events.join(""));
const unknown = { inputTokens: null, outputTokens: null, cacheReadTokens: null, cacheWriteTokens: null, reasoningTokens: null };
const broken = { code: "PROVIDER_STREAM_FAILED" };
const invalid = { code: "PROVIDER_ANSWER_INVALID" };

/** The same content told at once and in pieces. */
const blocks: Block[] = [
  { type: "thinking", thinking: "Hm", signature: "c2ln" }, { type: "redacted_thinking", data: "xyz" }, { type: "text", text: "" }, { type: "server_tool_use", id: "s", name: "web_search", input: { query: "x" } }, { type: "web_search_tool_result", content: [] }, { type: "text", text: "Sun" },
  { type: "tool_use", id: "t1", name: "weather", input: { city: "Bonn" } }, { type: "tool_use", id: "t2", name: "time", input: {} },
];
const expected: Omit<ChatAnswer, "usage"> = {
  id: "msg_1", model: "claude-x", finish: "tool-calls", finishWord: "tool_use", stopSequence: null,
  parts: [{ type: "thinking", text: "Hm", signature: "c2ln" }, { type: "redacted-thinking", data: "xyz" }, { type: "text", text: "Sun" }, { type: "tool-call", id: "t1", name: "weather", arguments: '{"city":"Bonn"}' }, { type: "tool-call", id: "t2", name: "time", arguments: "{}" }],
};

conformanceCase("anthropic", 9, "every block of an answer: whole, with its content where it begins, and in pieces", () => {
  assert.deepEqual(answer({ id: "msg_1", type: "message", model: "claude-x", content: blocks, stop_reason: "tool_use" }), { ...expected, usage: unknown });
  const noArguments = expected.parts.map((part) => (part.type === "tool-call" && part.id === "t2" ? { ...part, arguments: "" } : part));
  const { usage: _, ...atOnce } = streamed(...blocks.map((content, index) => block(index, content)), finish("tool_use"));
  assert.deepEqual(atOnce, { ...expected, parts: noArguments });
  const { usage: _usage, ...inPieces } = streamed(
    block(0, { type: "thinking", thinking: "", signature: "" }, { type: "thinking_delta", thinking: "H" }, { type: "thinking_delta", thinking: "m" }, { type: "signature_delta", signature: "c2ln" }), block(1, { type: "redacted_thinking", data: "xyz" }),
    // What belongs to blocks that are passed over is passed over too.
    block(2, { type: "server_tool_use", id: "s", name: "web_search", input: {} }, { type: "input_json_delta", partial_json: '{"query":"x"}' }, { type: "text_delta", text: "no" }),
    block(3, { type: "text", text: "" }, { type: "text_delta", text: "Sun" }, { type: "citations_delta", text: "no", thinking: "no", signature: "no", partial_json: "no" }),
    block(4, { type: "tool_use", id: "t1", name: "weather", input: { city: "Berlin" } }, { type: "input_json_delta", partial_json: '{"city":"Bonn"}' }), block(5, { type: "tool_use", id: "t2", name: "time", input: {} }, { type: "input_json_delta", partial_json: "" }), finish("tool_use"),
  );
  assert.deepEqual(inPieces, { ...expected, parts: noArguments });
  assert.deepEqual(answer({ content: [{ type: "thinking", thinking: "Hm" }], stop_reason: "end_turn" }).parts, [{ type: "thinking", text: "Hm", signature: null }]);
}, "native");

conformanceCase("anthropic", 11, "calls without a name, an index or an input; the answering tool told at once", () => {
  assert.throws(() => answer({ content: [{ type: "tool_use", id: "t", input: {} }], stop_reason: "tool_use" }), invalid);
  assert.throws(() => streamed(block(0, { type: "tool_use", id: "t", input: {} }), finish("tool_use")), broken);
  assert.deepEqual(answer({ content: [{ type: "tool_use", id: "t", name: "time" }], stop_reason: "tool_use" }).parts, [{ type: "tool-call", id: "t", name: "time", arguments: "{}" }]);
  assert.deepEqual(streamed(block(null, { type: "tool_use", id: "t", name: "time" }, { type: "input_json_delta", partial_json: "{}" }), finish("tool_use")).parts, [{ type: "tool-call", id: "t", name: "time", arguments: "{}" }]);
  assert.deepEqual(streamed(block(0, { type: "tool_use", id: "t", name: "slipway_json_output", input: { a: 1 } }), finish("tool_use")).parts, [{ type: "text", text: '{"a":1}' }]);
  assert.throws(() => streamed(block(0, { type: "text", text: "a" }, { type: "input_json_delta", partial_json: "{}" }), finish("end_turn")), broken);
});

conformanceCase("anthropic", 14, "usage that is told in several places, or as nothing", () => {
  const told = { input_tokens: 10, output_tokens: 1, cache_creation: { ephemeral_1h_input_tokens: 2 }, cache_creation_input_tokens: 3, output_tokens_details: { thinking_tokens: 4 }, server_tool_use: { web_search_requests: 2 }, speed: "fast" };
  const usage = (first: unknown, last: unknown) => collectStream(chat.stream(), start(first) + block(0, { type: "text", text: "a" }) + finish("end_turn", last)).usage;
  const whole = answer({ content: [], stop_reason: "end_turn", usage: told }).usage;
  assert.deepEqual(whole, { ...unknown, inputTokens: 13, outputTokens: 1, cacheWriteTokens: 3, cacheWriteHourTokens: 2, reasoningTokens: 4, webSearches: 2, tier: "fast" });
  // What was read from a cache is part of the input, whichever is told first.
  assert.deepEqual(usage({ input_tokens: 10 }, { cache_read_input_tokens: 5 }), { ...unknown, inputTokens: 15, cacheReadTokens: 5 });
  for (const nothing of [null, undefined, "none", {}, { input_tokens: told.input_tokens }]) assert.deepEqual(usage(told, nothing), { ...whole, outputTokens: null }, "a first figure of the output is none for the whole of it");
  assert.deepEqual(usage(null, told), whole);
  assert.deepEqual(usage(told, { output_tokens: 7, speed: "standard" }), { ...whole, outputTokens: 7, tier: null });
  // Where it ran, which a workspace may have chosen: of the request nothing is known here.
  const { speed: _, ...slow } = told;
  for (const [geo, tier] of [["us", "us"], ["global", undefined], ["not_available", undefined]] as const) {
    assert.equal(answer({ content: [], stop_reason: "end_turn", usage: { ...slow, inference_geo: geo } }).usage.tier, tier);
    assert.equal(usage({ ...slow, inference_geo: geo }, { output_tokens: 7 }).tier, tier);
  }
  assert.deepEqual([usage({ ...told, inference_geo: "us" }, { output_tokens: 7 }).tier, usage(told, { inference_geo: "us" }).tier, usage({ ...slow, inference_geo: "us" }, { speed: "standard" }).tier], ["fast+us", "fast+us", "us"]);
  assert.equal("cacheWriteHourTokens" in usage({ cache_creation: { ephemeral_1h_input_tokens: 0 } }, null), false);
  const searching = collectStream(chat.stream(), start({ input_tokens: 10 }) + block(0, { type: "server_tool_use", name: "web_search" }) + block(1, { type: "server_tool_use", name: "code_execution" }) + finish("end_turn")).usage;
  assert.deepEqual([searching.inputTokens, searching.webSearches], [10, 1]);
  // A stream that is cut before its end: each search counts, also behind a word of usage that tells of none.
  const search = (index: number) => block(index, { type: "server_tool_use", name: "web_search" });
  const cut = chat.stream().push(Buffer.from(start({ input_tokens: 10 }) + search(0) + event("message_delta", { delta: {}, usage: { output_tokens: 1 } }) + search(1)));
  assert.deepEqual(cut.flatMap((one) => (one.type === "usage" ? [one.usage.webSearches] : [])), [undefined, 1, 1, 2]);
}, "native");

conformanceCase("anthropic", 17, "what is no stream of messages, and words for an error in one", () => {
  for (const [events, words] of [
    [event("error", { error: { message: "Overloaded" } }), "The provider broke its answer off: Overloaded"], [event("error"), "The provider broke its answer off: without a message"],
    [event("message_stop"), "The provider's stream ended before the model had finished."], [event("message_delta", { delta: {} }), "The provider's stream ended before the model had finished."],
  ] as const) assert.throws(() => streamed(block(0, { type: "text", text: "a" }), events), { ...broken, message: words });
  assert.throws(() => readEvents(chat.stream(), finish("end_turn")), { ...broken, message: "The provider's stream has no beginning." });
  assert.deepEqual(readEvents(chat.stream(), event("ping") + event("news", { index: 1 }) + start() + finish("end_turn")).map(({ type }) => type), ["start", "finish"]);
  assert.deepEqual(streamed(block(0, { type: "text", text: "a" }), finish("end_turn"), block(1, { type: "text", text: "late" })).parts, [{ type: "text", text: "a" }]);
  for (const body of ["null", "1", "[]", '"a"', '{"type":"error","content":[],"stop_reason":"end_turn","error":{"message":"no"}}', '{"stop_reason":"end_turn"}', '{"content":[]}']) assert.throws(() => chat.answer(Buffer.from(body), {}), invalid, body);
});

conformanceCase("anthropic", 19, "the sequence that was met is told in streams too; a word that no table has is a plain stop", () => {
  assert.equal(streamed(finish("stop_sequence", null, "END")).stopSequence, "END");
  assert.equal(streamed(finish("end_turn", null, "")).stopSequence, null);
  assert.deepEqual([streamed(finish("constructor")).finish, answer({ content: [], stop_reason: "toString" }).finish], ["stop", "stop"]);
});

it("refuses arguments that nobody could write, they are nested so deeply", () => {
  const input = `{"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}`;
  for (const name of ["weather", "slipway_json_output"]) {
    const call = `{"type":"tool_use","id":"t","name":"${name}","input":${input}}`;
    assert.throws(() => chat.answer(Buffer.from(`{"content":[${call}],"stop_reason":"tool_use"}`), {}), invalid);
    const opened = `event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":${call}}\n\n`;
    assert.throws(() => chat.stream().push(Buffer.from(start() + opened + event("content_block_stop", { index: 0 }))), broken);
  }
});

it("reads an answer's long numbers within its bounds of depth", () => {
  assert.throws(() => chat.answer(Buffer.from(`{"content":[${"[".repeat(1_100_000)}`), {}), invalid);
});
