import type { EntryCheck, RolloutPhase, RouteRule, StepGate } from "../../data/types.ts";
import { formatAge, formatCount, formatMs, formatNumber, formatShare } from "../../format.ts";
import { formatLimit } from "../costs/money.ts";

/** What a phase gives the candidate: `5% of requests, 5% as a shadow`. */
export function shareWords({ weight, shadow }: Pick<RolloutPhase, "weight" | "shadow">): string {
  const parts: string[] = [];
  if (weight > 0) parts.push(`${formatShare(weight)} of requests`);
  if (shadow > 0) parts.push(`${formatShare(shadow)} as a shadow`);
  return parts.length === 0 ? "no requests" : parts.join(", ");
}

/** How long it lasts at least: `1 h and 500 answers`. */
export function minimumWords({ minSeconds, minSamples }: Pick<RolloutPhase, "minSeconds" | "minSamples">): string {
  const parts: string[] = [];
  if (minSeconds > 0) parts.push(secondsWords(minSeconds));
  if (minSamples > 0) parts.push(`${formatCount(minSamples)} answers`);
  return parts.length === 0 ? "no minimum" : `at least ${parts.join(" and ")}`;
}

export function secondsWords(seconds: number): string {
  return seconds < 1 && seconds > 0 ? formatMs(seconds * 1000) : formatAge(seconds * 1000);
}

/** A gate of the plan as a sentence: what holds where it passes. */
export function gateWords(gate: StepGate): string {
  const limits = limitsOf(gate);
  return `${gateSubject(gate)} ${limits.length === 0 ? "is watched" : limits.join(" and ")}`;
}

function gateSubject(gate: StepGate): string {
  switch (gate.kind) {
    case "latency": return `latency ${gate.quantile}`;
    case "errors": return "error rate";
    case "distribution": return gate.output === null ? "distribution of predictions" : `distribution of ${gate.output}`;
    case "paired": return "difference on the same inputs";
    case "accuracy": return "accuracy";
    case "metric": return `metric ${gate.name}`;
    case "cost": return "cost of a call";
    case "score": return `score ${gate.name}`;
  }
}

function limitsOf(gate: StepGate): string[] {
  const limits: string[] = [];
  switch (gate.kind) {
    case "latency":
      if (gate.maxMs !== null) limits.push(`at most ${formatMs(gate.maxMs)}`);
      if (gate.maxRatio !== null) limits.push(`at most ${formatNumber(gate.maxRatio)} × stable`);
      return limits;
    case "errors":
      if (gate.maxRate !== null) limits.push(`at most ${formatShare(gate.maxRate)}`);
      if (gate.compare) limits.push("not above stable");
      return limits;
    case "distribution": return [`moves by at most ${formatNumber(gate.maxDistance)} (PSI)`];
    case "paired":
      if (gate.maxDisagreement !== null) limits.push(`at most ${formatShare(gate.maxDisagreement)} other labels`);
      if (gate.maxDifference !== null) limits.push(`at most ${formatNumber(gate.maxDifference)} standard deviations`);
      return limits;
    case "accuracy": return [`at most ${formatShare(gate.maxLoss)} worse, from ${formatCount(gate.minTruths)} truths on`];
    case "metric":
      if (gate.min !== null) limits.push(`at least ${formatNumber(gate.min)}`);
      if (gate.max !== null) limits.push(`at most ${formatNumber(gate.max)}`);
      if (gate.maxRatio !== null) limits.push(`at most ${formatNumber(gate.maxRatio)} × stable`);
      return limits;
    case "cost":
      if (gate.maxDollars !== null) limits.push(`at most ${formatLimit(gate.maxDollars)}`);
      if (gate.maxRatio !== null) limits.push(`at most ${formatNumber(gate.maxRatio)} × stable`);
      return limits;
    case "score": return [`at most ${formatNumber(gate.maxLoss)} ${gate.better === "higher" ? "below" : "above"} stable, from ${formatCount(gate.minScores)} scores on`];
  }
}

export function checkWords(check: EntryCheck): string {
  switch (check.kind) {
    case "command": return `${check.name}: ${check.command.join(" ")}`;
    case "scan": return `${check.name} of the ${check.of}${check.image === null ? "" : ` ${check.image}`}${check.command === null ? "" : `: ${check.command.join(" ")}`}`;
    case "approval": return `${check.name} by a person, within ${secondsWords(check.timeoutSeconds)}`;
  }
}

export function ruleWords({ header, equals, to }: RouteRule): string {
  return `${header}${equals === null ? "" : `: ${equals}`} → ${to}`;
}

/** A plan in one line: `shadow → canary 5% → staged 25% → full`. */
export function phasesLine(phases: readonly RolloutPhase[]): string {
  return phases.map(({ phase, weight, shadow }) => {
    if (weight === 0) return shadow === 1 ? phase : `${phase} ${formatShare(shadow)}`;
    return phase === "full" && weight === 1 ? phase : `${phase} ${formatShare(weight)}`;
  }).join(" → ");
}
