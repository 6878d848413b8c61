import { AppError } from "../../../core/errors.ts";
import { unknownUsage, type FinishReason, type TokenUsage } from "../../conversation/chat-answer.ts";
import type { ChatEvent } from "../../conversation/chat-event.ts";
import { isGroundedByPrompt } from "../../calls/web-searches.ts";
import { EventStreamReader, type ServerSentEvent } from "../event-stream.ts";
import type { ChatStreamReader } from "../provider-mapping.ts";
import { audioTokens, callerText, countOf, fieldsOf, jsonText, listOf, readEvent, rowOf, sumOf, textOf, type Fields } from "../wire-value.ts";
import { signaturePrefix } from "./gemini-contents.ts";

const finishReasons: Readonly<Record<string, FinishReason>> = {
  STOP: "stop", MAX_TOKENS: "length", CONTINUATION: "length", SAFETY: "content-filter", RECITATION: "content-filter", LANGUAGE: "content-filter", OTHER: "content-filter", BLOCKLIST: "content-filter",
  PROHIBITED_CONTENT: "content-filter", SPII: "content-filter", MODEL_ARMOR: "content-filter", IMAGE_SAFETY: "content-filter", IMAGE_PROHIBITED_CONTENT: "content-filter", IMAGE_RECITATION: "content-filter", IMAGE_OTHER: "content-filter",
};
/** The model wrote a call that cannot be read, or may not be made: another attempt may do better. */
const failures: ReadonlySet<string> = new Set(["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE", "MALFORMED_RESPONSE"]);

/** The events of `streamGenerateContent?alt=sse`. */
export class GeminiStreamReader implements ChatStreamReader {
  readonly #frames = new EventStreamReader();
  readonly #chunks = new GeminiChunkReader("PROVIDER_STREAM_FAILED");

  push(bytes: Uint8Array): ChatEvent[] {
    return this.#read(this.#frames.push(bytes));
  }

