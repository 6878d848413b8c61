import type { AppError } from "../../../core/errors.ts";
import type { TokenUsage } from "../../conversation/chat-answer.ts";
import { unknownUsage } from "../../conversation/chat-answer.ts";
import type { ChatEvent } from "../../conversation/chat-event.ts";
import { mergeUsage } from "../../conversation/chat-event.ts";
import type { AssistantPart, ChatRequest } from "../../conversation/chat-request.ts";
import type { AnswerFrame, ChatStreamWriter } from "../client-protocol.ts";
import { openAiError } from "../openai-error.ts";
import type { Item } from "./response-document.ts";
import { callItem, closedResponse, contentDocument, hasRefusal, imageItem, itemId, messageItem, reasoningItem, responseFrame, responseUsage } from "./response-document.ts";
import { sealThinking } from "./sealed-thinking.ts";

interface OpenMessage {
  type: "message";
  id: string;
  index: number;
  content: Item[];
  part: { kind: "text" | "refusal"; text: string } | null;
}

interface OpenReasoning {
  type: "reasoning";
  id: string;
  index: number;
  text: string;
  encrypted: string | null;
}

interface OpenCall {
  id: string;
  index: number;
  call: Extract<ChatEvent, { type: "tool-call" }>;
  text: string;
}

/** Writes the events of a response, numbered from 0. Calls stay open until the model has ended, since their arguments may alternate; a message or a thought ends where something else begins. */
export class ResponseStreamWriter implements ChatStreamWriter {
  readonly #frame: AnswerFrame;
  readonly #request: ChatRequest;
  readonly #response: Item;
  readonly #output: Item[] = [];
  readonly #calls = new Map<number, OpenCall>();
  #open: OpenMessage | OpenReasoning | null = null;
  #items = 0;
  #number = 0;
  #started = false;
  #usage: TokenUsage = unknownUsage;
  #finish: Extract<ChatEvent, { type: "finish" }>["finish"] = "stop";

  constructor(frame: AnswerFrame, request: ChatRequest) {
    this.#frame = frame;
    this.#request = request;
    this.#response = responseFrame(frame, request);
  }

  write(event: ChatEvent): string {
    switch (event.type) {
      case "start":
        return this.#start();
      case "text":
      case "refusal":
        return this.#start() + this.#text(event.type, event.text);
      case "thinking":
        return this.#start() + this.#thinking(event.text);
      case "thinking-signature":
        return this.#start() + this.#sealed("signature", event.signature);
      case "redacted-thinking":
        return this.#start() + this.#closeItem() + this.#sealed("redacted", event.data);
      case "image":
        return this.#start() + this.#closeItem() + this.#image(event);
      case "tool-call":
        return this.#start() + this.#closeItem() + this.#openCall(event);
      case "tool-arguments": {
        const open = this.#calls.get(event.index);
        if (open === undefined) return "";
        open.text += event.text;
        return this.#event("response.function_call_arguments.delta", { item_id: open.id, output_index: open.index, delta: event.text });
      }
      case "usage":
        this.#usage = mergeUsage(this.#usage, event.usage);
        return "";
      case "finish":
        this.#finish = event.finish;
        return this.#start() + this.#closeAll();
    }
  }

  end(parts: () => readonly AssistantPart[]): string {
    const closed = this.#start() + this.#closeAll();
    const response = closedResponse(this.#response, { finish: this.#finish, usage: responseUsage(this.#request, this.#usage, parts) }, this.#output, this.#output.some(hasRefusal));
    return closed + this.#event(response.status === "completed" ? "response.completed" : "response.incomplete", { response });
  }

  /** What was whole by then stays in the response that failed. */
  fail(error: AppError, requestId: string): string {
    const { code, message, param } = openAiError(error, requestId).error;
    const output = this.#output.filter((item) => item !== undefined);
    const response = { ...this.#response, status: "failed", output, error: { code: code === "rate_limit_exceeded" ? code : "server_error", message } };
    return this.#start() + this.#event("error", { code, message, param }) + this.#event("response.failed", { response });
  }

  #start(): string {
    if (this.#started) return "";
    this.#started = true;
    return this.#event("response.created", { response: this.#response }) + this.#event("response.in_progress", { response: this.#response });
  }

  #text(kind: "text" | "refusal", text: string): string {
    let opened = "";
    if (this.#open?.type !== "message") {
      opened = this.#closeItem();
      const index = this.#items++;
      this.#open = { type: "message", id: itemId("msg", this.#frame.id, index), index, content: [], part: null };
      opened += this.#event("response.output_item.added", { output_index: index, item: messageItem(this.#open.id, "in_progress", []) });
    }
    const message = this.#open;
    if (message.part?.kind !== kind) {
      opened += this.#closePart(message);
      message.part = { kind, text: "" };
      opened += this.#event("response.content_part.added", { ...partPlace(message), part: contentDocument(kind, "") });
    }
    message.part.text += text;
    const name = kind === "text" ? "response.output_text.delta" : "response.refusal.delta";
    return opened + this.#event(name, { ...partPlace(message), delta: text, ...(kind === "text" && { logprobs: [] }) });
  }

  #closePart(message: OpenMessage): string {
    if (message.part === null) return "";
    const { kind, text } = message.part;
    const part = contentDocument(kind, text);
    const done = kind === "text" ? this.#event("response.output_text.done", { ...partPlace(message), text, logprobs: [] }) : this.#event("response.refusal.done", { ...partPlace(message), refusal: text });
    const closed = done + this.#event("response.content_part.done", { ...partPlace(message), part });
    message.content.push(part);
    message.part = null;
    return closed;
  }

