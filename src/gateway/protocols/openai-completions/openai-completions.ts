import type { ChatAnswer, FinishReason, TokenUsage } from "../../conversation/chat-answer.ts";
import { unknownUsage } from "../../conversation/chat-answer.ts";
import type { ChatEvent } from "../../conversation/chat-event.ts";
import { mergeUsage } from "../../conversation/chat-event.ts";
import type { ChatRequest } from "../../conversation/chat-request.ts";
import type { AppError } from "../../../core/errors.ts";
import type { AnswerFrame, ChatProtocol, ChatStreamWriter } from "../client-protocol.ts";
import { imageNote } from "../image-note.ts";
import { openAiError } from "../openai-error.ts";
import { openAiFinishReasons, openAiUsage } from "../openai-usage.ts";
import { wantsUsage } from "../openai-chat/chat-stream-writer.ts";
import type { Fields } from "../request-fields.ts";
import { RequestFields } from "../request-fields.ts";

const known = new Set([
  "model", "prompt", "max_tokens", "temperature", "top_p", "stop", "seed", "frequency_penalty", "presence_penalty", "stream", "user", "n", "best_of", "echo", "logprobs", "suffix",
]);

/** The older protocol: a text goes in, a text comes out. It becomes a chat of one message of a user. */
function parseCompletion(body: Fields): ChatRequest {
  const fields = new RequestFields();
  fields.name(body.model, "model");
  const extra = fields.extra(body, known);
  const count = fields.count(body.n, "n", 1);
  if (count !== null && count > 1) extra.n = count;
  // A chat has no probabilities of its prompt, nothing behind its answer, and no choice among many.
  if (fields.flag(body.echo, "echo") === true) fields.native("echo", "is not carried over to chats", true);
  if ((fields.optionalText(body.suffix, "suffix") ?? "") !== "") fields.native("suffix", "is not carried over to chats", body.suffix);
  if (fields.count(body.logprobs, "logprobs", 0) !== null) fields.native("logprobs", "is not carried over to chats", body.logprobs);
  if ((fields.count(body.best_of, "best_of", 1) ?? 1) > (count ?? 1)) fields.native("best_of", "is not carried over to chats", body.best_of);
  fields.optionalRecord(body.stream_options, "stream_options");
  return {
    messages: [{ role: "user", parts: [{ type: "text", text: readPrompt(fields, body.prompt) }] }],
    tools: [],
    toolChoice: { type: "auto" },
    parallelToolCalls: null,
    output: { type: "text" },
    sampling: {
      maxOutputTokens: fields.count(body.max_tokens, "max_tokens", 1),
      temperature: fields.number(body.temperature, "temperature", 0, 2),
      topP: fields.number(body.top_p, "top_p", 0, 1),
      topK: null,
      stop: fields.texts(body.stop, "stop"),
      seed: fields.count(body.seed, "seed", Number.MIN_SAFE_INTEGER),
      frequencyPenalty: fields.number(body.frequency_penalty, "frequency_penalty", -2, 2),
      presencePenalty: fields.number(body.presence_penalty, "presence_penalty", -2, 2),
    },
    reasoning: null,
    stream: fields.flag(body.stream, "stream") ?? false,
    user: fields.optionalText(body.user, "user") ?? null,
    ...fields.finish(extra),
  };
}

/** Several prompts or token numbers only pass to a server that speaks this protocol; several texts stand there together, to be counted and judged. */
function readPrompt(fields: RequestFields, prompt: unknown): string {
  if (!Array.isArray(prompt)) return fields.text(prompt, "prompt");
  if (prompt.length === 0) fields.problem("prompt", "must not be empty");
  if (prompt.every((text) => typeof text === "string")) {
    if (prompt.length > 1) fields.native("prompt", "several prompts at once are not carried over to chats", prompt);
    return prompt.join("\n");
  }
  if (prompt.every((token) => Number.isSafeInteger(token) || (Array.isArray(token) && token.every((inner) => Number.isSafeInteger(inner))))) {
    fields.native("prompt", "token numbers are not carried over to chats; send the text", prompt);
  } else fields.problem("prompt", "must be a string, strings, or token numbers");
  return "";
}

/** The text alone: this protocol has no place for thinking and tools. A refusal is all the text there is. */
function completionDocument(answer: ChatAnswer, frame: AnswerFrame): Record<string, unknown> {
  const usage = openAiUsage(answer.usage);
  const text = answer.parts.map((part) => (part.type === "text" || part.type === "refusal" ? part.text : part.type === "image" ? imageNote : "")).join("");
  return {
    id: frame.id,
    object: "text_completion",
    created: frame.created,
    model: frame.model,
    choices: [{ text, index: 0, logprobs: null, finish_reason: finishReason(answer.finish) }],
    ...(usage && { usage }),
  };
}

function finishReason(finish: FinishReason): string {
  return finish === "tool-calls" ? "stop" : openAiFinishReasons[finish];
}

class CompletionStreamWriter implements ChatStreamWriter {
  readonly #head: string;
  readonly #wantsUsage: boolean;
  #usage: TokenUsage = unknownUsage;

  constructor(frame: AnswerFrame, request: ChatRequest) {
    this.#wantsUsage = wantsUsage(request);
    this.#head = `data: {"id":${JSON.stringify(frame.id)},"object":"text_completion","created":${frame.created},"model":${JSON.stringify(frame.model)},"choices":[`;
  }

  write(event: ChatEvent): string {
    if (event.type === "usage") this.#usage = mergeUsage(this.#usage, event.usage);
    if (event.type === "text" || event.type === "refusal") return this.#chunk(event.text, null);
    if (event.type === "image") return this.#chunk(imageNote, null);
    return event.type === "finish" ? this.#chunk("", finishReason(event.finish)) : "";
  }

  end(): string {
    const usage = this.#wantsUsage ? `${this.#head}],"usage":${JSON.stringify(openAiUsage(this.#usage) ?? null)}}\n\n` : "";
    return `${usage}data: [DONE]\n\n`;
  }

  fail(error: AppError, requestId: string): string {
    return `data: ${JSON.stringify(openAiError(error, requestId))}\n\n`;
  }

  #chunk(text: string, finish: string | null): string {
    return `${this.#head}{"text":${JSON.stringify(text)},"index":0,"logprobs":null,"finish_reason":${JSON.stringify(finish)}}]${this.#wantsUsage ? ',"usage":null' : ""}}\n\n`;
  }
}

/** POST /v1/completions. */
export const openAiCompletions: ChatProtocol = {
  protocol: "openai-completions",
  parse: parseCompletion,
  answer: completionDocument,
  stream: (frame, request) => new CompletionStreamWriter(frame, request),
  error: openAiError,
};
