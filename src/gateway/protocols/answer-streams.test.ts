import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { AppError } from "../../core/errors.ts";
import { unknownUsage, type ChatAnswer } from "../conversation/chat-answer.ts";
import { AnswerCollector, type ChatEvent } from "../conversation/chat-event.ts";
import type { AssistantPart, ChatRequest } from "../conversation/chat-request.ts";
import { estimateChat, estimateTokens } from "../tokens/index.ts";
import type { Json } from "./answer-streams.fixture.ts";
import { answers, emptyRequest, frame, piecesOf, readChatStream, readMessageStream, readResponseStream } from "./answer-streams.fixture.ts";
import { inputOf } from "./anthropic-messages/read-blocks.ts";
import { chatProtocols } from "./index.ts";

const runs = { numRuns: 150 };
const cuts = fc.array(fc.nat(50), { maxLength: 6 });

function written(protocol: keyof typeof chatProtocols, events: readonly ChatEvent[], request = emptyRequest()): string {
  const writer = chatProtocols[protocol].stream(frame, request);
  const collector = new AnswerCollector();
  for (const event of events) collector.add(event);
  return events.map((event) => writer.write(event)).join("") + writer.end(() => collector.answer().parts);
}

function whole(protocol: keyof typeof chatProtocols, answer: ChatAnswer, request: Partial<ChatRequest> = {}): Json {
  return JSON.parse(JSON.stringify(chatProtocols[protocol].answer(answer, frame, emptyRequest(request)))) as Json;
}

/** The usage of a message's first and last event. */
function usagesOf(stream: string): Json[] {
  const events = stream.split("\n").filter((line) => line.startsWith("data: {")).map((line) => JSON.parse(line.slice(6)) as { usage?: Json; message?: { usage: Json } });
  return events.map(({ usage, message }) => usage ?? message?.usage).filter((usage) => usage !== undefined);
}

function endOfMessages(answer: ChatAnswer, request: Partial<ChatRequest>): Json {
  return usagesOf(written("anthropic-messages", piecesOf(answer, [], false), emptyRequest(request))).at(-1)!;
}

