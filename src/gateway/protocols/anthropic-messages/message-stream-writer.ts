import type { AppError } from "../../../core/errors.ts";
import type { TokenUsage } from "../../conversation/chat-answer.ts";
import { unknownUsage } from "../../conversation/chat-answer.ts";
import type { ChatEvent } from "../../conversation/chat-event.ts";
import { mergeUsage } from "../../conversation/chat-event.ts";
import type { AssistantPart, ChatRequest } from "../../conversation/chat-request.ts";
import { countedRound, estimateChat } from "../../tokens/index.ts";
import type { AnswerFrame, ChatStreamWriter } from "../client-protocol.ts";
import { signatureContent } from "../openai-chat/chat-document.ts";
import { imageNote } from "../image-note.ts";
import { anthropicError } from "./anthropic-error.ts";
import { messageUsage, stopFields } from "./message-document.ts";

const emptyThinking = '{"type":"thinking","thinking":"","signature":""}';
type BlockKind = "text" | "refusal" | "thinking";

/**
 * Writes Anthropic's events. Blocks come one behind the other, as its clients expect: where the arguments of several calls alternate, one is written as it comes and all else waits until it is whole.
 * `message_start` waits for the first content, so that it can tell the input's tokens where a provider told them first; else it tells an estimate, for clients that read them there alone, and the end what they were.
 */
export class AnthropicStreamWriter implements ChatStreamWriter {
  readonly #frame: AnswerFrame;
  readonly #request: ChatRequest;
  #started = false;
  /** Blocks opened so far; the last one has the index before it. */
  #blocks = 0;
  #open: BlockKind | null = null;
  /** The call whose block is open. */
  #current: { index: number; text: string } | null = null;
  /** What came while the arguments of that call were not whole. */
  #waiting: ChatEvent[] = [];
  #usage: TokenUsage = unknownUsage;
  #finish: Extract<ChatEvent, { type: "finish" }> | null = null;

  constructor(frame: AnswerFrame, request: ChatRequest) {
    this.#frame = frame;
    this.#request = request;
  }

  write(event: ChatEvent): string {
    if (event.type === "start") return "";
    if (event.type === "usage") {
      this.#usage = mergeUsage(this.#usage, event.usage);
      return "";
    }
    if (event.type === "finish") {
      this.#finish = event;
      return this.#start() + this.#closeAll();
    }
    if (this.#current === null) return this.#show(event);
    if (event.type === "tool-arguments" && event.index === this.#current.index) {
      this.#current.text += event.text;
      const shown = this.#show(event);
      return this.#waiting.length > 0 && isWhole(this.#current.text) ? shown + this.#close() + this.#showWaiting() : shown;
    }
    if (isWhole(this.#current.text)) return this.#show(event);
    this.#waiting.push(event);
    return "";
  }

  end(parts: () => readonly AssistantPart[]): string {
    const { finish = "stop", finishWord = null, stopSequence = null } = this.#finish ?? {};
    const isTold = this.#usage.inputTokens !== null && this.#usage.outputTokens !== null;
    const usage = messageUsage(isTold ? this.#usage : countedRound(this.#request, { usage: this.#usage, parts: parts() }));
    const stopped = named("message_delta", JSON.stringify({ type: "message_delta", delta: stopFields(finish, finishWord, stopSequence), usage }));
    return this.#start() + this.#closeAll() + stopped + named("message_stop", '{"type":"message_stop"}');
  }

  fail(error: AppError, requestId: string): string {
    return named("error", JSON.stringify(anthropicError(error, requestId)));
  }

  #start(): string {
    if (this.#started) return "";
    this.#started = true;
    const { id, model } = this.#frame;
    const usage = messageUsage({ ...this.#usage, inputTokens: this.#usage.inputTokens ?? estimateChat(this.#request) });
    const message = { id, type: "message", role: "assistant", model, content: [], stop_reason: null, stop_sequence: null, usage };
    return named("message_start", JSON.stringify({ type: "message_start", message })) + named("ping", '{"type":"ping"}');
  }

  #show(event: Exclude<ChatEvent, { type: "start" | "usage" | "finish" }>): string {
    switch (event.type) {
      case "text":
      case "refusal":
        return this.#openBlock(event.type, '{"type":"text","text":""}') + this.#delta(`{"type":"text_delta","text":${JSON.stringify(event.text)}}`);
      case "thinking":
        return this.#openBlock("thinking", emptyThinking) + this.#delta(`{"type":"thinking_delta","thinking":${JSON.stringify(event.text)}}`);
      case "thinking-signature":
        return this.#openBlock("thinking", emptyThinking) + this.#delta(`{"type":"signature_delta","signature":${JSON.stringify(event.signature)}}`) + this.#close();
      case "image":
        return this.#openBlock("text", '{"type":"text","text":""}') + this.#delta(`{"type":"text_delta","text":${JSON.stringify(imageNote)}}`) + this.#close();
      case "redacted-thinking":
        return this.#close() + this.#begin(JSON.stringify({ type: "redacted_thinking", data: event.data })) + this.#stop();
      case "tool-call": {
        const closed = this.#close();
        this.#current = { index: event.index, text: "" };
        return closed + this.#begin(JSON.stringify({ type: "tool_use", id: event.id, name: event.name, input: {}, ...signatureContent(event.signature) }));
      }
      case "tool-arguments":
        // Those of a call that was whole already are more than one object: no client could read them.
        return event.index === this.#current?.index ? this.#delta(`{"type":"input_json_delta","partial_json":${JSON.stringify(event.text)}}`) : "";
    }
  }

  #openBlock(kind: BlockKind, block: string): string {
    if (this.#open === kind) return "";
    const closed = this.#close();
    this.#open = kind;
    return closed + this.#begin(block);
  }

  #close(): string {
    if (this.#open === null && this.#current === null) return "";
    this.#open = null;
    this.#current = null;
    return this.#stop();
  }

  /** Each round shows at least the first of what waits, since nothing is open before it. */
  #closeAll(): string {
    let closed = this.#close();
    while (this.#waiting.length > 0) closed += this.#showWaiting() + this.#close();
    return closed;
  }

  #showWaiting(): string {
    const events = this.#waiting;
    this.#waiting = [];
    return events.map((event) => this.write(event)).join("");
  }

  #begin(block: string): string {
    return `${this.#start()}event: content_block_start\ndata: {"type":"content_block_start","index":${this.#blocks++},"content_block":${block}}\n\n`;
  }

  #delta(delta: string): string {
    return `event: content_block_delta\ndata: {"type":"content_block_delta","index":${this.#blocks - 1},"delta":${delta}}\n\n`;
  }

  #stop(): string {
    return `event: content_block_stop\ndata: {"type":"content_block_stop","index":${this.#blocks - 1}}\n\n`;
  }
}

/** Whether arguments can be over: a call without any so far may still get some. */
function isWhole(text: string): boolean {
  if (!text.trimEnd().endsWith("}")) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function named(event: string, data: string): string {
  return `event: ${event}\ndata: ${data}\n\n`;
}
