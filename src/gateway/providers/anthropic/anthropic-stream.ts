import type { ChatEvent } from "../../conversation/chat-event.ts";
import { AppError } from "../../../core/errors.ts";
import { EventStreamReader, type ServerSentEvent } from "../event-stream.ts";
import type { ChatStreamReader } from "../provider-mapping.ts";
import { callerText, countOf, fieldsOf, jsonText, readEvent, textOf, type Fields } from "../wire-value.ts";
import { outputTool } from "./anthropic-request.ts";
import { finishOf, newerUsage, tokenUsage, untold } from "./anthropic-words.ts";

/** A block of the answer that is under way; `call` is the index of a tool call, null for the output tool, whose arguments are text. */
type OpenBlock = { type: "content" } | { type: "tool"; call: number | null; input: unknown; hasArguments: boolean } | { type: "unread" };

/** Reads streams of messages. Blocks of the provider's own tools are passed over; what stands behind the finish too. */
export class AnthropicStream implements ChatStreamReader {
  readonly #events = new EventStreamReader();
  readonly #blocks = new Map<number, OpenBlock>();
  #calls = 0;
  #usage = untold;
  #isStarted = false;
  #isFinished = false;
  #isOver = false;

  get isOver(): boolean {
    return this.#isOver;
  }

  push(bytes: Uint8Array): ChatEvent[] {
    return this.#read(this.#events.push(bytes));
  }

  end(): ChatEvent[] {
    const events = this.#read(this.#events.end());
    if (!this.#isFinished) throw failed("The provider's stream ended before the model had finished.");
    return events;
  }

  #read(received: readonly ServerSentEvent[]): ChatEvent[] {
    const events: ChatEvent[] = [];
    for (const { data } of received) if (data !== "" && !this.#isOver) this.#event(readEvent(data), events);
    return events;
  }

  #event(event: Fields, events: ChatEvent[]): void {
    const type = textOf(event.type);
    if (type === "error") throw failed(`The provider broke its answer off: ${callerText(textOf(fieldsOf(event.error).message) || "without a message")}`);
    if (type === "message_start") return this.#start(fieldsOf(event.message), events);
    if (type === "message_stop" && !this.#isFinished) throw failed("The provider's stream ended before the model had finished.");
    if (type === "message_stop") this.#isOver = true;
    if (!type.startsWith("content_block") && type !== "message_delta") return;
    if (!this.#isStarted) throw failed("The provider's stream has no beginning.");
    if (this.#isFinished) return;
    const index = countOf(event.index) ?? 0;
    if (type === "content_block_start") this.#open(index, fieldsOf(event.content_block), events);
    else if (type === "content_block_delta") this.#delta(index, fieldsOf(event.delta), events);
    else if (type === "content_block_stop") this.#close(index, events);
    else this.#messageDelta(event, events);
  }

  #start(message: Fields, events: ChatEvent[]): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    events.push({ type: "start", id: textOf(message.id), model: textOf(message.model) });
    if (typeof message.usage !== "object" || message.usage === null) return;
    // Nobody knows yet how long the answer becomes: what stands there, mostly 1, is no figure for a stream whose end tells none.
    const { output_tokens: _, ...usage } = fieldsOf(message.usage);
    this.#tellUsage(usage, events);
  }

  #tellUsage(value: unknown, events: ChatEvent[]): void {
    if (typeof value !== "object" || value === null) return;
    this.#usage = newerUsage(this.#usage, value);
    events.push({ type: "usage", usage: tokenUsage(this.#usage) });
  }

  #open(index: number, block: Fields, events: ChatEvent[]): void {
    switch (block.type) {
      case "text":
      case "thinking":
        this.#blocks.set(index, { type: "content" });
        this.#delta(index, { type: "text_delta", text: block.text }, events);
        this.#delta(index, { type: "thinking_delta", thinking: block.thinking }, events);
        this.#delta(index, { type: "signature_delta", signature: block.signature }, events);
        return;
      case "redacted_thinking":
        this.#blocks.set(index, { type: "unread" });
        events.push({ type: "redacted-thinking", data: textOf(block.data) });
        return;
      case "tool_use": {
        const name = textOf(block.name);
        if (name === "") throw failed("The provider sent a tool call without a name.");
        const call = name === outputTool ? null : this.#calls++;
        this.#blocks.set(index, { type: "tool", call, input: block.input, hasArguments: false });
        if (call !== null) events.push({ type: "tool-call", index: call, id: textOf(block.id), name });
        return;
      }
      default:
        this.#blocks.set(index, { type: "unread" });
        if (block.type === "server_tool_use" && block.name === "web_search") this.#noteSearch(events);
    }
  }

  /** The number that is told at the end takes its place: a stream that is cut has none. */
  #noteSearch(events: ChatEvent[]): void {
    this.#usage = { ...this.#usage, searches: (this.#usage.searches ?? 0) + 1 };
    events.push({ type: "usage", usage: tokenUsage(this.#usage) });
  }

  #delta(index: number, delta: Fields, events: ChatEvent[]): void {
    const block = this.#blocks.get(index);
    if (block?.type === "unread") return;
    if (delta.type === "text_delta" && textOf(delta.text) !== "") events.push({ type: "text", text: textOf(delta.text) });
    else if (delta.type === "thinking_delta" && textOf(delta.thinking) !== "") events.push({ type: "thinking", text: textOf(delta.thinking) });
    else if (delta.type === "signature_delta" && textOf(delta.signature) !== "") events.push({ type: "thinking-signature", signature: textOf(delta.signature) });
    else if (delta.type === "input_json_delta" && textOf(delta.partial_json) !== "") {
      if (block?.type !== "tool") throw failed("The provider sent arguments of a tool call that it had not begun.");
      block.hasArguments = true;
      events.push(block.call === null ? { type: "text", text: textOf(delta.partial_json) } : { type: "tool-arguments", index: block.call, text: textOf(delta.partial_json) });
    }
  }

  /** Some servers tell the whole input where a block begins. */
  #close(index: number, events: ChatEvent[]): void {
    const block = this.#blocks.get(index);
    if (block?.type !== "tool" || block.hasArguments || Object.keys(fieldsOf(block.input)).length === 0) return;
    const text = jsonText(block.input);
    if (text === null) throw failed("The arguments of a tool call are nested too deeply.");
    events.push(block.call === null ? { type: "text", text } : { type: "tool-arguments", index: block.call, text });
  }

  #messageDelta(event: Fields, events: ChatEvent[]): void {
    const delta = fieldsOf(event.delta);
    this.#tellUsage(event.usage, events);
    const word = textOf(delta.stop_reason);
    if (word === "") return;
    this.#isFinished = true;
    events.push({ type: "finish", finish: finishOf(word, this.#calls), finishWord: word, stopSequence: textOf(delta.stop_sequence) || null });
  }
}

function failed(message: string): AppError {
  return new AppError("PROVIDER_STREAM_FAILED", message);
}