  end(): ChatEvent[] {
    return [...this.#read(this.#frames.end()), ...this.#chunks.end()];
  }

  #read(frames: readonly ServerSentEvent[]): ChatEvent[] {
    return frames.flatMap(({ data }) => (data.trim() === "" ? [] : this.#chunks.read(readEvent(data))));
  }
}

/**
 * Reads GenerateContentResponse objects, each a piece of one answer; a whole answer is one piece. The reason to stop may come in several of them and before the last, so that it counts at the end only.
 */
export class GeminiChunkReader {
  readonly #code: "PROVIDER_STREAM_FAILED" | "PROVIDER_ANSWER_INVALID";
  #id: string | null = null;
  #calls = 0;
  #finishWord: string | null = null;
  #blocked = false;
  #byPrompt = false;
  readonly #queries = new Set<string>();
  #searches = 0;
  /** The newest of each figure: totals so far, of which a piece may tell some. */
  #told: Fields = {};

  constructor(code: "PROVIDER_STREAM_FAILED" | "PROVIDER_ANSWER_INVALID") {
    this.#code = code;
  }

  read(chunk: Fields): ChatEvent[] {
    if (chunk.error !== undefined) throw new AppError(this.#code, callerText(`The provider broke off: ${textOf(fieldsOf(chunk.error).message) || "it gave no reason"}`));
    const events: ChatEvent[] = [];
    if (this.#id === null) {
      this.#id = textOf(chunk.responseId);
      const model = textOf(chunk.modelVersion);
      this.#byPrompt = isGroundedByPrompt(model);
      events.push({ type: "start", id: this.#id, model });
    }
    const candidate = fieldsOf(listOf(chunk.candidates).find((one) => (fieldsOf(one).index ?? 0) === 0));
    for (const part of listOf(fieldsOf(candidate.content).parts)) this.#part(fieldsOf(part), events);
    const word = textOf(candidate.finishReason);
    if (failures.has(word)) throw new AppError(this.#code, callerText(`The model made no call that can be carried out (${word}). ${textOf(candidate.finishMessage)}`));
    if (word !== "" && word !== "FINISH_REASON_UNSPECIFIED") this.#finishWord = word;
    const blockReason = textOf(fieldsOf(chunk.promptFeedback).blockReason);
    if (blockReason !== "") {
      this.#blocked = true;
      this.#finishWord = blockReason;
    }
    this.#grounding(fieldsOf(candidate.groundingMetadata), events);
    if (chunk.usageMetadata !== undefined) {
      this.#told = { ...this.#told, ...fieldsOf(chunk.usageMetadata) };
      events.push({ type: "usage", usage: geminiUsage(this.#told) });
    }
    return events;
  }

  end(): ChatEvent[] {
    if (this.#finishWord === null) throw new AppError(this.#code, "The provider's answer ended before the model was done.");
    const finish = this.#blocked ? "content-filter" : (rowOf(finishReasons, this.#finishWord) ?? "stop");
    return [{ type: "finish", finish: finish === "stop" && this.#calls > 0 ? "tool-calls" : finish, finishWord: this.#finishWord, stopSequence: null }];
  }

  /** Queries are told again with every piece; those without words are not billed, and one that is made twice is billed once. */
  #grounding({ webSearchQueries, groundingChunks }: Fields, events: ChatEvent[]): void {
    for (const query of listOf(webSearchQueries).map(textOf)) if (query !== "") this.#queries.add(query);
    const isGrounded = this.#queries.size > 0 || listOf(groundingChunks).some((chunk) => fieldsOf(chunk).web !== undefined);
    const searches = !isGrounded ? this.#searches : this.#byPrompt ? 1 : Math.max(1, this.#queries.size);
    if (searches === this.#searches) return;
    this.#searches = searches;
    events.push({ type: "usage", usage: { ...unknownUsage, webSearches: searches } });
  }

  #part(part: Fields, events: ChatEvent[]): void {
    const signature = textOf(part.thoughtSignature);
    if (part.functionCall !== undefined) {
      const call = fieldsOf(part.functionCall);
      const index = this.#calls++;
      // Most models give no ids; one of the answer's own and the call's place is the same whenever it is read.
      const id = textOf(call.id) || `call_${this.#id}_${index}`;
      events.push({ type: "tool-call", index, id, name: textOf(call.name), ...(signature === "" ? {} : { signature }) });
      if (call.args === undefined) return;
      const text = jsonText(call.args);
      if (text === null) throw new AppError(this.#code, "The arguments of a tool call are nested too deeply.");
      events.push({ type: "tool-arguments", index, text });
      return;
    }
    const text = textOf(part.text);
    const { mimeType, data } = fieldsOf(part.inlineData);
    // What it draws while it thinks is no part of the answer.
    if (typeof data === "string" && data !== "" && part.thought !== true) {
      const mediaType = textOf(mimeType) || "image/png";
      if (!mediaType.startsWith("image/")) throw new AppError(this.#code, callerText(`The model answered with ${mediaType}, which no protocol here has a place for.`));
      events.push({ type: "image", mediaType, base64: data, ...(signature === "" ? {} : { signature }) });
      return;
    }
    if (part.thought === true) {
      if (text !== "") events.push({ type: "thinking", text });
      if (signature !== "") events.push({ type: "thinking-signature", signature: signaturePrefix + signature });
      return;
    }
    if (signature !== "") events.push({ type: "thinking-signature", signature: signaturePrefix + signature });
    if (text !== "") events.push({ type: "text", text });
  }
}

function audioAmong(details: unknown): number | null {
  return sumOf(...listOf(details).map(fieldsOf).filter(({ modality }) => modality === "AUDIO").map(({ tokenCount }) => countOf(tokenCount)));
}

/** `promptTokenCount` includes what was cached; thoughts are counted beside the answer and billed like it. */
function geminiUsage(usage: Fields): TokenUsage {
  return {
    inputTokens: sumOf(countOf(usage.promptTokenCount), countOf(usage.toolUsePromptTokenCount)),
    outputTokens: sumOf(countOf(usage.candidatesTokenCount), countOf(usage.thoughtsTokenCount)),
    cacheReadTokens: countOf(usage.cachedContentTokenCount),
    cacheWriteTokens: null,
    reasoningTokens: countOf(usage.thoughtsTokenCount),
    ...audioTokens(audioAmong(usage.promptTokensDetails), audioAmong(usage.candidatesTokensDetails)),
  };
}
