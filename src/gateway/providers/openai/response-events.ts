import { AppError } from "../../../core/errors.ts";
import { unknownUsage } from "../../conversation/chat-answer.ts";
import type { ChatEvent } from "../../conversation/chat-event.ts";
import { countOf, fieldsOf, textOf, type Fields } from "../wire-value.ts";
import { responseFinish } from "./openai-answer.ts";
import { errorWords, isSearch, responseUsage, streamFailed } from "./openai-words.ts";

/** Events of POST /v1/responses, read on the side while the caller's bytes pass. */
export class ResponseEvents {
  /** Calls by their place in the output, which other items share. */
  readonly #calls = new Map<number, number>();
  #searches = 0;
  #isStarted = false;
  isFinished = false;

  add(event: Fields, events: ChatEvent[]): void {
    const type = textOf(event.type);
    const response = fieldsOf(event.response);
    if (!this.#isStarted && response.id !== undefined) {
      this.#isStarted = true;
      events.push({ type: "start", id: textOf(response.id), model: textOf(response.model) });
    }
    switch (type) {
      case "response.output_text.delta":
        return void events.push({ type: "text", text: textOf(event.delta) });
      case "response.refusal.delta":
        return void events.push({ type: "refusal", text: textOf(event.delta) });
      case "response.reasoning_summary_text.delta":
      case "response.reasoning_text.delta":
        return void events.push({ type: "thinking", text: textOf(event.delta) });
      case "response.output_item.added":
        return this.#open(event, events);
      case "response.output_item.done":
        // A stream that is cut tells of them nowhere else.
        if (isSearch(fieldsOf(event.item))) events.push({ type: "usage", usage: { ...unknownUsage, webSearches: ++this.#searches } });
        return;
      case "response.function_call_arguments.delta": {
        const index = this.#calls.get(countOf(event.output_index) ?? -1);
        if (index !== undefined) events.push({ type: "tool-arguments", index, text: textOf(event.delta) });
        return;
      }
      case "response.completed":
      case "response.incomplete":
        return this.#finish(response, events);
      case "response.failed":
      case "error":
        throw streamFailed(`The provider broke its answer off: ${errorWords(response) ?? errorWords({ error: event })}`);
    }
  }

  #open(event: Fields, events: ChatEvent[]): void {
    const item = fieldsOf(event.item);
    if (item.type !== "function_call") return;
    const index = this.#calls.size;
    this.#calls.set(countOf(event.output_index) ?? index, index);
    events.push({ type: "tool-call", index, id: textOf(item.call_id), name: textOf(item.name) });
  }

  #finish(response: Fields, events: ChatEvent[]): void {
    if (this.isFinished) return;
    this.isFinished = true;
    if (response.usage !== undefined && response.usage !== null) events.push({ type: "usage", usage: responseUsage(response) });
    try {
      events.push({ type: "finish", ...responseFinish(response, this.#calls.size > 0), stopSequence: null });
    } catch (error) {
      throw error instanceof AppError ? streamFailed(error.message) : error;
    }
  }
}
