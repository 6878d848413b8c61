import { AppError } from "../../../core/errors.ts";
import type { ChatEvent } from "../../conversation/chat-event.ts";
import type { ChatStreamReader } from "../provider-mapping.ts";
import { callerText, countOf, fieldsOf, parseFields, readEvent, textOf, type Fields } from "../wire-value.ts";
import { answerTool } from "./bedrock-request.ts";
import { bedrockFinish, bedrockUsage, malformedStops, stopSequenceOf } from "./bedrock-words.ts";
import { EventFrameReader, type EventFrame } from "./event-frames.ts";

/** Stands among calls for the tool whose arguments are the answer's text. */
const answerText = -1;

/** The events of ConverseStream. Usage comes last, behind the reason to stop. */
export class BedrockStreamReader implements ChatStreamReader {
  readonly #frames = new EventFrameReader();
  /** Calls by the block that they are; the provider counts blocks of every kind. */
  readonly #calls = new Map<number, number>();
  #callCount = 0;
  #isStarted = false;
  #isFinished = false;

  push(bytes: Uint8Array): ChatEvent[] {
    return this.#frames.push(bytes).flatMap((frame) => this.#frame(frame));
  }

  end(): ChatEvent[] {
    this.#frames.end();
    if (!this.#isFinished) throw new AppError("PROVIDER_STREAM_FAILED", "The provider's answer ended before the model was done.");
    return [];
  }

  #frame({ headers, payload }: EventFrame): ChatEvent[] {
    const text = payload.toString("utf8");
    if (headers[":message-type"] === "exception" || headers[":message-type"] === "error") {
      const name = headers[":exception-type"] ?? headers[":error-code"] ?? "an error";
      throw new AppError("PROVIDER_STREAM_FAILED", callerText(`The provider broke off with ${name}: ${headers[":error-message"] ?? textOf(parseFields(text)?.message)}`));
    }
    const event = readEvent(text);
    const events: ChatEvent[] = this.#isStarted ? [] : [{ type: "start", id: "", model: "" }];
    this.#isStarted = true;
    this.#event(headers[":event-type"] ?? "", event, events);
    return events;
  }

  #event(type: string, event: Fields, events: ChatEvent[]): void {
    if (type === "metadata") events.push({ type: "usage", usage: bedrockUsage(event) });
    else if (this.#isFinished) return;
    else if (type === "contentBlockStart") this.#open(event, events);
    else if (type === "contentBlockDelta") this.#delta(event, events);
    else if (type === "messageStop") {
      const finishWord = textOf(event.stopReason);
      if (malformedStops.has(finishWord)) throw new AppError("PROVIDER_STREAM_FAILED", `The model's answer cannot be read (${finishWord}).`);
      this.#isFinished = true;
      events.push({ type: "finish", finish: bedrockFinish(finishWord, this.#callCount), finishWord, stopSequence: stopSequenceOf(event.additionalModelResponseFields) });
    }
  }

  #open(event: Fields, events: ChatEvent[]): void {
    const { toolUse } = fieldsOf(event.start);
    if (toolUse === undefined) return;
    const { toolUseId, name } = fieldsOf(toolUse);
    const block = countOf(event.contentBlockIndex) ?? 0;
    if (name === answerTool) {
      this.#calls.set(block, answerText);
      return;
    }
    const index = this.#callCount++;
    this.#calls.set(block, index);
    events.push({ type: "tool-call", index, id: textOf(toolUseId), name: textOf(name) });
  }

  #delta(event: Fields, events: ChatEvent[]): void {
    const delta = fieldsOf(event.delta);
    if (typeof delta.text === "string") {
      if (delta.text !== "") events.push({ type: "text", text: delta.text });
    } else if (delta.toolUse !== undefined) {
      const index = this.#calls.get(countOf(event.contentBlockIndex) ?? 0);
      if (index === undefined) throw new AppError("PROVIDER_STREAM_FAILED", "The provider sent arguments of a tool call that it has not begun.");
      const text = textOf(fieldsOf(delta.toolUse).input);
      if (text !== "") events.push(index === answerText ? { type: "text", text } : { type: "tool-arguments", index, text });
    } else if (delta.reasoningContent !== undefined) {
      const { text, signature, redactedContent } = fieldsOf(delta.reasoningContent);
      if (typeof text === "string" && text !== "") events.push({ type: "thinking", text });
      if (typeof signature === "string" && signature !== "") events.push({ type: "thinking-signature", signature });
      if (typeof redactedContent === "string") events.push({ type: "redacted-thinking", data: redactedContent });
    }
  }
}
