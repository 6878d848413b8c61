import assert from "node:assert/strict";
import { it } from "node:test";
import type { ChatAnswer } from "../../conversation/chat-answer.ts";
import { unknownUsage } from "../../conversation/chat-answer.ts";
import type { ChatRequest } from "../../conversation/chat-request.ts";
import { emptyRequest, frame } from "../answer-streams.fixture.ts";
import { chatProtocols } from "../index.ts";

type Json = Record<string, unknown>;

function written(answer: Partial<ChatAnswer> = {}, request: Partial<ChatRequest> = {}): Json {
  const whole: ChatAnswer = { id: "p", model: "m", parts: [], finish: "stop", finishWord: null, stopSequence: null, usage: unknownUsage, ...answer };
  return JSON.parse(JSON.stringify(chatProtocols["openai-responses"].answer(whole, frame, emptyRequest({ extra: {}, ...request })))) as Json;
}

const bare = {
  id: frame.id, object: "response", created_at: frame.created, status: "completed", background: false, error: null, incomplete_details: null, instructions: null, max_output_tokens: null, metadata: {}, model: "a-route", output: [], parallel_tool_calls: true,
  previous_response_id: null, reasoning: { effort: null, summary: null }, store: false, temperature: null, text: { format: { type: "text" } }, tool_choice: "auto", tools: [], top_p: null, truncation: "disabled", usage: null, user: null,
};

it("tells back what was asked for, and nothing that was not", () => {
  assert.deepEqual(written(), bare);
  const { sampling } = emptyRequest();
  assert.deepEqual(written({}, {
    sampling: { ...sampling, maxOutputTokens: 5, temperature: 0.5, topP: 0.9 }, parallelToolCalls: false, reasoning: { effort: "low" }, user: "u", extra: { metadata: { a: "b" }, verbosity: "low" }, toolChoice: { type: "tool", name: "f" },
    tools: [{ name: "f", description: "d", parameters: { type: "object" }, strict: true }, { name: "g", parameters: {} }], output: { type: "schema", name: "n", description: "d", schema: { type: "object" }, strict: true },
  }), {
    ...bare, max_output_tokens: 5, temperature: 0.5, top_p: 0.9, parallel_tool_calls: false, reasoning: { effort: "low", summary: null }, user: "u", metadata: { a: "b" }, tool_choice: { type: "function", name: "f" },
    tools: [{ type: "function", name: "f", description: "d", parameters: { type: "object" }, strict: true }, { type: "function", name: "g", description: null, parameters: {}, strict: null }],
    text: { format: { type: "json_schema", name: "n", description: "d", schema: { type: "object" }, strict: true }, verbosity: "low" },
  });
  for (const [toolChoice, word] of [[{ type: "none" }, "none"], [{ type: "required" }, "required"]] as const) assert.equal(written({}, { toolChoice }).tool_choice, word);
  assert.deepEqual([(written({}, { output: { type: "json" } }).text as Json).format, (written({}, { output: { type: "schema", name: "n", schema: {}, strict: false } }).text as Json).format], [{ type: "json_object" }, { type: "json_schema", name: "n", schema: {}, strict: false }]);
});

it("writes each part of an answer as an item or a part of one, with its place in its id", () => {
  const { output } = written({ finish: "tool-calls", parts: [
    { type: "thinking", text: "Hm", signature: "s" }, { type: "thinking", text: "So", signature: null }, { type: "redacted-thinking", data: "r" }, { type: "text", text: "a" }, { type: "refusal", text: "No." }, { type: "tool-call", id: "c", name: "f", arguments: "{}", signature: "g" }, { type: "text", text: "b" },
  ] });
  const text = (words: string) => ({ type: "output_text", text: words, annotations: [], logprobs: [] });
  assert.deepEqual(output, [
    { id: "rs_01abc_0", type: "reasoning", summary: [{ type: "summary_text", text: "Hm" }], encrypted_content: "slipway.signature.s" }, { id: "rs_01abc_1", type: "reasoning", summary: [{ type: "summary_text", text: "So" }] }, { id: "rs_01abc_2", type: "reasoning", summary: [], encrypted_content: "slipway.redacted.r" },
    { id: "msg_01abc_3", type: "message", status: "completed", role: "assistant", content: [text("a"), { type: "refusal", refusal: "No." }] },
    { id: "fc_01abc_4", type: "function_call", status: "completed", call_id: "c", name: "f", arguments: "{}", extra_content: { google: { thought_signature: "g" } } }, { id: "msg_01abc_5", type: "message", status: "completed", role: "assistant", content: [text("b")] },
  ]);
});

it("says why an answer is not whole, and as much of its usage as was told", () => {
  const end = (answer: Partial<ChatAnswer>) => {
    const { status, incomplete_details: details } = written(answer);
    return [status, details];
  };
  assert.deepEqual([end({ finish: "length" }), end({ finish: "content-filter" }), end({ finish: "content-filter", parts: [{ type: "refusal", text: "No." }] }), end({ finish: "tool-calls" })], [
    ["incomplete", { reason: "max_output_tokens" }], ["incomplete", { reason: "content_filter" }], ["completed", null], ["completed", null],
  ]);
  const usage = (told: Partial<ChatAnswer["usage"]>) => written({ usage: { ...unknownUsage, ...told } }).usage;
  assert.deepEqual(usage({ inputTokens: 10, outputTokens: 5, cacheReadTokens: 3, cacheWriteTokens: 2, reasoningTokens: 1 }), { input_tokens: 10, input_tokens_details: { cached_tokens: 3, cache_write_tokens: 2 }, output_tokens: 5, output_tokens_details: { reasoning_tokens: 1 }, total_tokens: 15 });
  // The other is an estimate: of a request without messages its frame alone.
  for (const [told, input, output] of [[{ inputTokens: 10 }, 10, 0], [{ outputTokens: 10 }, 3, 10]] as const) {
    assert.deepEqual(usage(told), { input_tokens: input, input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 }, output_tokens: output, output_tokens_details: { reasoning_tokens: 0 }, total_tokens: input + output, estimated: true });
  }
});
