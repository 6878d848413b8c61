import { unknownUsage, type FinishReason, type TokenUsage } from "../../conversation/chat-answer.ts";
import { dearerTier, tiersTogether } from "../../calls/service-tier.ts";
import { countOf, fieldsOf, rowOf, sumOf, webSearches } from "../wire-value.ts";

const finishes: Readonly<Record<string, FinishReason>> = {
  end_turn: "stop", stop_sequence: "stop", pause_turn: "stop", max_tokens: "length", model_context_window_exceeded: "length", tool_use: "tool-calls", refusal: "content-filter",
};

/** `calls` are those of the caller's tools: an answer by the output tool is no call. */
export function finishOf(word: string, calls: number): FinishReason {
  const finish = rowOf(finishes, word) ?? "stop";
  return finish === "tool-calls" && calls === 0 ? "stop" : finish;
}

/** Anthropic's figures: `input_tokens` leaves out what was read from and written to the cache. */
export interface AnthropicUsage {
  input: number | null;
  cacheRead: number | null;
  cacheWrite: number | null;
  /** Of `cacheWrite`, what is kept for an hour. */
  cacheWriteHour: number | null;
  output: number | null;
  thinking: number | null;
  /** Of the web. */
  searches: number | null;
  /** Undefined where nobody told. */
  tier?: string | null;
}

export const untold: AnthropicUsage = { input: null, cacheRead: null, cacheWrite: null, cacheWriteHour: null, output: null, thinking: null, searches: null };

/** Totals so far: newer figures replace older ones, and what is absent or null was not told again. */
export function newerUsage(before: AnthropicUsage, value: unknown): AnthropicUsage {
  const usage = fieldsOf(value);
  return {
    input: countOf(usage.input_tokens) ?? before.input,
    cacheRead: countOf(usage.cache_read_input_tokens) ?? before.cacheRead,
    cacheWrite: countOf(usage.cache_creation_input_tokens) ?? before.cacheWrite,
    cacheWriteHour: countOf(fieldsOf(usage.cache_creation).ephemeral_1h_input_tokens) ?? before.cacheWriteHour,
    output: countOf(usage.output_tokens) ?? before.output,
    thinking: countOf(fieldsOf(usage.output_tokens_details).thinking_tokens) ?? before.thinking,
    searches: countOf(fieldsOf(usage.server_tool_use).web_search_requests) ?? before.searches,
    // Capacity that was paid for ahead (service_tier) costs no more for a token; where it runs may.
    ...(typeof usage.speed === "string" ? { tier: tiersTogether([dearerTier(usage.speed), dearerTier(usage.inference_geo)]) } : before.tier === undefined ? {} : { tier: before.tier }),
  };
}

export function tokenUsage({ input, cacheRead, cacheWrite, cacheWriteHour, output, thinking, searches, tier }: AnthropicUsage): TokenUsage {
  const kept = cacheWriteHour === null || cacheWriteHour === 0 ? {} : { cacheWriteHourTokens: cacheWriteHour };
  return { ...unknownUsage, ...kept, ...webSearches(searches), ...(tier === undefined ? {} : { tier }), inputTokens: input === null ? null : sumOf(input, cacheRead, cacheWrite), outputTokens: output, cacheReadTokens: cacheRead, cacheWriteTokens: cacheWrite, reasoningTokens: thinking };
}
