import type { BudgetLimits, Limits, RouteSettings, RouteTarget } from "./gateway-data.ts";
import { numberOf, numberProblem, textOfNumber } from "./form-numbers.ts";

/** A target as it is typed; `rest` is what the form has no field for. */
export interface TargetForm {
  provider: string;
  model: string;
  weight: string;
  priority: string;
  rest: Partial<RouteTarget>;
}

export interface LimitsForm {
  requestsPerMinute: string;
  tokensPerMinute: string;
  concurrency: string;
  perQuery: string;
  day: string;
  month: string;
  addedTokens: string;
}

export interface RouteForm extends LimitsForm {
  targets: TargetForm[];
  choose: RouteSettings["choose"];
  isCached: boolean;
  ttlSeconds: string;
  pii: "off" | "redact" | "block";
  truncate: RouteSettings["truncate"];
  repair: string;
  systemPrompt: string;
  deadlineSeconds: string;
  firstByteSeconds: string;
  attempts: string;
  recordsContent: boolean;
}

/** What of a route or a key the form of limits is about. */
interface Held {
  limits?: Limits | undefined;
  budget?: BudgetLimits | undefined;
  addedTokens?: number | undefined;
}

const rates = ["requestsPerMinute", "tokensPerMinute", "concurrency"] as const;
const spends = ["perQuery", "day", "month"] as const;

/** As long as the server takes. */
const longestSeconds = 3600;

export const blankTarget: TargetForm = { provider: "echo", model: "echo", weight: "1", priority: "0", rest: {} };

/** A route that works at once: the server's defaults, on the provider that needs nothing. */
export const blankRoute: RouteSettings = {
  targets: [{ provider: "echo", model: "echo", weight: 1, priority: 0 }],
  choose: "weighted", sticky: true, deadlineMs: 120_000, firstByteMs: 60_000, attempts: 2, truncate: "error", guardrails: [], repair: 1, unknownPrice: "refuse", recordContent: true,
};

export function limitsFormOf({ limits, budget, addedTokens }: Held): LimitsForm {
  return {
    requestsPerMinute: textOfNumber(limits?.requestsPerMinute), tokensPerMinute: textOfNumber(limits?.tokensPerMinute), concurrency: textOfNumber(limits?.concurrency),
    perQuery: textOfNumber(budget?.perQuery), day: textOfNumber(budget?.day), month: textOfNumber(budget?.month), addedTokens: textOfNumber(addedTokens),
  };
}

/** Limits and budget as the server takes them; absent where nothing is limited. What the form does not know of `before` stays. */
export function limitsOf(form: LimitsForm, before: Held): { limits?: Limits; budget?: BudgetLimits; addedTokens?: number } {
  const limits: Limits = { queue: 0, queueMs: 10_000, ...before.limits };
  for (const name of rates) {
    const value = numberOf(form[name]);
    if (value === undefined) delete limits[name];
    else limits[name] = value;
  }
  const budget: BudgetLimits = {};
  for (const name of spends) {
    const value = numberOf(form[name]);
    if (value !== undefined) budget[name] = value;
  }
  const addedTokens = numberOf(form.addedTokens);
  return { ...(rates.some((name) => limits[name] !== undefined) ? { limits } : {}), ...(Object.keys(budget).length > 0 ? { budget } : {}), ...(addedTokens === undefined ? {} : { addedTokens }) };
}

export function limitsProblems(form: LimitsForm): Record<string, string> {
  const problems: Record<string, string | undefined> = {};
  for (const name of [...rates, ...spends]) problems[name] = numberProblem(form[name], { above: true, whole: name === "concurrency" });
  problems.addedTokens = numberProblem(form.addedTokens, { whole: true, most: 1e8 });
  return known(problems);
}

