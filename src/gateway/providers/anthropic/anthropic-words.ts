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
  /** Null for the usual, undefined where nobody told. */
  speed?: string | null;
  geo?: string | null;
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
    ...newerWord("speed", before.speed, usage.speed), ...newerWord("geo", before.geo, usage.inference_geo),
  };
}

function newerWord<Name extends "speed" | "geo">(name: Name, before: string | null | undefined, value: unknown): Partial<Pick<AnthropicUsage, Name>> {
  const word = typeof value === "string" ? dearerTier(value) : before;
  return word === undefined ? {} : ({ [name]: word } as Pick<AnthropicUsage, Name>);
}

/** A workspace may have a place by default that costs more, which no request names. Where only the usual place is told, a speed that was asked for still counts. */
function servedTier({ speed, geo }: AnthropicUsage): Pick<TokenUsage, "tier"> {
  if (speed !== undefined) return { tier: tiersTogether([speed, geo ?? null]) };
  return typeof geo === "string" ? { tier: geo } : {};
}

export function tokenUsage(told: AnthropicUsage): TokenUsage {
  const { input, cacheRead, cacheWrite, cacheWriteHour, output, thinking, searches } = told;
  const kept = cacheWriteHour === null || cacheWriteHour === 0 ? {} : { cacheWriteHourTokens: cacheWriteHour };
  return { ...unknownUsage, ...kept, ...webSearches(searches), ...servedTier(told), inputTokens: input === null ? null : sumOf(input, cacheRead, cacheWrite), outputTokens: output, cacheReadTokens: cacheRead, cacheWriteTokens: cacheWrite, reasoningTokens: thinking };
}
