import assert from "node:assert/strict";
import fc from "../../../test/kit/fast-check.ts";
import type { ChatAnswer } from "../conversation/chat-answer.ts";
import type { ChatEvent } from "../conversation/chat-event.ts";
import { eventsOf } from "../conversation/chat-event.ts";
import type { AssistantPart, ChatRequest } from "../conversation/chat-request.ts";
import type { AnswerFrame } from "./client-protocol.ts";

export type Json = Record<string, unknown>;

export const frame: AnswerFrame = { id: "chatcmpl_01abc", model: "a-route", created: 1_700_000_000 };

export function emptyRequest(change: Partial<ChatRequest> = {}): ChatRequest {
  return {
    messages: [], tools: [], toolChoice: { type: "auto" }, parallelToolCalls: null, output: { type: "text" },
    sampling: { maxOutputTokens: null, temperature: null, topP: null, topK: null, stop: [], seed: null, frequencyPenalty: null, presencePenalty: null },
    reasoning: null, stream: true, user: null, extra: { stream_options: { include_usage: true } }, ...change,
  };
}

const plain = { noNullPrototype: true };
const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 });
const argumentText = fc.oneof(
  fc.constantFrom("", "{}", '{"cut":', "[1]", "not JSON", '{"nested":{"text":"}"}}'),
  fc.dictionary(text, fc.oneof(text, fc.integer()), { maxKeys: 3, ...plain }).map((value) => JSON.stringify(value)),
);
const thinkingPart: fc.Arbitrary<AssistantPart> = fc.oneof(
  fc.record({ type: fc.constant("thinking" as const), text, signature: fc.option(text, { nil: null }) }, plain),
  fc.record({ type: fc.constant("redacted-thinking" as const), data: text }, plain),
);
const callPart: fc.Arbitrary<AssistantPart> = fc.tuple(fc.uuid(), text, argumentText, fc.option(text, { nil: undefined }))
  .map(([id, name, words, signature]) => ({ type: "tool-call" as const, id, name, arguments: words, ...(signature !== undefined && { signature }) }));
const spokenPart: fc.Arbitrary<AssistantPart> = fc.record({ type: fc.constantFrom("text" as const, "refusal" as const), text }, plain);

const count = fc.option(fc.nat(1000), { nil: null });
/** Answers as `AnswerCollector` gives them: what follows itself is one part. Parts stand in any order, or in that of OpenAI's message. */
export function answers(order: "any" | "turn"): fc.Arbitrary<ChatAnswer> {
  const parts = order === "any"
    ? fc.array(fc.oneof(thinkingPart, spokenPart, callPart), { maxLength: 6 })
    : fc.tuple(fc.array(thinkingPart, { maxLength: 2 }), fc.option(text), fc.option(text), fc.array(callPart, { maxLength: 3 })).map(([thinking, said, refused, calls]): AssistantPart[] => [
        ...thinking, ...(said === null ? [] : [{ type: "text" as const, text: said }]), ...(refused === null ? [] : [{ type: "refusal" as const, text: refused }]), ...calls,
      ]);
  return fc.record({
    id: fc.constant("provider-1"),
    model: fc.constant("model-1"),
    parts: parts.map((list) => list.reduce<AssistantPart[]>((kept, part) => (followsItself(kept.at(-1), part) ? kept : [...kept, part]), [])),
    finish: fc.constantFrom("stop" as const, "length" as const, "tool-calls" as const, "content-filter" as const),
    finishWord: fc.constantFrom(null, "end_turn", "pause_turn"),
    stopSequence: fc.option(text, { nil: null }),
    usage: fc.record({ inputTokens: fc.option(fc.integer({ min: 2000, max: 9000 }), { nil: null }), outputTokens: count, cacheReadTokens: count, cacheWriteTokens: count, reasoningTokens: count }),
  });
}

function followsItself(before: AssistantPart | undefined, part: AssistantPart): boolean {
  if (before === undefined || part.type === "tool-call" || part.type === "redacted-thinking") return false;
  return before.type === part.type && !(before.type === "thinking" && before.signature !== null);
}

