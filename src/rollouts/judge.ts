import { counted } from "../core/counted.ts";
import type { RolloutPlan } from "../registry/index.ts";
import type { JudgedGate } from "./gate-answers.ts";
import { failuresOf, gateName, judgeGate, questionsOf } from "./judge-gates.ts";
import { limits, limitsMet } from "./judge-limits.ts";
import { candidateArm } from "./phase-routes.ts";
import type { ArmFigures, Decision, GateResult, PhaseFigures, Verdict } from "./schemas.ts";
import { sampleRatio } from "./statistics/index.ts";

/** All that a judgement is made of: a verdict keeps it, so that it can be made again. */
export interface JudgedPhase {
  plan: RolloutPlan;
  /** Index in the plan. */
  phase: number;
  /** Since the phase began, without those that it was paused. */
  seconds: number;
  figures: PhaseFigures;
  metrics: Verdict["metrics"];
}

export interface Judgement {
  decision: Decision;
  reason: string;
  gates: GateResult[];
}

/** A person decided past the gates: their word counts, and the gates are shown as they were. */
type Judged = JudgedPhase & { by?: string | null };

/** Of those that every phase has. */
const fatalGates: ReadonlySet<string> = new Set(["hard failures", "provider limits"]);

/**
 * What to do with a phase: `roll back` when a gate that says so has failed, `promote` when minimum time and samples are there and every gate
 * passes, else `hold`. No data holds: it neither promotes nor rolls back. Pure: the same facts give the same judgement.
 */
export function judge({ plan, phase: index, seconds, figures, metrics }: JudgedPhase): Judgement {
  const phase = plan.phases[index]!;
  const candidate = armOf(figures, candidateArm);
  const stable = armOf(figures, "stable");
  const samples = candidate?.requests ?? 0;
  const isDue = seconds >= phase.minSeconds && samples >= phase.minSamples;
  const facts = {
    stable, candidate, metrics, isDue,
    paired: figures.paired.find(({ arm }) => arm === candidateArm) ?? null,
    alpha: plan.alpha / Math.max(1, questionsOf(phase.gates)),
    compares: phase.weight < 1, shadows: phase.shadow > 0 && phase.weight < 1,
  };
  const stableLimits = !facts.compares ? figures.stableLimits : stable === null ? undefined : limitsMet(stable);
  const limited = limits(candidate, stableLimits === undefined ? null : { ...stableLimits, isFormer: !facts.compares }, plan.alpha / (questionsOf(phase.gates) + 1));
  const own: { name: string; judged: JudgedGate }[] = [
    { name: "time", judged: enough("seconds", seconds, phase.minSeconds) },
    { name: "samples", judged: enough("answers of the candidate", samples, phase.minSamples) },
    { name: "hard failures", judged: hardFailures(candidate, plan.hard.failures) },
    ...(phase.weight > 0 && phase.weight < 1 ? [{ name: "sample ratio", judged: ratio(plan, phase.weight, figures) }] : []),
    ...(limited === null ? [] : [{ name: "provider limits", judged: limited }]),
  ];
  const asked = phase.gates.map((spec) => ({ name: gateName(spec), spec, judged: judgeGate(spec, facts) }));
  const all = [...own.map((gate) => ({ ...gate, spec: null })), ...asked];
  const gates = all.map(({ name, spec, judged: { applies: _applies, ...result } }): GateResult => ({ gate: name, spec, ...result }));

  const failed = all.filter(({ judged }) => judged.result === "fail");
  const fatal = failed.find(({ name, spec }) => fatalGates.has(name) || spec?.onFailure === "roll back");
  if (fatal !== undefined) return { decision: "roll back", reason: `${fatal.name}: ${fatal.judged.detail}`, gates };
  const open = all.filter(({ judged }) => judged.applies && judged.result !== "pass");
  const maxSeconds = phase.maxSeconds;
  if (open.length === 0) return { decision: "promote", reason: "every gate passes", gates };
  const why = open.map(({ name, judged }) => `${name}: ${judged.detail}`);
  if (maxSeconds !== null && seconds >= maxSeconds) return { decision: "roll back", reason: `no verdict after ${counted(maxSeconds, "second")}; ${why[0]}`, gates };
  // What stands in the way longest comes first: a failure, then what is missing, then time.
  const first = failed.length > 0 ? `${failed[0]!.name}: ${failed[0]!.judged.detail}` : why[0]!;
  return { decision: "hold", reason: first, gates };
}

