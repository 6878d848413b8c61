import type { ChatRequest } from "../../conversation/chat-request.ts";
import type { FieldReport } from "../field-report.ts";
import { rowOf, type Fields } from "../wire-value.ts";
import type { BedrockAbilities } from "./bedrock-model.ts";

/** Tokens that Claude may think for the words of others; at least 1024. */
const budgets: Readonly<Record<string, number>> = { minimal: 1024, low: 2048, medium: 8192, high: 24_576, xhigh: 32_768, max: 32_768 };
const efforts: Readonly<Record<string, string>> = { minimal: "low", low: "low", medium: "medium", high: "high", xhigh: "high", max: "high" };
const leastBudget = 1024;

/** What each family wants in `additionalModelRequestFields` to think. `forced`: a call is demanded, which Claude does not do while it thinks. */
export function bedrockReasoning({ reasoning, sampling }: ChatRequest, abilities: BedrockAbilities, forced: boolean, report: FieldReport): { fields: Fields; isOn: boolean } {
  const off = { fields: {}, isOn: false };
  if (reasoning === null || reasoning.effort === "none" || reasoning.budgetTokens === 0 || (reasoning.effort === undefined && reasoning.budgetTokens === undefined)) return off;
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
    const room = sampling.maxOutputTokens === null ? Infinity : sampling.maxOutputTokens - 1;
    const asked = budgetTokens ?? budgets[effort ?? "medium"]!;
    const budget = Math.min(Math.max(asked, leastBudget), room);
    if (budget < leastBudget) {
      // It must fit in what the answer may have.
      report.drop("reasoning");
      return off;
    }
    if (budget !== budgetTokens) report.emulate("reasoning", `${budget} tokens`);
    return { fields: { thinking: { type: "enabled", budget_tokens: budget } }, isOn: true };
  }
  if (word !== effort) report.emulate("reasoning", word);
  if (abilities.family === "claude") return { fields: { thinking: { type: "adaptive" }, output_config: { effort: word } }, isOn: true };
  if (abilities.family === "openai") return { fields: { reasoning_effort: word }, isOn: true };
  return { fields: { reasoningConfig: { type: "enabled", maxReasoningEffort: word } }, isOn: true };
}
