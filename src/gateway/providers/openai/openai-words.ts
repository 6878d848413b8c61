import { AppError } from "../../../core/errors.ts";
import { toldTier } from "../../../ledger/index.ts";
import { unknownUsage, type FinishReason, type TokenUsage } from "../../conversation/chat-answer.ts";
import { searchesByItself } from "../../calls/web-searches.ts";
import { audioTokens, callerText, countOf, fieldsOf, jsonText, listOf, rowOf, textOf, webSearches, type Fields } from "../wire-value.ts";

const finishes: Readonly<Record<string, FinishReason>> = {
  stop: "stop", length: "length", model_length: "length", max_tokens: "length", tool_calls: "tool-calls", function_call: "tool-calls", content_filter: "content-filter",
};

/** A model that has called tools waits for them, also where the provider says `stop`, as OpenAI does for a tool that was asked for by name. */
export function finishOf(word: string, calls: number): FinishReason {
  const finish = rowOf(finishes, word) ?? "stop";
  return finish === "stop" && calls > 0 ? "tool-calls" : finish;
}

/** Usage of chat completions, completions and responses; `prompt_tokens` includes what came from the cache and audio, `completion_tokens` the reasoning. `tier`: as the document says beside it. */
export function usageOf(value: unknown, tier?: unknown): TokenUsage {
  const usage = fieldsOf(value);
  const input = fieldsOf(usage.prompt_tokens_details ?? usage.input_tokens_details);
  const output = fieldsOf(usage.completion_tokens_details ?? usage.output_tokens_details);
  return {
    ...unknownUsage,
    inputTokens: countOf(usage.prompt_tokens ?? usage.input_tokens),
    outputTokens: countOf(usage.completion_tokens ?? usage.output_tokens),
    // DeepSeek tells its cache beside the total.
    cacheReadTokens: countOf(input.cached_tokens ?? usage.prompt_cache_hit_tokens),
    cacheWriteTokens: countOf(input.cache_write_tokens),
    reasoningTokens: countOf(output.reasoning_tokens),
    ...audioTokens(countOf(input.audio_tokens), countOf(output.audio_tokens)),
    // OpenRouter tells them as Anthropic does; OpenAI has them among the items of the output.
    ...webSearches(countOf(fieldsOf(usage.server_tool_use).web_search_requests)),
    ...(typeof tier === "string" ? { tier: toldTier(tier) } : {}),
    ...toldCost(usage.cost),
  };
}

/** More US dollars than a call costs. */
const mostToldCost = 100_000;

/** OpenRouter tells one figure, Perplexity its parts and `total_cost`. */
function toldCost(value: unknown): Pick<TokenUsage, "toldCost"> {
  const cost = typeof value === "number" ? value : fieldsOf(value).total_cost;
  return typeof cost === "number" && cost >= 0 && cost <= mostToldCost ? { toldCost: cost } : {};
}

/** Of chat completions: that the web was searched is seen by the model, or by what the answer cites, and how often is not. */
export function seenSearch(model: string, message: Fields, { webSearches: told }: TokenUsage): Pick<TokenUsage, "webSearches" | "searchesEstimated"> {
  const isSeen = told === undefined && (searchesByItself(model) || listOf(message.annotations).some((annotation) => fieldsOf(annotation).type === "url_citation"));
  return isSeen ? { webSearches: 1, searchesEstimated: true } : {};
}

/** A search of the web is an item of a response, as is what it then opens, which costs nothing of its own. */
export function isSearch({ type, action }: Fields): boolean {
  return type === "web_search_call" && (fieldsOf(action).type ?? "search") === "search";
}

/** Of a response. */
export function responseUsage({ usage, service_tier: tier, output }: Fields): TokenUsage {
  const searches = listOf(output).map(fieldsOf).filter(isSearch).length;
  return { ...usageOf(usage, tier), ...webSearches(searches) };
}

export interface ContentPieces {
  text: string;
  thinking: string;
  signature: string;
}

/** Content of a message or of a piece of one: a string, or chunks among which Mistral also puts its thinking. */
export function contentPieces(content: unknown): ContentPieces {
  if (typeof content === "string") return { text: content, thinking: "", signature: "" };
  const pieces: ContentPieces = { text: "", thinking: "", signature: "" };
  for (const chunk of listOf(content).map(fieldsOf)) {
    if (chunk.type === "text") pieces.text += textOf(chunk.text);
    else if (chunk.type === "thinking") {
      pieces.thinking += typeof chunk.thinking === "string" ? chunk.thinking : listOf(chunk.thinking).map((part) => textOf(fieldsOf(part).text)).join("");
      pieces.signature += textOf(chunk.signature);
    }
  }
  return pieces;
}

/** Thinking beside the content: `reasoning_content` of DeepSeek, llama.cpp and older vLLM, `reasoning` of newer vLLM, Ollama and OpenRouter. Some send both, with the same text. */
export function thinkingOf(message: Fields): string {
  return textOf(message.reasoning_content) || textOf(message.reasoning);
}

/** Images that a model made, as OpenRouter and LiteLLM give them beside the content: `{ image_url: { url } }` with a data: URI. */
export function imagesOf({ images }: Fields): { mediaType: string; base64: string }[] {
  return listOf(images).flatMap((image) => {
    const [, mediaType, base64] = /^data:(image\/[\w.+-]+);base64,([^]+)$/.exec(textOf(fieldsOf(fieldsOf(image).image_url).url)) ?? [];
    return mediaType === undefined || base64 === undefined ? [] : [{ mediaType, base64 }];
  });
}

/** Arguments as text; some servers send them as the object that they mean. Throws what `failed` makes where that is nested too deeply to be written: a call must not be made without its arguments. */
export function argumentsText(value: unknown, failed: (message: string) => AppError): string {
  if (typeof value === "string") return value;
  if (value === undefined || value === null) return "";
  const text = jsonText(value);
  if (text === null) throw failed("The arguments of a tool call are nested too deeply.");
  return text;
}

/** The provider's own words for an error within an answer of status 200; null where it tells none. */
export function errorWords(document: Fields): string | null {
  const { error } = document;
  if (typeof error === "string") return callerText(error);
  if (typeof error === "object" && error !== null) return callerText(textOf(fieldsOf(error).message) || "without a message");
  return document.object === "error" ? callerText(textOf(document.message) || "without a message") : null;
}

export function answerInvalid(message: string): AppError {
  return new AppError("PROVIDER_ANSWER_INVALID", message);
}

export function streamFailed(message: string): AppError {
  return new AppError("PROVIDER_STREAM_FAILED", message);
}