  #openReasoning(): { opened: string; reasoning: OpenReasoning } {
    if (this.#open?.type === "reasoning") return { opened: "", reasoning: this.#open };
    const closed = this.#closeItem();
    const index = this.#items++;
    const reasoning: OpenReasoning = { type: "reasoning", id: itemId("rs", this.#frame.id, index), index, text: "", encrypted: null };
    this.#open = reasoning;
    return { opened: closed + this.#event("response.output_item.added", { output_index: index, item: reasoningItem(reasoning.id, "", null) }), reasoning };
  }

  #thinking(text: string): string {
    const { opened, reasoning } = this.#openReasoning();
    const place = { item_id: reasoning.id, output_index: reasoning.index, summary_index: 0 };
    const part = reasoning.text === "" ? this.#event("response.reasoning_summary_part.added", { ...place, part: { type: "summary_text", text: "" } }) : "";
    reasoning.text += text;
    return opened + part + this.#event("response.reasoning_summary_text.delta", { ...place, delta: text });
  }

  #sealed(kind: "signature" | "redacted", value: string): string {
    const { opened, reasoning } = this.#openReasoning();
    reasoning.encrypted = sealThinking(kind, value);
    return opened + this.#closeItem();
  }

  #image({ mediaType, base64, signature }: Extract<ChatEvent, { type: "image" }>): string {
    const index = this.#items++;
    const id = itemId("ig", this.#frame.id, index);
    const part = { type: "image", source: { kind: "data", mediaType, base64 }, ...(signature !== undefined && { signature }) } as const;
    return this.#event("response.output_item.added", { output_index: index, item: imageItem(id, "in_progress", part) })
      + this.#event("response.image_generation_call.completed", { item_id: id, output_index: index }) + this.#itemDone(index, imageItem(id, "completed", part));
  }

  #openCall(call: Extract<ChatEvent, { type: "tool-call" }>): string {
    const index = this.#items++;
    const open: OpenCall = { id: itemId("fc", this.#frame.id, index), index, call, text: "" };
    this.#calls.set(call.index, open);
    return this.#event("response.output_item.added", { output_index: index, item: callItem(open.id, "in_progress", call, "") });
  }

  #closeItem(): string {
    const open = this.#open;
    this.#open = null;
    if (open === null) return "";
    if (open.type === "message") {
      const closed = this.#closePart(open);
      return closed + this.#itemDone(open.index, messageItem(open.id, "completed", open.content));
    }
    const place = { item_id: open.id, output_index: open.index, summary_index: 0 };
    const text = open.text === "" ? "" : this.#event("response.reasoning_summary_text.done", { ...place, text: open.text })
      + this.#event("response.reasoning_summary_part.done", { ...place, part: { type: "summary_text", text: open.text } });
    return text + this.#itemDone(open.index, reasoningItem(open.id, open.text, open.encrypted));
  }

  #closeAll(): string {
    let closed = this.#closeItem();
    for (const { id, index, call, text } of this.#calls.values()) {
      closed += this.#event("response.function_call_arguments.done", { item_id: id, output_index: index, name: call.name, arguments: text });
      closed += this.#itemDone(index, callItem(id, "completed", call, text));
    }
    this.#calls.clear();
    return closed;
  }

  #itemDone(index: number, item: Item): string {
    this.#output[index] = item;
    return this.#event("response.output_item.done", { output_index: index, item });
  }

  #event(type: string, fields: Item): string {
    return `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: this.#number++, ...fields })}\n\n`;
  }
}

function partPlace({ id, index, content }: OpenMessage): { item_id: string; output_index: number; content_index: number } {
  return { item_id: id, output_index: index, content_index: content.length };
}
