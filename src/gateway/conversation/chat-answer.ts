import type { AssistantPart } from "./chat-request.ts";

/**
 * Why a model ended: `stop` (it was done, or met a stop sequence, or pauses its turn), `length` (out of tokens), `tool-calls`, `content-filter` (it or its provider refused).
 */
export type FinishReason = "stop" | "length" | "tool-calls" | "content-filter";

/**
 * Tokens as a provider counted them. A null was not told, which is not 0. `inputTokens` includes what was read from and written to the provider's cache (OpenAI counts so; Anthropic's
 * figures are added up); `outputTokens` includes reasoning.
 */
export interface TokenUsage {
  inputTokens: number | null;
  outputTokens: number | null;
  cacheReadTokens: number | null;
  cacheWriteTokens: number | null;
  /** Of those written, what is kept for an hour; absent where it is none, or nobody told. */
  cacheWriteHourTokens?: number;
  reasoningTokens: number | null;
  /** Of the tokens of input and output, those of audio; absent where it is none, or nobody told. */
  audioInputTokens?: number;
  audioOutputTokens?: number;
  /** Where several rounds are summed, the input of the largest: each was billed by itself, so it tells whether there was a long one. */
  longestInputTokens?: number;
  /** What reranking is billed in, where it is. */
  searchUnits?: number;
  /** Of the web, that the provider made for the call; absent where it made none, or does not tell. */
  webSearches?: number;
  /** Nobody told how many, only that the web was searched. */
  searchesEstimated?: true;
  /** Tokens among those of input and output were counted here, because a provider did not tell them. */
  tokensEstimated?: true;
  /** The dearer way in which the call was served, such as `priority`; null for the usual one, absent where nobody told. */
  tier?: string | null;
  /** US dollars, where the provider tells what the call cost, as OpenRouter does: it counts where no price is known. */
  toldCost?: number;
}

/** Figures of a usage that are there only where they are not 0. */
export type SeldomTold = Pick<TokenUsage, "cacheWriteHourTokens" | "audioInputTokens" | "audioOutputTokens" | "searchUnits" | "webSearches" | "searchesEstimated" | "tier" | "toldCost">;

export const unknownUsage: TokenUsage = { inputTokens: null, outputTokens: null, cacheReadTokens: null, cacheWriteTokens: null, reasoningTokens: null };

/** One whole answer of a model. */
export interface ChatAnswer {
  /** The provider's. */
  id: string;
  /** As the provider names it, which may be longer than what was asked for. */
  model: string;
  parts: readonly AssistantPart[];
  finish: FinishReason;
  /** The provider's own word, such as `end_turn`. */
  finishWord: string | null;
  stopSequence: string | null;
  usage: TokenUsage;
  /** Further choices, where several were asked for; the usage is that of all of them. They reach callers only in the provider's own bytes. */
  others?: readonly Pick<ChatAnswer, "parts" | "finish">[];
}
