import type { RouteSettings } from "../gateway/gateway-data.ts";
import { numberOf, numberProblem } from "../gateway/form-numbers.ts";
import { jsonProblem } from "../workflows/json-problem.ts";

/** What a variant of a route tries: another system prompt, another model at the first target, a revision that there is, or any change as JSON. */
export type Tried = "prompt" | "model" | "revision" | "json";

/** A variant as it is typed; of a model only `version` counts. */
export interface VariantForm {
  name: string;
  percent: string;
  version: string;
  tried: Tried;
  prompt: string;
  provider: string;
  model: string;
  revision: string;
  json: string;
}

export interface TestForm {
  variants: VariantForm[];
  /** `score` and `reported` stand for the name that is typed beside them. */
  metric: string;
  metricName: string;
  direction: "up" | "down";
  effect: string;
  keyHeader: string;
  maxDays: string;
  reason: string;
}

export const triedWords: Record<Tried, string> = { prompt: "another system prompt", model: "another model", revision: "a revision there is", json: "a change as JSON" };
export const routeMetrics = { cost: "cost of a call", latency: "latency", score: "a score of its traces" } as const;
export const modelMetrics = { accuracy: "accuracy, by the truth", error: "error, by the truth", prediction: "the predicted number", latency: "latency", reported: "values that you report" } as const;
const named: readonly string[] = ["score", "reported"];

/** Which way most people want a metric to go. */
export function usualDirection(metric: string): TestForm["direction"] {
  return ["cost", "latency", "error"].includes(metric) ? "down" : "up";
}

/** Unit of the smallest difference that is worth finding. */
export function effectUnit(metric: string): string {
  return metric === "cost" ? "in dollars of a call" : metric === "latency" ? "in milliseconds" : "in the unit of the metric";
}

/** The next one, with the first letter that is free as its name. */
export function nextVariant(variants: readonly VariantForm[], settings: RouteSettings | null, versions: readonly string[]): VariantForm {
  const taken = new Set(variants.map(({ name }) => name));
  const name = Array.from("bcdefghijklmnopqrstu").find((letter) => !taken.has(letter)) ?? "";
  const version = versions.find((one) => variants.every((variant) => variant.version !== one)) ?? versions[0] ?? "";
  const target = settings?.targets[0];
  return { name, percent: "", version, tried: "prompt", prompt: settings?.systemPrompt ?? "", provider: target?.provider ?? "", model: target?.model ?? "", revision: "", json: "{\n  \n}" };
}

export function blankTest(settings: RouteSettings | null, versions: readonly string[]): TestForm {
  const metric = settings === null ? "accuracy" : "cost";
  return { variants: [nextVariant([], settings, versions)], metric, metricName: "", direction: usualDirection(metric), effect: "", keyHeader: "slipway-key", maxDays: "28", reason: "" };
}

export function needsName(metric: string): boolean {
  return named.includes(metric);
}

/** What is wrong, by the name of the field; variants as `variants.0.name`. `settings` are those of a route; null for a model. */
export function testProblems(form: TestForm, settings: RouteSettings | null): Record<string, string> {
  const problems: Record<string, string | undefined> = {
    metricName: needsName(form.metric) && form.metricName.trim() === "" ? "Which one? Give its name." : undefined,
    effect: numberProblem(form.effect, { above: true }),
    maxDays: numberProblem(form.maxDays, { above: true, most: 365, needed: true }),
    keyHeader: /^[a-z0-9-]{1,100}$/.test(form.keyHeader.trim().toLowerCase()) ? undefined : "The name of a header: letters, digits and dashes.",
  };
  const total = form.variants.reduce((sum, { percent }) => sum + (numberOf(percent) ?? 0), 0);
  for (const [index, variant] of form.variants.entries()) {
    const place = `variants.${index}`;
    const others = form.variants.filter((_, at) => at !== index);
    problems[`${place}.name`] = nameProblem(variant.name.trim(), others.map(({ name }) => name.trim()));
    problems[`${place}.percent`] = numberProblem(variant.percent, { above: true, most: 99.9 }) ?? (total > 99.9 ? `Together ${Math.round(total * 10) / 10}%: that leaves the control nothing.` : undefined);
    if (settings === null) problems[`${place}.version`] = variant.version === "" ? "Which version?" : others.some(({ version }) => version === variant.version) ? "Each variant needs a version of its own." : undefined;
    else problems[`${place}.tried`] = triedProblem(variant, settings);
  }
  return Object.fromEntries(Object.entries(problems).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function nameProblem(name: string, others: readonly string[]): string | undefined {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name)) return "Letters, digits, dots, dashes and underscores.";
  if (name === "control" || name === "stable") return "This is the name of what it is compared with.";
  return others.includes(name) ? "Each variant needs a name of its own." : undefined;
}

function triedProblem({ tried, prompt, provider, model, revision, json }: VariantForm, { systemPrompt, targets }: RouteSettings): string | undefined {
  if (tried === "prompt") return prompt.trim() === (systemPrompt ?? "").trim() ? "This is the prompt that the route has: write the one to try." : undefined;
  if (tried === "model") return model.trim() === "" ? "Which model?" : provider === targets[0]?.provider && model.trim() === targets[0].model ? "This is the model that the route has: name the one to try." : undefined;
  if (tried === "revision") return revision === "" ? "Which revision?" : undefined;
  const problem = jsonProblem(json);
  if (problem !== undefined) return problem;
  const change = JSON.parse(json) as unknown;
  return typeof change !== "object" || change === null || Array.isArray(change) || Object.keys(change).length === 0 ? "An object with what is different, such as {\"repair\": 2}." : undefined;
}

/** The request as the server takes it, of a form without problems. */
export function testRequest(form: TestForm, settings: RouteSettings | null): Record<string, unknown> {
  const { direction, keyHeader, reason } = form;
  const effect = numberOf(form.effect);
  return {
    variants: form.variants.map((variant) => {
      const percent = numberOf(variant.percent);
      return { name: variant.name.trim(), ...(percent === undefined ? {} : { percent }), ...(settings === null ? { version: variant.version } : changeOf(variant, settings)) };
    }),
    metric: needsName(form.metric) ? form.metricName.trim() : form.metric, direction, ...(effect === undefined ? {} : { effect }),
    keyHeader: keyHeader.trim().toLowerCase(), maxDays: numberOf(form.maxDays) ?? 28, reason: reason.trim(),
  };
}

/** A merge patch of the route's settings, or a revision. The fallbacks of a route with another model stay. */
function changeOf({ tried, prompt, provider, model, revision, json }: VariantForm, { targets: [first, ...fallbacks] }: RouteSettings): { change: unknown } | { revision: number } {
  if (tried === "revision") return { revision: Number(revision) };
  if (tried === "prompt") return { change: { systemPrompt: prompt.trim() === "" ? null : prompt } };
  if (tried === "model") return { change: { targets: [{ ...first, provider, model: model.trim() }, ...fallbacks] } };
  return { change: JSON.parse(json) as unknown };
}