describe("answers in the protocols of callers", () => {
  it("gives a chat the same answer as a stream and whole", () => {
    fc.assert(fc.property(answers("any"), cuts, fc.boolean(), (answer, places, alternate) => {
      const document = whole("openai-chat", answer) as { choices: [{ message: Json; finish_reason: string }]; usage?: Json };
      const { message, finish, usage } = readChatStream(written("openai-chat", piecesOf(answer, places, alternate)));
      const { content, refusal, reasoning_content: reasoning = "", tool_calls: calls = [] } = document.choices[0].message;
      const { thinking_blocks: blocks, ...rest } = message;
      assert.deepEqual(rest, { content: content ?? "", refusal: refusal ?? "", reasoning_content: reasoning, tool_calls: calls });
      assert.deepEqual(blocks, ((document.choices[0].message.thinking_blocks ?? []) as Json[]).filter((block) => "signature" in block || "data" in block));
      assert.equal(finish, document.choices[0].finish_reason);
      assert.deepEqual(usage, document.usage ?? null);
    }), runs);
  });

  it("gives a message the same answer as a stream and whole, also when the arguments of calls alternate", () => {
    fc.assert(fc.property(answers("any"), cuts, fc.boolean(), (answer, places, alternate) => {
      const document = whole("anthropic-messages", answer);
      const read = readMessageStream(written("anthropic-messages", piecesOf(answer, places, alternate)));
      for (const block of read.content as Json[]) if (block.type === "tool_use") block.input = inputOf(block.input as string);
      assert.deepEqual(read, document);
    }), runs);
  });

  it("gives a response the same answer as a stream and whole", () => {
    fc.assert(fc.property(answers("any"), cuts, fc.boolean(), (answer, places, alternate) => {
      assert.deepEqual(readResponseStream(written("openai-responses", piecesOf(answer, places, alternate))), whole("openai-responses", answer));
    }), runs);
  });

  it("gives a text completion the same answer as a stream and whole", () => {
    fc.assert(fc.property(answers("any"), cuts, (answer, places) => {
      const chunks = written("openai-completions", piecesOf(answer, places, false)).split("\n\n").filter((line) => line.startsWith("data: {")).map((line) => JSON.parse(line.slice(6)) as { choices: { text: string; finish_reason: string | null }[]; usage: unknown });
      const document = whole("openai-completions", answer) as { choices: [{ text: string; finish_reason: string }]; usage?: unknown };
      assert.equal(chunks.map(({ choices }) => choices[0]?.text ?? "").join(""), document.choices[0].text);
      assert.equal(chunks.at(-2)!.choices[0]!.finish_reason, document.choices[0].finish_reason);
      assert.deepEqual(chunks.at(-1), { ...chunks.at(-1), choices: [], usage: document.usage ?? null });
    }), runs);
  });

  it("takes its own answers back into a conversation, with signatures and what is no JSON", () => {
    fc.assert(fc.property(answers("turn"), (answer) => {
      const { message } = (whole("openai-chat", answer) as { choices: [{ message: Json }] }).choices[0];
      const hasSignature = answer.parts.some((part) => part.type === "redacted-thinking" || (part.type === "thinking" && part.signature !== null));
      if (!hasSignature && answer.parts.filter(({ type }) => type === "thinking").length > 1) return;
      const parsed = chatProtocols["openai-chat"].parse({ model: "m", messages: [message] }).messages;
      assert.deepEqual(parsed, [{ role: "assistant", parts: answer.parts }]);
    }), runs);
    fc.assert(fc.property(answers("any"), (answer) => {
      const { content } = whole("anthropic-messages", answer);
      const parsed = chatProtocols["anthropic-messages"].parse({ model: "m", messages: [{ role: "assistant", content }] });
      assert.deepEqual(parsed.messages, [{ role: "assistant", parts: answer.parts.map(asMessage) }]);
      assert.equal(parsed.nativeOnly, undefined);
    }), runs);
    fc.assert(fc.property(answers("any"), (answer) => {
      fc.pre(answer.parts.length > 0);
      const { output } = whole("openai-responses", answer);
      assert.deepEqual(chatProtocols["openai-responses"].parse({ model: "m", input: output }).messages, [{ role: "assistant", parts: answer.parts }]);
    }), runs);
  });

  /** Case 16. */
  it("writes usage to a stream once, at the end, and only where it was asked for", () => {
    const answer: ChatAnswer = { id: "p", model: "m", parts: [{ type: "text", text: "Hi" }], finish: "stop", finishWord: null, stopSequence: null, usage: { inputTokens: 3, outputTokens: 1, cacheReadTokens: null, cacheWriteTokens: null, reasoningTokens: null } };
    for (const protocol of ["openai-chat", "openai-completions"] as const) {
      const events = piecesOf(answer, [], false);
      assert.equal(written(protocol, events).split('"usage":{').length, 2);
      assert.match(written(protocol, events), /"choices":\[\],"usage":\{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4\}\}\n\ndata: \[DONE\]\n\n$/);
      assert.doesNotMatch(written(protocol, events, emptyRequest({ extra: {} })), /usage|"choices":\[\]/);
    }
  });

  /** Cases 11 and 12: some clients know only one open block. */
  it("writes a call as soon as the one before it is whole", () => {
    const writer = chatProtocols["anthropic-messages"].stream(frame, emptyRequest());
    writer.write({ type: "start", id: "p", model: "m" });
    assert.match(writer.write({ type: "tool-call", index: 0, id: "a", name: "f" }), /^event: message_start\n.*"index":0/s);
    assert.match(writer.write({ type: "tool-arguments", index: 0, text: '{"x":' }), /"partial_json":"\{\\"x\\":"/);
    assert.equal(writer.write({ type: "tool-call", index: 1, id: "b", name: "g" }), "");
    assert.equal(writer.write({ type: "tool-arguments", index: 1, text: "{}" }), "");
    const shown = writer.write({ type: "tool-arguments", index: 0, text: "1}" });
    assert.deepEqual(shown.match(/event: \w+/g), ["event: content_block_delta", "event: content_block_stop", "event: content_block_start", "event: content_block_delta"]);
    assert.match(writer.write({ type: "text", text: "then" }), /content_block_stop.*content_block_start.*"index":2/s);
    // Spaces behind the arguments do not hold the next call back.
    writer.write({ type: "tool-call", index: 2, id: "c", name: "f" });
    writer.write({ type: "tool-arguments", index: 2, text: "{} \n" });
    assert.match(writer.write({ type: "tool-call", index: 3, id: "d", name: "g" }), /content_block_stop.*content_block_start.*"id":"d"/s);
  });

  /** Case 11: the end of an object within the arguments is not theirs. */
  it("keeps a call open until its arguments are whole, and what comes behind them out", () => {
    const events: ChatEvent[] = [{ type: "tool-call", index: 0, id: "a", name: "f" }];
    const argument = (index: number, text: string) => events.push({ type: "tool-arguments", index, text });
    argument(0, '{"x":{}');
    events.push({ type: "tool-call", index: 1, id: "b", name: "g" });
    argument(1, '{"z":1}');
    argument(0, ',"y":1}');
    argument(0, "late");
    events.push({ type: "finish", finish: "tool-calls", finishWord: null, stopSequence: null });
    assert.deepEqual((readMessageStream(written("anthropic-messages", events)).content as Json[]).map(({ id, input }) => [id, input]), [["a", '{"x":{},"y":1}'], ["b", '{"z":1}']]);
  });

  /** Cases 12, 13 and 18: a second provider may take over before the first content, and thinking is never text. */
  it("begins once with one id and keeps thinking apart, also where two providers began", () => {
    const events: ChatEvent[] = [
      { type: "start", id: "first", model: "m" }, { type: "start", id: "second", model: "n" }, { type: "thinking", text: "SECRET" }, { type: "text", text: "Hi" }, { type: "finish", finish: "stop", finishWord: null, stopSequence: null },
    ];
    const chat = readChatStream(written("openai-chat", events));
    assert.deepEqual([chat.message.content, chat.message.reasoning_content], ["Hi", "SECRET"]);
    assert.deepEqual(readMessageStream(written("anthropic-messages", events)).content, [{ type: "thinking", thinking: "SECRET", signature: "" }, { type: "text", text: "Hi" }]);
    assert.deepEqual((readResponseStream(written("openai-responses", events)).output as Json[]).map(({ type }) => type), ["reasoning", "message"]);
    assert.doesNotMatch(written("openai-completions", events), /SECRET/);
    const answer: ChatAnswer = { id: "p", model: "m", parts: [{ type: "thinking", text: "SECRET", signature: null }, { type: "text", text: "Hi" }], finish: "stop", finishWord: null, stopSequence: null, usage: { inputTokens: 1, outputTokens: 1, cacheReadTokens: null, cacheWriteTokens: null, reasoningTokens: null } };
    assert.equal((whole("openai-chat", answer) as { choices: [{ message: Json }] }).choices[0].message.content, "Hi");
    assert.doesNotMatch(JSON.stringify(whole("openai-completions", answer)), /SECRET/);
  });

  /** Case 14: what nobody told is not 0 where the protocol can leave it out. */
  it("tells the usage that is known", () => {
    const usage = { inputTokens: 100, outputTokens: 7, cacheReadTokens: 60, cacheWriteTokens: 10, reasoningTokens: 2 };
    const answer: ChatAnswer = { id: "p", model: "m", parts: [], finish: "stop", finishWord: null, stopSequence: null, usage };
    assert.deepEqual(whole("openai-chat", answer).usage, {
      prompt_tokens: 100, completion_tokens: 7, total_tokens: 107, prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 10 }, completion_tokens_details: { reasoning_tokens: 2 },
    });
    // Anthropic counts what its cache had no part in.
    assert.deepEqual(whole("anthropic-messages", answer).usage, { input_tokens: 30, output_tokens: 7, cache_creation_input_tokens: 10, cache_read_input_tokens: 60, output_tokens_details: { thinking_tokens: 2 } });
    const unknown = { ...answer, usage: { inputTokens: null, outputTokens: null, cacheReadTokens: null, cacheWriteTokens: null, reasoningTokens: null } };
    assert.equal("usage" in whole("openai-chat", unknown), false);
    assert.deepEqual(whole("openai-chat", { ...answer, usage: { ...unknown.usage, outputTokens: 7 } }).usage, { completion_tokens: 7 });
    assert.equal(whole("openai-responses", unknown).usage, null);
  });

  /** The same figures that the ledger has: Anthropic's clients and those of responses need them, and 0 is none. */
  it("tells what nobody told by estimate where the protocol must have a figure, and says so", () => {
    const answer: ChatAnswer = { id: "p", model: "m", parts: [{ type: "text", text: "Zwölf Grad und Regen." }], finish: "stop", finishWord: null, stopSequence: null, usage: unknownUsage };
    const messages = [{ role: "user", parts: [{ type: "text", text: "How is the weather in Köln?" }] }] as const;
    const [input, output] = [estimateChat(emptyRequest({ messages })), estimateTokens("Zwölf Grad und Regen.")];
    for (const [told, expected] of [[{}, { input_tokens: input, output_tokens: output }], [{ inputTokens: 30 }, { input_tokens: 30, output_tokens: output }], [{ outputTokens: 7 }, { input_tokens: input, output_tokens: 7 }]] as const) {
      const partly = { ...answer, usage: { ...unknownUsage, ...told } };
      assert.deepEqual(whole("anthropic-messages", partly, { messages }).usage, { ...expected, estimated: true });
      assert.deepEqual(endOfMessages(partly, { messages }), { ...expected, estimated: true });
      if (Object.keys(told).length === 0) continue;
      const response = { ...expected, input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 }, output_tokens_details: { reasoning_tokens: 0 }, total_tokens: expected.input_tokens + expected.output_tokens, estimated: true };
      assert.deepEqual(whole("openai-responses", partly, { messages }).usage, response);
      assert.deepEqual(readResponseStream(written("openai-responses", piecesOf(partly, [], false), emptyRequest({ messages }))).usage, response);
    }
    // Of several rounds one is in the sum by estimate: each protocol says so.
    const summed = { ...answer, usage: { ...unknownUsage, inputTokens: 9, outputTokens: 4, tokensEstimated: true as const } };
    assert.deepEqual(whole("openai-chat", summed).usage, { prompt_tokens: 9, completion_tokens: 4, total_tokens: 13, estimated: true });
    assert.deepEqual(whole("anthropic-messages", summed).usage, { input_tokens: 9, output_tokens: 4, estimated: true });
  });

  /** Some clients read the input there alone, and take the newer figure of the end where they read one. */
  it("begins a message with an estimate of its input where the provider tells it at the end", () => {
    const messages = [{ role: "user", parts: [{ type: "text", text: "How is the weather in Köln?" }] }] as const;
    const answer: ChatAnswer = { id: "p", model: "m", parts: [{ type: "text", text: "Hi" }], finish: "stop", finishWord: null, stopSequence: null, usage: { ...unknownUsage, inputTokens: 30, outputTokens: 7 } };
    const [start] = usagesOf(written("anthropic-messages", piecesOf(answer, [], false), emptyRequest({ messages })));
    assert.deepEqual(start, { input_tokens: estimateChat(emptyRequest({ messages })), output_tokens: 0 });
    assert.deepEqual(endOfMessages(answer, { messages }), { input_tokens: 30, output_tokens: 7 });
  });

  /** Case 14: figures are told in several pieces, and a later one that leaves some out takes none back. */
  it("keeps each figure until a newer one comes", () => {
    const usage = { inputTokens: 100, outputTokens: 7, cacheReadTokens: 60, cacheWriteTokens: 10, reasoningTokens: 2 };
    for (const name of Object.keys(usage) as (keyof typeof usage)[]) {
      const only = { ...unknownUsage, [name]: usage[name] + 1 };
      const events: ChatEvent[] = [{ type: "start", id: "p", model: "m" }, { type: "usage", usage }, { type: "usage", usage: only }, { type: "text", text: "Hi" }, { type: "finish", finish: "stop", finishWord: null, stopSequence: null }];
      const collector = new AnswerCollector();
      for (const event of events) collector.add(event);
      assert.deepEqual(collector.usage, { ...usage, [name]: usage[name] + 1 });
      const told = whole("openai-chat", collector.answer()).usage;
      assert.deepEqual(readChatStream(written("openai-chat", events)).usage, told, name);
      assert.deepEqual(readResponseStream(written("openai-responses", events)).usage, whole("openai-responses", collector.answer()).usage, name);
      assert.deepEqual(readMessageStream(written("anthropic-messages", events)).usage, whole("anthropic-messages", collector.answer()).usage, name);
    }
  });

  it("frames a chat as its clients expect it", () => {
    const answer: ChatAnswer = { id: "p", model: "m", parts: [{ type: "text", text: "Hi" }], finish: "stop", finishWord: null, stopSequence: null, usage: unknownUsage };
    const { id, created, model } = frame;
    assert.deepEqual(whole("openai-chat", answer), { id, object: "chat.completion", created, model, choices: [{ index: 0, message: { role: "assistant", content: "Hi", refusal: null }, logprobs: null, finish_reason: "stop" }] });
    const chunks = written("openai-chat", piecesOf(answer, [], false), emptyRequest({ extra: {} })).split("\n\n").slice(0, -2).map((line) => JSON.parse(line.slice(6)) as Json);
    const chunk = (delta: Json, finish: string | null = null) => ({ id, object: "chat.completion.chunk", created, model, choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }] });
    assert.deepEqual(chunks, [chunk({ role: "assistant", content: "" }), chunk({ content: "Hi" }), chunk({}, "stop")]);
  });

  /** Null says that there is something else in its place. */
  it("gives a chat no text where there are calls or a refusal alone", () => {
    const content = (...parts: AssistantPart[]) => (whole("openai-chat", { id: "p", model: "m", parts, finish: "stop", finishWord: null, stopSequence: null, usage: unknownUsage }).choices as [{ message: Json }])[0].message.content;
    const call: AssistantPart = { type: "tool-call", id: "c", name: "f", arguments: "{}" };
    assert.deepEqual([content(), content({ type: "text", text: "Hi" }), content({ type: "text", text: "Hi" }, call), content(call), content({ type: "refusal", text: "No." }), content({ type: "thinking", text: "Hm", signature: null })], ["", "Hi", "Hi", null, null, ""]);
  });

  /** Case 19. */
  it("names the reasons to stop in each protocol's words", () => {
    const reasons = (finish: ChatAnswer["finish"], finishWord: string | null = null, stopSequence: string | null = null, parts: readonly AssistantPart[] = []) => {
      const answer: ChatAnswer = { id: "p", model: "m", parts, finish, finishWord, stopSequence, usage: { inputTokens: 1, outputTokens: 1, cacheReadTokens: null, cacheWriteTokens: null, reasoningTokens: null } };
      const response = whole("openai-responses", answer);
      return [
        (whole("openai-chat", answer).choices as Json[])[0]!.finish_reason, (whole("openai-completions", answer).choices as Json[])[0]!.finish_reason, whole("anthropic-messages", answer).stop_reason,
        response.status, (response.incomplete_details as Json | null)?.reason,
      ];
    };
    assert.deepEqual(reasons("stop", "end_turn"), ["stop", "stop", "end_turn", "completed", undefined]);
    assert.deepEqual(reasons("stop", "stop_sequence", "END"), ["stop", "stop", "stop_sequence", "completed", undefined]);
    assert.deepEqual(reasons("stop", "pause_turn"), ["stop", "stop", "pause_turn", "completed", undefined]);
    assert.deepEqual(reasons("length"), ["length", "length", "max_tokens", "incomplete", "max_output_tokens"]);
    assert.deepEqual(reasons("tool-calls"), ["tool_calls", "stop", "tool_use", "completed", undefined]);
    assert.deepEqual(reasons("content-filter"), ["content_filter", "content_filter", "refusal", "incomplete", "content_filter"]);
    assert.deepEqual(reasons("content-filter", null, null, [{ type: "refusal", text: "No." }]), ["content_filter", "content_filter", "refusal", "completed", undefined]);
  });

  it("ends a broken stream so that a client cannot take it for an end", () => {
    const error = new AppError("PROVIDER_STREAM_FAILED", "The answer broke off.");
    const broken = (protocol: keyof typeof chatProtocols) => {
      const writer = chatProtocols[protocol].stream(frame, emptyRequest());
      writer.write({ type: "text", text: "Hel" });
      return writer.fail(error, "req_1");
    };
    for (const protocol of ["openai-chat", "openai-completions"] as const) assert.match(broken(protocol), /^data: \{"error":\{"message":"The answer broke off\. [^\n]+"code":"provider_stream_failed"\}\}\n\n$/);
    assert.match(broken("anthropic-messages"), /^event: error\ndata: \{"type":"error","error":\{"type":"api_error","message":"The answer broke off\./);
    assert.match(broken("openai-responses"), /^event: error\n.*\n\nevent: response\.failed\ndata: .*"status":"failed"/);
    // What was whole by then stays: the thought, and neither the call that is open nor a place for it.
    const writer = chatProtocols["openai-responses"].stream(frame, emptyRequest());
    for (const event of [{ type: "thinking", text: "Hm" }, { type: "tool-call", index: 0, id: "c", name: "f" }, { type: "text", text: "Hi" }, { type: "thinking", text: "So" }] as const) writer.write(event);
    const { response } = JSON.parse(writer.fail(error, "req_1").split("data: ").at(-1)!) as { response: { output: Json[] } };
    assert.deepEqual(response.output.map(({ id, type }) => [id, type]), [["rs_01abc_0", "reasoning"], ["msg_01abc_2", "message"]]);
  });
});

/** What a message has no words for: refusals are text, the spelling of an object is gone. */
function asMessage(part: AssistantPart): AssistantPart {
  if (part.type === "refusal") return { type: "text", text: part.text };
  if (part.type !== "tool-call") return part;
  const input = inputOf(part.arguments);
  return { ...part, arguments: typeof input.INVALID_JSON === "string" ? input.INVALID_JSON : JSON.stringify(input) };
}
