import type { Reasoning } from "../conversation/chat-request.ts";
import type { FieldReport } from "./field-report.ts";

/** Of an effort and a budget that were said together, a provider is told one, whether to think or not to: the other is named. */
export function nameUntold({ effort, budgetTokens }: Reasoning, told: "effort" | "budget", report: FieldReport): void {
  if (effort === undefined || budgetTokens === undefined || (effort === "none" && budgetTokens === 0)) return;
  report.drop(told === "effort" ? "thinking.budget_tokens" : "reasoning_effort");
}

/** Which of both says not to think; null where neither does. */
export function saysNoThinking({ effort, budgetTokens }: Reasoning): "effort" | "budget" | null {
  return effort === "none" ? "effort" : budgetTokens === 0 ? "budget" : null;
}
