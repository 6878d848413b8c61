import { AppError } from "../../../core/errors.ts";
import type { ChatEvent } from "../../conversation/chat-event.ts";
import { EventStreamReader, type ServerSentEvent } from "../event-stream.ts";
import type { ChatStreamReader } from "../provider-mapping.ts";
import { callerText, countOf, fieldsOf, readEvent, textOf, type Fields } from "../wire-value.ts";
import { cohereFinish, cohereUsage } from "./cohere-words.ts";

/** The events of `v2/chat` with `stream`. */
export class CohereStreamReader implements ChatStreamReader {
  readonly #frames = new EventStreamReader();
  /** Calls by the provider's index; `waiting` are arguments that came before the call. */
  readonly #calls = new Map<number, number>();
  readonly #waiting = new Map<number, string>();
  #callCount = 0;
  #lastCall: number | null = null;
  #isStarted = false;
  #isFinished = false;

  push(bytes: Uint8Array): ChatEvent[] {
    return this.#read(this.#frames.push(bytes));
  }

  end(): ChatEvent[] {
    const events = this.#read(this.#frames.end());
    if (!this.#isFinished) throw new AppError("PROVIDER_STREAM_FAILED", "The provider's answer ended before the model was done.");
    return events;
  }

  #read(frames: readonly ServerSentEvent[]): ChatEvent[] {
    const events: ChatEvent[] = [];
    for (const { data } of frames) {
      if (data.trim() === "" || data === "[DONE]" || this.#isFinished) continue;
      const event = readEvent(data);
      if (!this.#isStarted) {
        this.#isStarted = true;
        events.push({ type: "start", id: textOf(event.id), model: "" });
      }
      this.#event(textOf(event.type), event, events);
    }
    return events;
  }

  #event(type: string, event: Fields, events: ChatEvent[]): void {
    const delta = fieldsOf(event.delta);
    const message = fieldsOf(delta.message);
    switch (type) {
      case "content-start":
      case "content-delta": {
        const { text, thinking } = fieldsOf(message.content);
        if (typeof thinking === "string" && thinking !== "") events.push({ type: "thinking", text: thinking });
        if (typeof text === "string" && text !== "") events.push({ type: "text", text });
        return;
      }
      case "tool-plan-delta":
        if (textOf(message.tool_plan) !== "") events.push({ type: "thinking", text: textOf(message.tool_plan) });
        return;
      case "tool-call-start":
        this.#open(event, callOf(message), events);
        return;
      case "tool-call-delta":
        this.#arguments(event, textOf(fieldsOf(callOf(message).function).arguments), events);
        return;
      case "message-end":
        this.#finish(delta, events);
        return;
      default:
        // Citations, ends of blocks, and what the provider says of itself.
        if (typeof event.message === "string" && type === "") throw broken(event.message);
    }
  }

  #open(event: Fields, call: Fields, events: ChatEvent[]): void {
    const index = this.#callCount++;
    const key = countOf(event.index) ?? index;
    this.#calls.set(key, index);
    this.#lastCall = index;
    const { name, arguments: first } = fieldsOf(call.function);
    events.push({ type: "tool-call", index, id: textOf(call.id), name: textOf(name) });
    const text = textOf(first) + (this.#waiting.get(key) ?? "");
    this.#waiting.delete(key);
    if (text !== "") events.push({ type: "tool-arguments", index, text });
  }

  #arguments(event: Fields, text: string, events: ChatEvent[]): void {
    if (text === "") return;
    const key = countOf(event.index);
    const index = key === null ? this.#lastCall : (this.#calls.get(key) ?? null);
    if (index !== null) events.push({ type: "tool-arguments", index, text });
    else this.#waiting.set(key ?? 0, (this.#waiting.get(key ?? 0) ?? "") + text);
  }

  #finish(delta: Fields, events: ChatEvent[]): void {
    const finishWord = textOf(delta.finish_reason);
    const finish = cohereFinish(finishWord, this.#callCount);
    if (typeof delta.error === "string" && delta.error !== "") throw broken(delta.error);
    if (finish === null || finishWord === "") throw broken(`it could not finish its answer (${finishWord})`);
    if (this.#waiting.size > 0) throw broken("it sent arguments of a tool call that it never began");
    this.#isFinished = true;
    events.push({ type: "usage", usage: cohereUsage(delta.usage) }, { type: "finish", finish, finishWord, stopSequence: null });
  }
}

/** One call an event; some servers send it in a list. */
function callOf({ tool_calls: calls }: Fields): Fields {
  return fieldsOf(Array.isArray(calls) ? calls[0] : calls);
}

function broken(words: string): AppError {
  return new AppError("PROVIDER_STREAM_FAILED", callerText(`The provider broke off: ${words}`));
}
