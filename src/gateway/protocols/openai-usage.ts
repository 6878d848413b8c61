import type { FinishReason, TokenUsage } from "../conversation/chat-answer.ts";

/** Figures that nobody told are left out: they are not 0. Undefined where nothing was told at all. */
export function openAiUsage({ inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens, reasoningTokens, tokensEstimated }: TokenUsage): Record<string, unknown> | undefined {
  if (inputTokens === null && outputTokens === null) return undefined;
  return {
    ...(inputTokens !== null && { prompt_tokens: inputTokens }),
    ...(outputTokens !== null && { completion_tokens: outputTokens }),
    ...(inputTokens !== null && outputTokens !== null && { total_tokens: inputTokens + outputTokens }),
    ...((cacheReadTokens !== null || cacheWriteTokens !== null) && {
      prompt_tokens_details: { ...(cacheReadTokens !== null && { cached_tokens: cacheReadTokens }), ...(cacheWriteTokens !== null && { cache_write_tokens: cacheWriteTokens }) },
    }),
    ...(reasoningTokens !== null && { completion_tokens_details: { reasoning_tokens: reasoningTokens } }),
    ...(tokensEstimated === true && { estimated: true }),
  };
}

export const openAiFinishReasons: Readonly<Record<FinishReason, string>> = { stop: "stop", length: "length", "tool-calls": "tool_calls", "content-filter": "content_filter" };