/** The answer's events in pieces, cut by `cuts`; the arguments of calls that stand side by side alternate where `alternate` says so, and usage comes before or behind the finish. */
export function piecesOf(answer: ChatAnswer, cuts: readonly number[], alternate: boolean): ChatEvent[] {
  let cut = 0;
  const pieces = (value: string): string[] => {
    const at = cuts.length === 0 ? 0 : cuts[cut++ % cuts.length]! % (value.length + 1);
    return at === 0 || at === value.length ? [value] : [value.slice(0, at), value.slice(at)];
  };
  const events: ChatEvent[] = [];
  let waiting: ChatEvent[] = [];
  for (const event of eventsOf(answer)) {
    if (event.type !== "tool-arguments" && event.type !== "tool-call") events.push(...waiting.splice(0));
    if (event.type === "text" || event.type === "thinking" || event.type === "refusal") events.push(...pieces(event.text).map((piece) => ({ ...event, text: piece })));
    else if (event.type === "tool-arguments") {
      const [first, ...rest] = pieces(event.text);
      events.push({ ...event, text: first! });
      const later = rest.map((piece) => ({ ...event, text: piece }));
      if (alternate) waiting = [...later, ...waiting];
      else events.push(...later);
    } else events.push(event);
  }
  const last = events.splice(-2);
  return [...events, ...waiting, ...(cuts.length % 2 === 0 ? last : last.reverse())];
}

function eventsOfText(stream: string): { name: string; data: Json }[] {
  assert.ok(stream.endsWith("\n\n"));
  return stream.slice(0, -2).split("\n\n").map((event) => {
    const lines = event.split("\n");
    const name = lines.length > 1 ? lines.shift()!.replace(/^event: /, "") : "";
    assert.ok(lines.length === 1 && lines[0]!.startsWith("data: "), event);
    return { name, data: JSON.parse(lines[0]!.slice(6)) as Json };
  });
}

interface Chunk {
  id: string;
  choices: { index: number; delta: Json; finish_reason: string | null }[];
  usage?: unknown;
}

/** Reads chunks as a client does, and holds them to what is promised: one id, the role once and first, one finish, one usage at the end, `[DONE]`. */
export function readChatStream(stream: string): { message: Json; finish: string | null; usage: unknown } {
  const done = "data: [DONE]\n\n";
  assert.ok(stream.endsWith(done));
  const chunks = eventsOfText(stream.slice(0, -done.length)).map(({ data }) => data as unknown as Chunk);
  const last = chunks.pop()!;
  assert.deepEqual(last.choices, []);
  let [content, refusal, reasoning, finish] = ["", "", "", null as string | null];
  const thinking: Json[] = [];
  const calls: { id: string; type: string; function: { name: string; arguments: string }; extra_content?: unknown }[] = [];
  chunks.forEach(({ id, choices, usage }, index) => {
    assert.equal(id, frame.id);
    assert.equal(usage, null);
    const [{ delta, finish_reason: reason }] = choices as [Chunk["choices"][0]];
    assert.equal("role" in delta, index === 0);
    assert.equal(finish, null, "nothing comes behind the finish");
    finish = reason;
    content += (delta.content as string | undefined) ?? "";
    refusal += (delta.refusal as string | undefined) ?? "";
    reasoning += (delta.reasoning_content as string | undefined) ?? "";
    thinking.push(...((delta.thinking_blocks as Json[] | undefined) ?? []));
    for (const { index: place, ...call } of (delta.tool_calls as ({ index: number } & (typeof calls)[0])[] | undefined) ?? []) {
      if (place === calls.length) calls.push(call);
      else calls[place]!.function.arguments += call.function.arguments;
    }
  });
  return { message: { content, refusal, reasoning_content: reasoning, thinking_blocks: thinking, tool_calls: calls }, finish, usage: last.usage };
}

/** Reads Anthropic's events as a client does that knows one open block: `message_start` once and first, blocks numbered and one behind the other. */
export function readMessageStream(stream: string): Json {
  const events = eventsOfText(stream);
  for (const { name, data } of events) assert.equal(data.type, name);
  assert.deepEqual(events.map(({ name }) => name === "message_start"), events.map((_, index) => index === 0));
  assert.equal(events.at(-1)!.name, "message_stop");
  const message = events[0]!.data.message as Json & { content: Json[]; usage: Json };
  assert.deepEqual([message.type, message.content, message.stop_reason, message.stop_sequence], ["message", [], null, null]);
  let open: Json | null = null;
  let input = "";
  for (const { name, data } of events.slice(1)) {
    if (name === "content_block_start") {
      assert.equal(open, null);
      assert.equal(data.index, message.content.length);
      message.content.push((open = data.content_block as Json));
      if (open.type === "tool_use") assert.deepEqual(open.input, {});
      input = "";
    } else if (name === "content_block_delta") {
      assert.equal(data.index, message.content.length - 1);
      const delta = data.delta as Record<string, string>;
      if (delta.type === "text_delta") open!.text += delta.text!;
      else if (delta.type === "thinking_delta") open!.thinking += delta.thinking!;
      else if (delta.type === "signature_delta") open!.signature = delta.signature;
      else input += delta.partial_json;
    } else if (name === "content_block_stop") {
      assert.equal(data.index, message.content.length - 1);
      if (open!.type === "tool_use") open!.input = input;
      open = null;
    } else if (name === "message_delta") {
      assert.equal(open, null);
      Object.assign(message, data.delta);
      Object.assign(message.usage, data.usage);
    } else assert.ok(name === "ping" || name === "message_stop", name);
  }
  return message;
}

