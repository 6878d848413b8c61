import { absent, formatCount, formatShare, plural } from "../../format.ts";
import { formatLimit, formatNano } from "../costs/money.ts";
import type { Tone } from "../../parts/chip.tsx";
import type { TargetState } from "../../../../src/gateway/routing/target-state.ts";
import type { Savings } from "./cache-savings.ts";
import type { BudgetLimits, GatewayProvider, Limits, ProviderKind, RouteSettings, TargetHealth } from "./gateway-data.ts";

export const chooseWords: Record<RouteSettings["choose"], string> = { weighted: "by weight", latency: "the quickest of late", cost: "the cheapest" };
export const truncateWords: Record<RouteSettings["truncate"], string> = { error: "refuse it", "oldest-first": "drop the oldest messages", "middle-out": "drop the middle" };

export const providerKinds = ["openai", "azure", "anthropic", "gemini", "bedrock", "mistral", "cohere", "ollama", "compatible", "echo", "scripted"] as const satisfies readonly ProviderKind[];

export const kindWords: Record<ProviderKind, string> = {
  openai: "OpenAI", azure: "Azure OpenAI", anthropic: "Anthropic", gemini: "Gemini", bedrock: "Amazon Bedrock", mistral: "Mistral", cohere: "Cohere", ollama: "Ollama",
  compatible: "OpenAI-compatible (vLLM, llama.cpp, LM Studio)", echo: "Echo: answers what it is asked", scripted: "Scripted answers, for tests",
};

export const secretWords: Record<GatewayProvider["secret"], string> = { none: "none", value: "kept here, sealed", environment: "environment variable", file: "file" };
export const originWords: Record<GatewayProvider["origin"], string> = { stored: "set here", environment: "found by its key in the environment", "built-in": "built in", found: "found on this machine" };

export const targetTones: Partial<Record<TargetState, Tone>> = { answers: "good", "left-alone": "bad", "on-trial": "warning", limited: "warning", failing: "warning" };
export const targetWords: Record<TargetState, string> = { answers: "answers", "left-alone": "left alone", "on-trial": "on trial", limited: "limited (429)", failing: "fails", "not-asked": "not asked", unanswered: "no answer yet" };

/** What a state means, for a target that has it. */
export const targetTitles: Record<TargetState, (health: TargetHealth) => string> = {
  answers: () => "Its last attempt was answered", "left-alone": ({ failures }) => `Left alone after ${formatCount(failures)} failures in a row`, "on-trial": () => "It was left alone, and is tried with single calls",
  limited: ({ limited }) => `Its provider turned away the last ${formatCount(limited)} attempts for its rate limit`, failing: ({ failures }) => `${formatCount(failures)} failures in a row; after some more it is left alone`,
  "not-asked": () => "This server has not asked it yet", unanswered: () => "It was asked, and no attempt was answered",
};

/** `$5 a day, 60 requests a minute`; null where nothing is limited. */
export function limitsLine(limits: Limits | undefined, budget: BudgetLimits | undefined): string | null {
  const parts = [
    budget?.day !== undefined && `${formatLimit(budget.day)} a day`, budget?.month !== undefined && `${formatLimit(budget.month)} a month`, budget?.perQuery !== undefined && `${formatLimit(budget.perQuery)} a call`,
    limits?.requestsPerMinute !== undefined && `${formatCount(limits.requestsPerMinute)} requests a minute`, limits?.tokensPerMinute !== undefined && `${formatCount(limits.tokensPerMinute)} tokens a minute`,
    limits?.concurrency !== undefined && `${formatCount(limits.concurrency)} at once`,
  ].filter((part) => part !== false);
  return parts.length === 0 ? null : parts.join(", ");
}

/** What is on for a route beside its targets, in a few words each. */
export function routeMarks(settings: RouteSettings): string[] {
  return [
    ...(settings.cache === undefined ? [] : [settings.cache.semantic === undefined ? "cache" : "cache by meaning"]),
    ...settings.guardrails.map((guardrail) => (guardrail.kind === "pii" ? `PII ${guardrail.action}` : guardrail.kind === "max-cost" ? `at most ${formatLimit(guardrail.dollars)}` : guardrail.name)),
    ...(settings.systemPrompt === undefined ? [] : ["prompt"]),
    ...(settings.hedgeAfterMs === undefined ? [] : ["hedged"]),
  ];
}

/** `$0.12 saved`, with a `≈` where a part of it is derived; where nobody knows the money, only what was not asked for again. */
export function savingsWords(saved: Savings): string {
  return saved.hits === 0 ? "" : saved.cost === null ? `${formatCount(saved.tokens)} tokens saved` : `${savedMoney(saved)} saved`;
}

/** `$0.12`, or `≈ $0.12`; a dash where nobody knows. */
export function savedMoney({ cost, derived }: Savings): string {
  return cost === null ? absent : `${derived > 0 ? "≈ " : ""}${formatNano(cost)}`;
}

/** How that is known. */
export function savingsTitle({ hits, tokens, cost, derived, unknown }: Savings): string | undefined {
  if (hits === 0) return undefined;
  const answers = `${plural(hits, "answer")} from the cache had ${plural(tokens, "token")}`;
  if (cost === null) return `${answers}; what they would have cost is not known`;
  return [
    `${answers}, at what they cost when they were made`, ...(derived === 0 ? [] : [`${formatCount(derived)} of them, of an older release, at what tokens of the route’s other calls cost in this time`]),
    ...(unknown === 0 ? [] : [`without ${formatCount(unknown)} of which nobody knows it`]),
  ].join("; ");
}

/** `75%` of the calls of its priority, `first choice` where it is alone in it, or which fallback it is. */
export function placeWords(share: number, priority: number, count: number): string {
  if (count === 1) return "";
  const place = priority === 0 ? "" : `fallback ${priority}`;
  return [share === 1 ? "" : formatShare(share), place === "" && share === 1 ? "first choice" : place].filter((part) => part !== "").join(" · ");
}
