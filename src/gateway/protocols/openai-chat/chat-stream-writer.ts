import type { TokenUsage } from "../../conversation/chat-answer.ts";
import { unknownUsage } from "../../conversation/chat-answer.ts";
import type { ChatEvent } from "../../conversation/chat-event.ts";
import { mergeUsage } from "../../conversation/chat-event.ts";
import type { ChatRequest } from "../../conversation/chat-request.ts";
import type { AppError } from "../../../core/errors.ts";
import type { AnswerFrame, ChatStreamWriter } from "../client-protocol.ts";
import { openAiError } from "../openai-error.ts";
import { openAiFinishReasons, openAiUsage } from "../openai-usage.ts";
import { isFields } from "../request-fields.ts";
import { imageDocument, signatureContent, thinkingDocument } from "./chat-document.ts";

/** Whether the caller wants a last chunk with the usage: `stream_options.include_usage`. */
export function wantsUsage(request: ChatRequest): boolean {
  return isFields(request.extra.stream_options) && request.extra.stream_options.include_usage === true;
}

/**
 * Writes `chat.completion.chunk`s: one id, one chunk with the role, one index for each tool call, one last chunk with usage and without choices where it was asked for. What the model thought goes to
 * `reasoning_content`, and once more with its signature to `thinking_blocks`; neither is text.
 */
export class OpenAiChatStreamWriter implements ChatStreamWriter {
  /** All that stands in a chunk before its delta, and behind it. */
  readonly #head: string;
  readonly #tail: string;
  readonly #wantsUsage: boolean;
  #started = false;
  #thinking = "";
  #images = 0;
  #usage: TokenUsage = unknownUsage;

  constructor(frame: AnswerFrame, request: ChatRequest) {
    this.#wantsUsage = wantsUsage(request);
    this.#head = `data: {"id":${JSON.stringify(frame.id)},"object":"chat.completion.chunk","created":${frame.created},"model":${JSON.stringify(frame.model)},"choices":[`;
    this.#tail = `]${this.#wantsUsage ? ',"usage":null' : ""}}\n\n`;
  }

  write(event: ChatEvent): string {
    // A signature is of the thinking right before it.
    if (event.type !== "thinking" && event.type !== "thinking-signature" && event.type !== "usage") this.#thinking = "";
    switch (event.type) {
      case "start":
        return this.#start();
      case "text":
        return this.#delta(`{"content":${JSON.stringify(event.text)}}`);
      case "refusal":
        return this.#delta(`{"refusal":${JSON.stringify(event.text)}}`);
      case "thinking":
        this.#thinking += event.text;
        return this.#delta(`{"reasoning_content":${JSON.stringify(event.text)}}`);
      case "thinking-signature": {
        const block = thinkingDocument({ type: "thinking", text: this.#thinking, signature: event.signature });
        this.#thinking = "";
        return this.#delta(JSON.stringify({ thinking_blocks: [block] }));
      }
      case "redacted-thinking":
        return this.#delta(JSON.stringify({ thinking_blocks: [thinkingDocument(event)] }));
      case "image": {
        const part = { type: "image", source: { kind: "data", mediaType: event.mediaType, base64: event.base64 }, ...(event.signature !== undefined && { signature: event.signature }) } as const;
        return this.#delta(JSON.stringify({ images: imageDocument(part, this.#images++) }));
      }
      case "tool-call": {
        const call = { index: event.index, id: event.id, type: "function", function: { name: event.name, arguments: "" }, ...signatureContent(event.signature) };
        return this.#delta(JSON.stringify({ tool_calls: [call] }));
      }
      case "tool-arguments":
        return this.#delta(`{"tool_calls":[{"index":${event.index},"function":{"arguments":${JSON.stringify(event.text)}}}]}`);
      case "usage":
        this.#usage = mergeUsage(this.#usage, event.usage);
        return "";
      case "finish":
        return this.#delta("{}", openAiFinishReasons[event.finish]);
    }
  }

  end(): string {
    const usage = this.#wantsUsage ? `${this.#head}],"usage":${JSON.stringify(openAiUsage(this.#usage) ?? null)}}\n\n` : "";
    return `${usage}data: [DONE]\n\n`;
  }

  /** Clients raise what has the field `error`; without `[DONE]` others see that it is no end. */
  fail(error: AppError, requestId: string): string {
    return `data: ${JSON.stringify(openAiError(error, requestId))}\n\n`;
  }

  #start(): string {
    if (this.#started) return "";
    this.#started = true;
    return `${this.#head}{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}${this.#tail}`;
  }

  #delta(delta: string, finish: string | null = null): string {
    const start = this.#started ? "" : this.#start();
    return `${start}${this.#head}{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${finish === null ? "null" : `"${finish}"`}}${this.#tail}`;
  }
}
