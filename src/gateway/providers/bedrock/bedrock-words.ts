import { toldTier } from "../../../ledger/index.ts";
import type { FinishReason, TokenUsage } from "../../conversation/chat-answer.ts";
import { tiersTogether } from "../../calls/service-tier.ts";
import { countOf, fieldsOf, listOf, rowOf, sumOf, textOf, type Fields } from "../wire-value.ts";

const finishReasons: Readonly<Record<string, FinishReason>> = {
  end_turn: "stop", stop_sequence: "stop", tool_use: "tool-calls", max_tokens: "length", model_context_window_exceeded: "length", guardrail_intervened: "content-filter", content_filtered: "content-filter", refusal: "content-filter",
};

/** The model wrote what nobody can read: another attempt may do better. */
export const malformedStops: ReadonlySet<string> = new Set(["malformed_model_output", "malformed_tool_use"]);

/** `calls`: of the caller's tools; one that carries the answer is none. */
export function bedrockFinish(word: string, calls: number): FinishReason {
  const finish = rowOf(finishReasons, word) ?? "stop";
  return finish === "tool-calls" && calls === 0 ? "stop" : finish === "stop" && calls > 0 ? "tool-calls" : finish;
}

/** `usage` of an answer, or of the last event of a stream, and beside it how the call was served. `inputTokens` leaves out what was read from and written to the cache. */
export function bedrockUsage({ usage: value, serviceTier, performanceConfig }: Fields): TokenUsage {
  const usage = fieldsOf(value);
  const served = [fieldsOf(serviceTier).type, fieldsOf(performanceConfig).latency].filter((word) => word !== undefined);
  const [read, write] = [countOf(usage.cacheReadInputTokens), countOf(usage.cacheWriteInputTokens)];
  const input = countOf(usage.inputTokens);
  const hour = listOf(usage.cacheDetails).map(fieldsOf).filter(({ ttl }) => ttl === "1h").reduce((sum, { inputTokens }) => sum + (countOf(inputTokens) ?? 0), 0);
  return { ...(served.length === 0 ? {} : { tier: tiersTogether(served.map(toldTier)) }), ...(hour === 0 ? {} : { cacheWriteHourTokens: hour }), inputTokens: input === null ? null : sumOf(input, read, write), outputTokens: countOf(usage.outputTokens), cacheReadTokens: read, cacheWriteTokens: write, reasoningTokens: null };
}

/** Claude's own field, asked for by a path that differs between whole and streamed answers. */
export function stopSequenceOf(additional: unknown): string | null {
  const fields = fieldsOf(additional);
  return textOf(fields.stop_sequence) || textOf(fieldsOf(fields.delta).stop_sequence) || null;
}