export function routeFormOf(settings: RouteSettings): RouteForm {
  const pii = settings.guardrails.find((guardrail) => guardrail.kind === "pii");
  return {
    ...limitsFormOf(settings),
    targets: settings.targets.map(({ provider, model, weight, priority, ...rest }) => ({ provider, model, weight: String(weight), priority: String(priority), rest })),
    choose: settings.choose, isCached: settings.cache !== undefined, ttlSeconds: String(settings.cache?.ttlSeconds ?? 3600), pii: pii?.action ?? "off", truncate: settings.truncate, repair: String(settings.repair),
    systemPrompt: settings.systemPrompt ?? "", deadlineSeconds: secondsText(settings.deadlineMs), firstByteSeconds: secondsText(settings.firstByteMs), attempts: String(settings.attempts), recordsContent: settings.recordContent,
  };
}

/** The settings that the form means. What it has no field for stays as it was in `before`; the order of guardrails too. */
export function routeSettingsOf(form: RouteForm, before: RouteSettings): RouteSettings {
  const { limits: _limits, budget: _budget, addedTokens: _added, systemPrompt: _prompt, cache, ...rest } = before;
  const pii = before.guardrails.find((guardrail) => guardrail.kind === "pii");
  const wanted = form.pii === "off" ? null : { on: "both" as const, types: ["email", "phone", "card", "iban", "ssn"] as ("email" | "phone" | "card" | "iban" | "ssn")[], ...pii, kind: "pii" as const, action: form.pii };
  const guardrails = before.guardrails.flatMap((guardrail) => (guardrail !== pii ? [guardrail] : wanted === null ? [] : [wanted]));
  if (pii === undefined && wanted !== null) guardrails.unshift(wanted);
  return {
    ...rest, ...limitsOf(form, before),
    targets: form.targets.map(({ provider, model, weight, priority, rest: kept }) => ({ ...kept, provider, model: model.trim(), weight: numberOf(weight) ?? 1, priority: numberOf(priority) ?? 0 })),
    choose: form.choose, truncate: form.truncate, repair: numberOf(form.repair) ?? 1, guardrails,
    deadlineMs: milliseconds(form.deadlineSeconds), firstByteMs: milliseconds(form.firstByteSeconds), attempts: numberOf(form.attempts) ?? 2, recordContent: form.recordsContent,
    ...(form.systemPrompt.trim() === "" ? {} : { systemPrompt: form.systemPrompt }),
    ...(form.isCached ? { cache: { exact: true, ...cache, ttlSeconds: numberOf(form.ttlSeconds) ?? 3600 } } : {}),
  };
}

/** What is wrong, by the name of the field; targets as `targets.0.weight`. */
export function routeProblems(form: RouteForm): Record<string, string> {
  const problems: Record<string, string | undefined> = { ...limitsProblems(form), repair: numberProblem(form.repair, { whole: true, most: 5, needed: true }) };
  for (const name of ["deadlineSeconds", "firstByteSeconds"] as const) problems[name] = numberProblem(form[name], { least: 0.001, most: longestSeconds, needed: true });
  problems.attempts = numberProblem(form.attempts, { whole: true, least: 1, most: 10, needed: true });
  if (form.isCached) problems.ttlSeconds = numberProblem(form.ttlSeconds, { whole: true, least: 1, most: 31_536_000, needed: true });
  for (const [index, target] of form.targets.entries()) {
    if (target.provider === "") problems[`targets.${index}.provider`] = "Choose a provider.";
    if (target.model.trim() === "") problems[`targets.${index}.model`] = "Which model?";
    problems[`targets.${index}.weight`] = numberProblem(target.weight, { most: 1e6, needed: true });
    problems[`targets.${index}.priority`] = numberProblem(target.priority, { whole: true, most: 100, needed: true });
  }
  return known(problems);
}

function secondsText(milliseconds: number): string {
  return String(milliseconds / 1000);
}

function milliseconds(seconds: string): number {
  return Math.round((numberOf(seconds) ?? 0) * 1000);
}

function known(problems: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(Object.entries(problems).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** Each target's share of the calls that reach its priority, 0 to 1; what weighs nothing gets nothing. */
export function sharesOf(targets: readonly Pick<RouteTarget, "weight" | "priority">[]): number[] {
  const totals = new Map<number, number>();
  for (const { weight, priority } of targets) totals.set(priority, (totals.get(priority) ?? 0) + weight);
  return targets.map(({ weight, priority }) => (weight === 0 ? 0 : weight / totals.get(priority)!));
}
