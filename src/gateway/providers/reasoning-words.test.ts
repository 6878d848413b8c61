import assert from "node:assert/strict";
import { it } from "node:test";
import { mappingCases } from "./mapping-cases.fixture.ts";

const effort = "reasoning_effort";
const budget = "thinking.budget_tokens";

it("an effort and a budget that were said together: what a provider is not told is named, whichever it is", () => {
  for (const [kind, model, both, noEffort, noBudget] of [
    ["openai", "gpt-5", [budget], [budget], [budget]],
    ["compatible", "m", [budget], [budget], [budget]],
    ["mistral", "magistral-medium-latest", [effort, budget], [effort, budget], [effort, budget]],
    ["anthropic", "claude-sonnet-4-5", [effort], [budget], [effort]],
    ["anthropic", "claude-opus-4-6", [budget], [budget], [budget]],
    ["gemini", "gemini-2.5-flash", [effort], [budget], [effort]],
    ["gemini", "gemini-3-pro", [effort], [budget], [effort]],
    ["cohere", "command-a-reasoning-08-2025", [effort], [budget], [effort]],
    ["bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0", [effort], [budget], [effort]],
    ["bedrock", "openai.gpt-oss-120b-1:0", [budget], [budget], [effort]],
  ] as const) {
    const { sent } = mappingCases(kind);
    const dropped = (reasoning: { effort?: "none" | "high"; budgetTokens?: number }): string[] => [...sent({ reasoning, sampling: { maxOutputTokens: 64_000 } }, model).dropped].filter((path) => path === effort || path === budget).sort();
    const told = [dropped({ effort: "high", budgetTokens: 2000 }), dropped({ effort: "none", budgetTokens: 2000 }), dropped({ effort: "high", budgetTokens: 0 })];
    const sorted = [both, noEffort, noBudget].map((paths) => [...paths].sort());
    assert.deepEqual(told, sorted, `${kind} ${model}`);
    if (!model.startsWith("magistral")) for (const alone of [{ effort: "high" }, { budgetTokens: 2000 }] as const) assert.deepEqual(dropped(alone), [], `${kind} ${model}`);
  }
});
