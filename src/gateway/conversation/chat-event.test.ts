import assert from "node:assert/strict";
import { it } from "node:test";
import { unknownUsage, type ChatAnswer } from "./chat-answer.ts";
import { AnswerCollector, eventsOf, isContent, mergeUsage, type ChatEvent } from "./chat-event.ts";

function collected(events: readonly ChatEvent[]): AnswerCollector {
  const collector = new AnswerCollector();
  for (const event of events) collector.add(event);
  return collector;
}

const answer: ChatAnswer = {
  id: "p", model: "m", finish: "tool-calls", finishWord: "tool_use", stopSequence: "END", usage: { ...unknownUsage, inputTokens: 3, webSearches: 2 },
  parts: [
    { type: "thinking", text: "Hm", signature: "s" }, { type: "thinking", text: "So", signature: null }, { type: "redacted-thinking", data: "r" }, { type: "thinking", text: "", signature: "t" }, { type: "text", text: "a" }, { type: "refusal", text: "No." },
    { type: "tool-call", id: "c", name: "f", arguments: "{}", signature: "g" }, { type: "tool-call", id: "d", name: "g", arguments: "" }, { type: "text", text: "b" },
  ],
};

it("an answer as a stream has a piece for each thing that it says, and none for what it does not", () => {
  const events = eventsOf(answer);
  assert.deepEqual(events, [
    { type: "start", id: "p", model: "m" }, { type: "thinking", text: "Hm" }, { type: "thinking-signature", signature: "s" }, { type: "thinking", text: "So" }, { type: "redacted-thinking", data: "r" }, { type: "thinking-signature", signature: "t" }, { type: "text", text: "a" }, { type: "refusal", text: "No." },
    { type: "tool-call", index: 0, id: "c", name: "f", signature: "g" }, { type: "tool-arguments", index: 0, text: "{}" }, { type: "tool-call", index: 1, id: "d", name: "g" }, { type: "text", text: "b" },
    { type: "usage", usage: answer.usage }, { type: "finish", finish: "tool-calls", finishWord: "tool_use", stopSequence: "END" },
  ]);
  assert.deepEqual(collected(events).answer(), answer);
  // What a caller may have got already, so that no other provider can answer.
  assert.deepEqual(events.filter((event) => !isContent(event)).map(({ type }) => type), ["start", "usage"]);
});

it("what has come of a stream that was cut is an answer too, and says that it is not whole", () => {
  const nothing = collected([]);
  assert.deepEqual([nothing.isFinished, nothing.hasContent, nothing.answer()], [false, false, { id: "", model: "", parts: [], finish: "stop", finishWord: null, stopSequence: null, usage: unknownUsage }]);
  const cut = collected([{ type: "start", id: "p", model: "m" }, { type: "usage", usage: { ...unknownUsage, inputTokens: 3 } }]);
  assert.deepEqual([cut.isFinished, cut.hasContent, cut.usage], [false, false, { ...unknownUsage, inputTokens: 3 }]);
  cut.add({ type: "tool-call", index: 4, id: "c", name: "f" });
  for (const [index, text] of [[4, "{"], [5, "no"], [4, "}"]] as const) cut.add({ type: "tool-arguments", index, text });
  assert.deepEqual([cut.hasContent, cut.answer().parts], [true, [{ type: "tool-call", id: "c", name: "f", arguments: "{}" }]]);
  cut.add({ type: "finish", finish: "length", finishWord: null, stopSequence: null });
  assert.deepEqual([cut.isFinished, cut.answer().finish], [true, "length"]);
});

it("a newer figure goes over an older one, 0 too, and one that is not told again stays", () => {
  const told = { inputTokens: 9, outputTokens: 8, cacheReadTokens: 7, cacheWriteTokens: 6, reasoningTokens: 5, cacheWriteHourTokens: 4, webSearches: 3, searchUnits: 2, tier: "priority" };
  assert.deepEqual(mergeUsage(told, unknownUsage), told);
  assert.deepEqual(mergeUsage(unknownUsage, told), told);
  const zero = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0 };
  assert.deepEqual(mergeUsage(told, { ...zero, webSearches: 4, tier: null }), { ...told, ...zero, webSearches: 4, tier: null });
  // A guess holds until somebody counted.
  const guessed = { ...unknownUsage, webSearches: 1, searchesEstimated: true as const };
  assert.deepEqual([mergeUsage(guessed, unknownUsage), mergeUsage(guessed, { ...unknownUsage, webSearches: 5 }), mergeUsage({ ...unknownUsage, webSearches: 5 }, guessed)], [guessed, { ...unknownUsage, webSearches: 5 }, guessed]);
});
