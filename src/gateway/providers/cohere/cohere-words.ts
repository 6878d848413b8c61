import { unknownUsage, type FinishReason, type TokenUsage } from "../../conversation/chat-answer.ts";
import { countOf, fieldsOf } from "../wire-value.ts";

/** Null for words that say that the answer failed. */
export function cohereFinish(word: string, calls: number): FinishReason | null {
  if (word.startsWith("ERROR") || word === "TIMEOUT" || word === "USER_CANCEL") return word === "ERROR_TOXIC" ? "content-filter" : word === "ERROR_LIMIT" ? "length" : null;
  if (word === "MAX_TOKENS") return "length";
  return word === "TOOL_CALL" || calls > 0 ? "tool-calls" : "stop";
}

/** What is billed, which leaves out the provider's own words around the prompt; what was counted where that is not told. */
export function cohereUsage(value: unknown): TokenUsage {
  const usage = fieldsOf(value);
  const [billed, counted] = [fieldsOf(usage.billed_units), fieldsOf(usage.tokens)];
  const inputTokens = countOf(billed.input_tokens) ?? countOf(counted.input_tokens);
  const cached = countOf(usage.cached_tokens);
  const searches = countOf(billed.search_units);
  return { ...unknownUsage, ...(searches === null ? {} : { searchUnits: searches }), inputTokens, outputTokens: countOf(billed.output_tokens) ?? countOf(counted.output_tokens), cacheReadTokens: cached === null ? null : Math.min(cached, inputTokens ?? cached) };
}
