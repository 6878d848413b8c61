import type { EntryCheck, RolloutPhase, RouteRule, StepGate } from "../../data/types.ts";
import { formatShare, plural } from "../../format.ts";
import { checkWords, gateWords, minimumWords, phasesLine, ruleWords, secondsWords, shareWords } from "../rollouts/plan-words.ts";

const labels: Record<string, string> = {
  weight: "Share of requests", shadow: "Share as a shadow", minSeconds: "Seconds at least", minSamples: "Answers at least", maxSeconds: "Seconds at most",
  checks: "Checks before it", gates: "Gates", onFailure: "Where it is not met", maxMs: "Limit in ms", maxRatio: "Limit, times stable", maxRate: "Limit as a share",
  compare: "Compare with stable", maxDistance: "Limit (PSI)", maxDisagreement: "Limit of labels", maxDifference: "Limit in deviations", maxLoss: "Limit of loss",
  minTruths: "Truths at least", sql: "SQL", everySeconds: "Every so many seconds", timeoutSeconds: "Seconds to finish", openSeconds: "Seconds open", failures: "Failures in a row",
};

/** A key of a part of the policy, as people call it. */
export function keyLabel(key: string): string {
  return labels[key] ?? key.charAt(0).toUpperCase() + key.slice(1).replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** Gates that the server takes in rollouts of routes alone. */
const gatesOfRoutes: readonly unknown[] = ["cost", "score"];

/** Whether the policy of a model can have an entry of this kind. */
export function isOfModels(list: string, kind: unknown): boolean {
  return itemName(list) !== "gate" || !gatesOfRoutes.includes(kind);
}

/** What is missing among the kinds on offer, and why. */
export function kindsNote(list: string): string | undefined {
  return itemName(list) === "gate" ? "The gates cost and score are for routes of the gateway: a model's predictions have neither." : undefined;
}

/** One of a list: `Phase` of `Phases`; of a list within another, by the last name. */
export function itemName(list: string): string {
  const last = list.split(", ").at(-1)!;
  return ({ Phases: "phase", Gates: "gate", "Checks before it": "check", Rules: "rule" } as Record<string, string>)[last] ?? "entry";
}

/** What a number means, where its unit hides it. */
export function valueNote(key: string, value: unknown): string | undefined {
  if (typeof value !== "number") return undefined;
  if (key.endsWith("Seconds") && value >= 60) return secondsWords(value);
  return ["weight", "shadow", "maxRate", "maxDisagreement", "maxLoss"].includes(key) && value > 0 ? formatShare(value) : undefined;
}

/** An entry of a list in a line. It must be one that its schema takes. */
export function wholeItemWords(item: unknown): string {
  const entry = item as Partial<RolloutPhase> & Partial<RouteRule> & { kind?: string };
  if (entry.phase !== undefined) {
    const phase = item as RolloutPhase;
    const watched = [plural(phase.gates.length, "gate"), ...(phase.checks.length > 0 ? [plural(phase.checks.length, "check")] : [])];
    return `${phase.phase}: ${shareWords(phase)}, ${minimumWords(phase)}, ${watched.join(" and ")}`;
  }
  if (entry.header !== undefined) return ruleWords(item as RouteRule);
  if (entry.kind === undefined) return JSON.stringify(item);
  return ["command", "scan", "approval"].includes(entry.kind) ? checkWords(item as EntryCheck) : gateWords(item as StepGate);
}

/** A part that comes as a whole, for reading. */
export function wholeText(path: string, value: unknown): string {
  if (path === "rollout.phases") return phasesLine(value as RolloutPhase[]);
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(wholeItemWords).join("; ");
  if (path === "fallback.breaker") {
    const { failures, openSeconds } = value as { failures: number; openSeconds: number };
    return `open for ${secondsWords(openSeconds)} after ${plural(failures, "failure")} in a row`;
  }
  return JSON.stringify(value);
}