/** What has to be said to be done before an item is. */
function partsDone({ type, content = [], summary = [] }: Json & { content?: Json[]; summary?: Json[] }): string[] {
  if (type === "function_call") return ["response.function_call_arguments.done"];
  if (type === "reasoning") return summary.flatMap(() => ["response.reasoning_summary_text.done", "response.reasoning_summary_part.done"]);
  return content.flatMap((part) => [part.type === "refusal" ? "response.refusal.done" : "response.output_text.done", "response.content_part.done"]);
}

/** Reads a response by its deltas alone, and compares what it has put together with each item that is said to be done. */
export function readResponseStream(stream: string): Json {
  const events = eventsOfText(stream);
  const items: (Json & { content?: Json[]; summary?: Json[] })[] = [];
  events.forEach(({ name, data }, index) => {
    assert.equal(data.type, name);
    assert.equal(data.sequence_number, index);
    const item = items[data.output_index as number]!;
    if ("output_index" in data && !name.startsWith("response.output_item.")) assert.equal(data.item_id, item.id, name);
    switch (name) {
      case "response.output_item.added":
        assert.equal(data.output_index, items.length);
        items.push(data.item as Json);
        return;
      case "response.content_part.added":
        assert.equal(data.content_index, item.content!.length);
        item.content!.push(data.part as Json);
        return;
      case "response.output_text.delta":
        item.content![data.content_index as number]!.text += data.delta as string;
        return;
      case "response.refusal.delta":
        item.content![data.content_index as number]!.refusal += data.delta as string;
        return;
      case "response.reasoning_summary_part.added":
        assert.equal(data.summary_index, item.summary!.length);
        item.summary!.push(data.part as Json);
        return;
      case "response.reasoning_summary_text.delta":
        item.summary![data.summary_index as number]!.text += data.delta as string;
        return;
      case "response.output_text.done":
      case "response.refusal.done":
        assert.deepEqual([data.text ?? data.refusal], [item.content![data.content_index as number]!.text ?? item.content![data.content_index as number]!.refusal]);
        return;
      case "response.content_part.done":
        assert.deepEqual(data.part, item.content![data.content_index as number]);
        return;
      case "response.reasoning_summary_text.done":
        assert.equal(data.text, item.summary![data.summary_index as number]!.text);
        return;
      case "response.reasoning_summary_part.done":
        assert.deepEqual(data.part, item.summary![data.summary_index as number]);
        return;
      case "response.function_call_arguments.delta":
        item.arguments += data.delta as string;
        return;
      case "response.function_call_arguments.done":
        assert.deepEqual([data.item_id, data.name, data.arguments], [item.id, item.name, item.arguments]);
        return;
      case "response.output_item.done": {
        const { encrypted_content: encrypted, ...rest } = data.item as Json;
        assert.deepEqual({ ...item, ...("status" in item && { status: "completed" }) }, rest);
        assert.deepEqual(events.slice(0, index).flatMap((before) => (before.name.endsWith(".done") && before.data.output_index === data.output_index ? [before.name] : [])), partsDone(item));
        items[data.output_index as number] = encrypted === undefined ? rest : { ...rest, encrypted_content: encrypted };
      }
    }
  });
  assert.deepEqual(events.slice(0, 2).map(({ name }) => name), ["response.created", "response.in_progress"]);
  for (const { data } of events.slice(0, 2)) assert.deepEqual([(data.response as Json).status, (data.response as Json).output], ["in_progress", []]);
  const response = events.at(-1)!.data.response as Json;
  assert.equal(events.at(-1)!.name, `response.${String(response.status)}`);
  assert.deepEqual(response.output, items);
  return response;
}