/** Works a stored verdict out again from its own numbers. */
export function replay(verdict: Pick<Verdict, "phase" | "seconds" | "figures" | "metrics" | "decision" | "reason" | "by">, plan: RolloutPlan): Judgement {
  const judged: Judged = { plan, phase: verdict.phase, seconds: verdict.seconds, figures: verdict.figures, metrics: verdict.metrics, by: verdict.by };
  const made = judge(judged);
  return judged.by === null ? made : { ...made, decision: verdict.decision, reason: verdict.reason };
}

function armOf(figures: PhaseFigures, name: string): ArmFigures | null {
  return figures.arms.find(({ arm }) => arm === name) ?? null;
}

function enough(what: string, value: number, limit: number): JudgedGate {
  const isEnough = value >= limit;
  return {
    applies: true, result: isEnough ? "pass" : "undecided", candidate: value, stable: null, limit, interval: null,
    detail: `${Math.floor(value)} of at least ${limit} ${what}`,
  };
}

function hardFailures(candidate: ArmFigures | null, limit: number): JudgedGate {
  const count = candidate === null ? 0 : failuresOf(candidate);
  const kinds = Object.entries(candidate?.failures ?? {}).filter(([, times]) => times > 0).map(([outcome, times]) => `${times} ${outcome}`);
  const detail = count === 0 ? "none" : `${count} (${kinds.join(", ")}); ${limit} end the rollout`;
  return { applies: true, result: count >= limit ? "fail" : "pass", candidate: count, stable: null, limit, interval: null, detail };
}

/** A split that is not the one asked for says that something between caller and figures is wrong: it holds, whatever the gates say. */
function ratio({ rules }: RolloutPlan, weight: number, figures: PhaseFigures): JudgedGate {
  const { assigned } = figures;
  const none = { applies: false, result: "no data", candidate: null, stable: null, limit: weight, interval: null } as const;
  // Verdicts of releases that counted requests are worked out again as they were made.
  if (assigned === undefined && rules.length > 0) return { ...none, detail: "not judged: rules send requests past the weight" };
  const requestsOf = (name: string): number => armOf(figures, name)?.requests ?? 0;
  const draws = assigned === undefined ? [requestsOf] : [assigned.keys, assigned.drawn].map((counts) => (name: string): number => counts[name] ?? 0);
  const compared = sampleRatio(
    draws.map((countOf) => ({ arms: [{ share: 1 - weight, count: countOf("stable") }, { share: weight, count: countOf(candidateArm) }] })), { halvings: assigned?.halvings },
  );
  if (compared.status === "no-data") return { ...none, detail: "there are too few requests to tell" };
  const [left, right] = [compared.observed[0]!, compared.observed[1]!];
  const candidate = right / (left + right);
  const [keys, drawn] = draws.map((countOf) => countOf("stable") + countOf(candidateArm) > 0);
  const units = assigned === undefined || !keys ? "requests" : drawn ? "keys and requests without one" : "keys";
  const share = `${(candidate * 100).toFixed(1)}% of the ${units} came to the candidate, ${(weight * 100).toFixed(1)}% were meant to`;
  return {
    ...none, applies: true, result: compared.mismatch ? "fail" : "pass", candidate,
    detail: compared.mismatch ? `${share}: more than chance, look for ${assigned === undefined ? "callers that share a key or " : ""}requests that are lost` : share,
  };
}
