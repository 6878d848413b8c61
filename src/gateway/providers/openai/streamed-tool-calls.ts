import type { ChatEvent } from "../../conversation/chat-event.ts";
import { countOf, fieldsOf, textOf } from "../wire-value.ts";
import { madeUpCallId } from "./openai-answer.ts";
import { argumentsText, streamFailed } from "./openai-words.ts";

interface StreamedCall {
  /** As the provider counts; null where it does not. */
  wireIndex: number | null;
  id: string;
  /** As events count, from its opening on. */
  index: number | null;
  /** Arguments that came before the name. */
  waiting: string;
}

/**
 * Puts the pieces of streamed tool calls in order: calls whose pieces alternate, pieces without an index (then a new id or name begins a new call, and anything else belongs to the last one), one index for several
 * calls (told apart by their ids), arguments that come before the name, calls without arguments.
 */
export class StreamedToolCalls {
  readonly #calls: StreamedCall[] = [];
  #opened = 0;

  get count(): number {
    return this.#calls.length;
  }

  add(value: unknown, answerId: string, events: ChatEvent[]): void {
    const piece = fieldsOf(value);
    const made = fieldsOf(piece.function);
    const name = textOf(made.name);
    const id = textOf(piece.id);
    const call = this.#callOf(countOf(piece.index), id, name);
    if (call.id === "") call.id = id;
    const text = argumentsText(made.arguments, streamFailed);
    if (call.index === null && name === "") {
      call.waiting += text;
      return;
    }
    if (call.index === null) {
      call.index = this.#opened++;
      call.id ||= madeUpCallId(answerId, call.index);
      events.push({ type: "tool-call", index: call.index, id: call.id, name });
    }
    if (call.waiting + text !== "") events.push({ type: "tool-arguments", index: call.index, text: call.waiting + text });
    call.waiting = "";
  }

  /** Throws PROVIDER_STREAM_FAILED where a call never got a name: nobody could make it. */
  end(): void {
    if (this.#calls.some(({ index }) => index === null)) throw streamFailed("The provider sent a tool call without a name.");
  }

  #callOf(wireIndex: number | null, id: string, name: string): StreamedCall {
    const last = this.#calls.at(-1);
    const found = wireIndex !== null ? this.#calls.findLast((call) => call.wireIndex === wireIndex) : id !== "" ? this.#calls.findLast((call) => call.id === id) : name === "" ? last : undefined;
    // The name of a call whose arguments came first, without an index and without an id.
    const unnamed = found === undefined && wireIndex === null && last !== undefined && last.index === null && (last.id === "" || id === "") ? last : undefined;
    const known = found ?? unnamed;
    if (known !== undefined && !(name !== "" && known.index !== null && id !== "" && known.id !== id)) return known;
    const call: StreamedCall = { wireIndex, id, index: null, waiting: "" };
    this.#calls.push(call);
    return call;
  }
}
