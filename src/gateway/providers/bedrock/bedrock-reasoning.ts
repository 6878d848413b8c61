import type { ChatRequest } from "../../conversation/chat-request.ts";
import type { FieldReport } from "../field-report.ts";
import { canThinkOn } from "../anthropic/claude-models.ts";
import { nameUntold, saysNoThinking } from "../reasoning-words.ts";
import { rowOf, type Fields } from "../wire-value.ts";
import type { BedrockAbilities } from "./bedrock-model.ts";

/** Tokens that Claude may think for the words of others; at least 1024. */
const budgets: Readonly<Record<string, number>> = { minimal: 1024, low: 2048, medium: 8192, high: 24_576, xhigh: 32_768, max: 32_768 };
const efforts: Readonly<Record<string, string>> = { minimal: "low", low: "low", medium: "medium", high: "high", xhigh: "high", max: "high" };
const leastBudget = 1024;

/** What of temperature, top_p and top_k may be said beside the thinking. */
export type SamplingLeft = "all" | "high top_p" | "nothing";

/** What each family wants in `additionalModelRequestFields` to think. `forced`: a call is demanded, which Claude does not do while it thinks. */
export function bedrockReasoning(request: ChatRequest, abilities: BedrockAbilities, forced: boolean, report: FieldReport): { fields: Fields; leaves: SamplingLeft } {
  const { reasoning, sampling } = request;
  const off = { fields: {}, leaves: "all" as const };
  if (reasoning === null || (reasoning.effort === undefined && reasoning.budgetTokens === undefined)) return off;
  const offBy = saysNoThinking(reasoning);
  if (offBy !== null) {
    nameUntold(reasoning, offBy, report);
    return off;
  }
  if (!abilities.thinking || (abilities.family === "claude" && forced)) {
    report.drop("reasoning");
    return off;
  }
  const { effort, budgetTokens } = reasoning;
  const word = rowOf(efforts, effort ?? "medium");
  if (word === undefined) {
    report.refuse("reasoning_effort", "one of none, minimal, low, medium, high, xhigh");
    return off;
  }
  if (abilities.family === "claude" && !abilities.adaptiveThinking) {
    if (!canThinkOn(request)) {
      report.drop("reasoning (the turn began without thinking)");
      return off;
    }
    const room = sampling.maxOutputTokens === null ? Infinity : sampling.maxOutputTokens - 1;
    const asked = budgetTokens ?? budgets[effort ?? "medium"]!;
    const budget = Math.min(Math.max(asked, leastBudget), room);
    if (budget < leastBudget) {
      // It must fit in what the answer may have.
      report.drop("reasoning");
      return off;
    }
    nameUntold(reasoning, "budget", report);
    if (budget !== budgetTokens) report.emulate("reasoning", `${budget} tokens`);
    return { fields: { thinking: { type: "enabled", budget_tokens: budget } }, leaves: "high top_p" };
  }
  // With the highest effort, Nova takes neither sampling nor a limit: the caller's limit counts for more.
  const reached = abilities.family === "nova" && word === "high" && sampling.maxOutputTokens !== null ? "medium" : word;
  nameUntold(reasoning, "effort", report);
  if (reached !== effort) report.emulate("reasoning", reached);
  if (abilities.family === "claude") return { fields: { thinking: { type: "adaptive" }, output_config: { effort: word } }, leaves: "high top_p" };
  if (abilities.family === "openai") return { fields: { reasoning_effort: word }, leaves: "all" };
  return { fields: { reasoningConfig: { type: "enabled", maxReasoningEffort: reached } }, leaves: reached === "high" ? "nothing" : "all" };
}
