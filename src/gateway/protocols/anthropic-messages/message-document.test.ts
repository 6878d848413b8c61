import assert from "node:assert/strict";
import { it } from "node:test";
import type { ChatAnswer } from "../../conversation/chat-answer.ts";
import { unknownUsage } from "../../conversation/chat-answer.ts";
import { emptyRequest } from "../answer-streams.fixture.ts";
import { messageDocument } from "./message-document.ts";

const frame = { id: "msg_1", model: "a-route", created: 0 };

function written(change: Partial<ChatAnswer>): string {
  return JSON.stringify(messageDocument({ id: "1", model: "m", parts: [], finish: "stop", finishWord: null, stopSequence: null, usage: unknownUsage, ...change }, frame, emptyRequest()));
}

it("numbers of a call's input are those of its text, also where JavaScript has no such number", () => {
  const call = (text: string) => /"input":(\{.*\})\}\]/.exec(written({ parts: [{ type: "tool-call", id: "a", name: "find", arguments: text }] }))?.[1];
  assert.equal(call('{"id": 12345678901234567890, "share": 1.0, "of": [-0, 1e400]}'), '{"id":12345678901234567890,"share":1.0,"of":[-0,1e400]}');
  assert.deepEqual([call(""), call("[1.0]"), call('{"cut":')], ["{}", '{"INVALID_JSON":"[1.0]"}', '{"INVALID_JSON":"{\\"cut\\":"}']);
});

it("reasons to stop and usage, as far as they were told", () => {
  for (const [change, expected] of [
    [{}, { stop_reason: "end_turn", stop_sequence: null }], [{ stopSequence: "END" }, { stop_reason: "stop_sequence", stop_sequence: "END" }], [{ finishWord: "pause_turn" }, { stop_reason: "pause_turn", stop_sequence: null }],
    [{ finish: "length", stopSequence: "END" }, { stop_reason: "max_tokens", stop_sequence: null }], [{ finish: "tool-calls", finishWord: "pause_turn" }, { stop_reason: "tool_use", stop_sequence: null }], [{ finish: "content-filter" }, { stop_reason: "refusal", stop_sequence: null }],
  ] as const) {
    const { stop_reason: reason, stop_sequence: sequence } = JSON.parse(written(change)) as Record<string, unknown>;
    assert.deepEqual({ stop_reason: reason, stop_sequence: sequence }, expected);
  }
  const usage = (told: Partial<ChatAnswer["usage"]>) => (JSON.parse(written({ usage: { ...unknownUsage, ...told } })) as { usage: unknown }).usage;
  // What nobody told is an estimate: of a request without messages its frame alone.
  assert.deepEqual(usage({}), { input_tokens: 3, output_tokens: 0, estimated: true });
  assert.deepEqual(usage({ inputTokens: 10, outputTokens: 5, cacheReadTokens: 3, cacheWriteTokens: 2, reasoningTokens: 1 }), { input_tokens: 5, output_tokens: 5, cache_read_input_tokens: 3, cache_creation_input_tokens: 2, output_tokens_details: { thinking_tokens: 1 } });
  assert.deepEqual(usage({ inputTokens: 10 }), { input_tokens: 10, output_tokens: 0, estimated: true });
  assert.deepEqual(usage({ inputTokens: 1, outputTokens: 0, cacheReadTokens: 3, cacheWriteTokens: 0 }), { input_tokens: 0, output_tokens: 0, cache_read_input_tokens: 3, cache_creation_input_tokens: 0 });
});
