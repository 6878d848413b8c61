import type { ChatAnswer, FinishReason, TokenUsage } from "./chat-answer.ts";
import { unknownUsage } from "./chat-answer.ts";
import type { AssistantPart } from "./chat-request.ts";

/**
 * A streamed answer in pieces, in the order of the model. `start` comes once and first, `finish` once and, but for `usage`, last. `index` of tool calls counts tool calls from 0, whatever
 * else the provider counted; a call is opened (with its name) before its arguments come, and arguments of open calls may alternate.
 */
export type ChatEvent =
  | { type: "start"; id: string; model: string }
  | { type: "text"; text: string }
  | { type: "refusal"; text: string }
  | { type: "thinking"; text: string }
  /** Ends the thinking before it. */
  | { type: "thinking-signature"; signature: string }
  | { type: "redacted-thinking"; data: string }
  /** Whole, however large. */
  | { type: "image"; mediaType: string; base64: string; signature?: string }
  | { type: "tool-call"; index: number; id: string; name: string; signature?: string }
  | { type: "tool-arguments"; index: number; text: string }
  /** Totals so far, not differences; a null tells nothing new. */
  | { type: "usage"; usage: TokenUsage }
  | { type: "finish"; finish: FinishReason; finishWord: string | null; stopSequence: string | null };

/** Whether a caller who has got it has got a part of the answer: from then on no other provider can answer in its place. */
export function isContent(event: ChatEvent): boolean {
  return event.type !== "start" && event.type !== "usage";
}

/** Newer figures over older ones. */
export function mergeUsage(before: TokenUsage, after: TokenUsage): TokenUsage {
  // What is there only where it is not 0: a newer figure goes over an older one, and what is not told again stays.
  const { searchesEstimated, ...told } = before;
  return {
    ...told, ...(searchesEstimated === undefined || after.webSearches !== undefined ? {} : { searchesEstimated }), ...after,
    inputTokens: after.inputTokens ?? before.inputTokens,
    outputTokens: after.outputTokens ?? before.outputTokens,
    cacheReadTokens: after.cacheReadTokens ?? before.cacheReadTokens,
    cacheWriteTokens: after.cacheWriteTokens ?? before.cacheWriteTokens,
    reasoningTokens: after.reasoningTokens ?? before.reasoningTokens,
  };
}

/** Puts the pieces of a stream together to the answer that a request without a stream would have got. */
export class AnswerCollector {
  #id = "";
  #model = "";
  #usage: TokenUsage = unknownUsage;
  #finish: Extract<ChatEvent, { type: "finish" }> | null = null;
  readonly #parts: Mutable<AssistantPart>[] = [];
  readonly #calls = new Map<number, Mutable<Extract<AssistantPart, { type: "tool-call" }>>>();

  add(event: ChatEvent): void {
    switch (event.type) {
      case "start":
        this.#id = event.id;
        this.#model = event.model;
        return;
      case "text":
      case "refusal":
        this.#append(event.type, event.text);
        return;
      case "thinking": {
        const last = this.#parts.at(-1);
        if (last?.type === "thinking" && last.signature === null) last.text += event.text;
        else this.#parts.push({ type: "thinking", text: event.text, signature: null });
        return;
      }
      case "thinking-signature": {
        const last = this.#parts.at(-1);
        if (last?.type === "thinking") last.signature = event.signature;
        else this.#parts.push({ type: "thinking", text: "", signature: event.signature });
        return;
      }
      case "redacted-thinking":
        this.#parts.push({ type: "redacted-thinking", data: event.data });
        return;
      case "image":
        this.#parts.push({ type: "image", source: { kind: "data", mediaType: event.mediaType, base64: event.base64 }, ...(event.signature === undefined ? {} : { signature: event.signature }) });
        return;
      case "tool-call": {
        const call: Mutable<Extract<AssistantPart, { type: "tool-call" }>> = { type: "tool-call", id: event.id, name: event.name, arguments: "" };
        if (event.signature !== undefined) call.signature = event.signature;
        this.#calls.set(event.index, call);
        this.#parts.push(call);
        return;
      }
      case "tool-arguments": {
        const call = this.#calls.get(event.index);
        if (call !== undefined) call.arguments += event.text;
        return;
      }
      case "usage":
        this.#usage = mergeUsage(this.#usage, event.usage);
        return;
      case "finish":
        this.#finish = event;
    }
  }

  /** Whether the model said that it was done; without it the stream was cut. */
  get isFinished(): boolean {
    return this.#finish !== null;
  }

  /** Whether something came that a caller would see. */
  get hasContent(): boolean {
    return this.#parts.length > 0;
  }

  get usage(): TokenUsage {
    return this.#usage;
  }

  /** What has come so far. */
  answer(): ChatAnswer {
    const { finish = "stop", finishWord = null, stopSequence = null } = this.#finish ?? {};
    return { id: this.#id, model: this.#model, parts: this.#parts, finish, finishWord, stopSequence, usage: this.#usage };
  }

  #append(type: "text" | "refusal", text: string): void {
    const last = this.#parts.at(-1);
    if (last?.type === type) last.text += text;
    else this.#parts.push({ type, text });
  }
}

type Mutable<Part> = { -readonly [Key in keyof Part]: Part[Key] };

/** The same answer as a stream in the fewest pieces: for callers who asked for a stream of what is whole already. */
export function eventsOf(answer: ChatAnswer): ChatEvent[] {
  const events: ChatEvent[] = [{ type: "start", id: answer.id, model: answer.model }];
  let calls = 0;
  for (const part of answer.parts) {
    switch (part.type) {
      case "text":
      case "refusal":
        events.push({ type: part.type, text: part.text });
        break;
      case "thinking":
        if (part.text !== "") events.push({ type: "thinking", text: part.text });
        if (part.signature !== null) events.push({ type: "thinking-signature", signature: part.signature });
        break;
      case "redacted-thinking":
        events.push({ type: "redacted-thinking", data: part.data });
        break;
      case "image":
        if (part.source.kind === "data") events.push({ type: "image", mediaType: part.source.mediaType, base64: part.source.base64, ...(part.signature === undefined ? {} : { signature: part.signature }) });
        break;
      case "tool-call": {
        const index = calls++;
        events.push({ type: "tool-call", index, id: part.id, name: part.name, ...(part.signature === undefined ? {} : { signature: part.signature }) });
        if (part.arguments !== "") events.push({ type: "tool-arguments", index, text: part.arguments });
      }
    }
  }
  events.push({ type: "usage", usage: answer.usage });
  events.push({ type: "finish", finish: answer.finish, finishWord: answer.finishWord, stopSequence: answer.stopSequence });
  return events;
}
