import type { AppError } from "../../core/errors.ts";
import type { ChatAnswer } from "../conversation/chat-answer.ts";
import type { ChatEvent } from "../conversation/chat-event.ts";
import type { AssistantPart, ChatRequest } from "../conversation/chat-request.ts";
import type { Protocol } from "../providers/provider-mapping.ts";

/** What the gateway gives to an answer of its own. */
export interface AnswerFrame {
  /** One id for the whole answer, also where a second provider took over. */
  id: string;
  /** As the caller named it. */
  model: string;
  /** Seconds since 1970. */
  created: number;
}

/** Writes one streamed answer in the caller's protocol. */
export interface ChatStreamWriter {
  /** Whole server-sent events as text; empty where this event shows nothing. */
  write(event: ChatEvent): string;
  /** What stands behind the last event, such as `data: [DONE]`. `parts` are those of the whole answer, to count what nobody told where the protocol must have a figure. */
  end(parts: () => readonly AssistantPart[]): string;
  /** An error after the answer has begun: the caller must be able to tell it from an end. */
  fail(error: AppError, requestId: string): string;
}

/** A protocol that callers speak for chats. Pure. */
export interface ChatProtocol {
  protocol: Protocol;
  /** `body` is the parsed JSON; `bytes` its text, for numbers that no number of JavaScript holds. Throws INVALID_REQUEST with every problem and its path. */
  parse(body: Readonly<Record<string, unknown>>, bytes?: Uint8Array): ChatRequest;
  /** The JSON document of a whole answer. */
  answer(answer: ChatAnswer, frame: AnswerFrame, request: ChatRequest): Record<string, unknown>;
  stream(frame: AnswerFrame, request: ChatRequest): ChatStreamWriter;
  /** The body of an error, as this protocol's clients read it. */
  error(error: AppError, requestId: string): unknown;
}
