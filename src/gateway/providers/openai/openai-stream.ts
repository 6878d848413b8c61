import { toldTier } from "../../../ledger/index.ts";
import { unknownUsage, type TokenUsage } from "../../conversation/chat-answer.ts";
import type { ChatEvent } from "../../conversation/chat-event.ts";
import { EventStreamReader, type ServerSentEvent } from "../event-stream.ts";
import type { ChatStreamReader } from "../provider-mapping.ts";
import { fieldsOf, listOf, readEvent, textOf, type Fields } from "../wire-value.ts";
import { contentPieces, errorWords, finishOf, imagesOf, seenSearch, streamFailed, thinkingOf, usageOf } from "./openai-words.ts";
import { ResponseEvents } from "./response-events.ts";
import { StreamedToolCalls } from "./streamed-tool-calls.ts";

/**
 * Reads streams of chat completions; completions (`choices[].text`) and responses (events with a `type`) tell themselves, for callers whose bytes pass in those protocols. Of several choices the first is read. What
 * stands behind the finish is passed over, but for usage.
 */
export class OpenAIStream implements ChatStreamReader {
  readonly #events = new EventStreamReader();
  readonly #calls = new StreamedToolCalls();
  readonly #lenient: boolean;
  #responses: ResponseEvents | null = null;
  #id = "";
  #isStarted = false;
  #isFinished = false;
  #hasSearched = false;
  #isOver = false;

  /** `lenient` takes `[DONE]` for a finish where there was none. */
  constructor(lenient: boolean) {
    this.#lenient = lenient;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  push(bytes: Uint8Array): ChatEvent[] {
    return this.#read(this.#events.push(bytes));
  }

  end(): ChatEvent[] {
    const events = this.#read(this.#events.end());
    if (!(this.#responses?.isFinished ?? this.#isFinished)) throw streamFailed("The provider's stream ended before the model had finished.");
    return events;
  }

  #read(received: readonly ServerSentEvent[]): ChatEvent[] {
    const events: ChatEvent[] = [];
    for (const { name, data } of received) {
      if (this.#isOver) break;
      if (data.startsWith("[DONE]")) this.#done(events);
      else if (data !== "") this.#document(readEvent(data), name, events);
    }
    return events;
  }

  #document(document: Fields, name: string, events: ChatEvent[]): void {
    if (this.#responses !== null || textOf(document.type).startsWith("response.")) {
      this.#responses ??= new ResponseEvents();
      this.#responses.add(document, events);
      return;
    }
    const error = errorWords(document) ?? (name === "error" ? "without a message" : null);
    if (error !== null) throw streamFailed(`The provider broke its answer off: ${error}`);
    const choices = listOf(document.choices);
    // Azure sends what its filter says of the prompt before there is an answer.
    if (!this.#isStarted && (choices.length > 0 || textOf(document.id) !== "")) this.#start(document, events);
    for (const value of choices) {
      const choice = fieldsOf(value);
      if (choice.index === undefined || choice.index === null || choice.index === 0) this.#choice(choice, events);
    }
    const usage = document.usage ?? fieldsOf(document.x_groq).usage ?? fieldsOf(choices[0]).usage;
    if (typeof usage === "object" && usage !== null) {
      if (!this.#isStarted) this.#start(document, events);
      events.push({ type: "usage", usage: usageOf(usage, document.service_tier) });
    }
  }

  #start(document: Fields, events: ChatEvent[]): void {
    this.#isStarted = true;
    this.#id = textOf(document.id);
    const model = textOf(document.model);
    events.push({ type: "start", id: this.#id, model });
    this.#noteSearch(seenSearch(model, {}, unknownUsage), events);
    // Said again with the usage, which a stream that is cut does not come to.
    const tier = toldTier(document.service_tier);
    if (tier !== null) events.push({ type: "usage", usage: { ...unknownUsage, tier } });
  }

  #noteSearch(seen: Partial<TokenUsage>, events: ChatEvent[]): void {
    if (this.#hasSearched || seen.webSearches === undefined) return;
    this.#hasSearched = true;
    events.push({ type: "usage", usage: { ...unknownUsage, ...seen } });
  }

  #choice(choice: Fields, events: ChatEvent[]): void {
    if (this.#isFinished) return;
    const delta = fieldsOf(choice.delta);
    this.#noteSearch(seenSearch("", delta, unknownUsage), events);
    const content = typeof choice.text === "string" ? { text: choice.text, thinking: "", signature: "" } : contentPieces(delta.content);
    const thinking = content.thinking || thinkingOf(delta);
    if (thinking !== "") events.push({ type: "thinking", text: thinking });
    if (content.signature !== "") events.push({ type: "thinking-signature", signature: content.signature });
    if (content.text !== "") events.push({ type: "text", text: content.text });
    for (const image of imagesOf(delta)) events.push({ type: "image", ...image });
    const refusal = textOf(delta.refusal);
    if (refusal !== "") events.push({ type: "refusal", text: refusal });
    for (const call of listOf(delta.tool_calls)) this.#calls.add(call, this.#id, events);
    const word = textOf(choice.finish_reason);
    if (word === "error") throw streamFailed("The provider broke its answer off with an error.");
    if (word !== "") this.#finish(word, typeof choice.stop_reason === "string" ? choice.stop_reason : null, events);
  }

  #finish(word: string | null, stopSequence: string | null, events: ChatEvent[]): void {
    this.#calls.end();
    this.#isFinished = true;
    events.push({ type: "finish", finish: finishOf(word ?? "stop", this.#calls.count), finishWord: word, stopSequence });
  }

  #done(events: ChatEvent[]): void {
    this.#isOver = true;
    if (this.#lenient && this.#isStarted && !this.#isFinished) this.#finish(null, null, events);
  }
}
