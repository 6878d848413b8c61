import type { Rollout, RolloutStatus, RolloutVerdict } from "../../data/types.ts";
import { formatCount } from "../../format.ts";
import type { Tone } from "../../parts/chip.tsx";

export const rolloutTones: Record<Rollout["state"], Tone> = {
  preparing: "accent", running: "accent", paused: "warning", succeeded: "good", "rolled back": "bad", aborted: "neutral", failed: "bad",
};

/** What a state means, for who has not met it. */
export const rolloutStateWords: Record<Rollout["state"], string> = {
  preparing: "the candidate is loaded, warmed up and checked",
  running: "the gates of the phase are watched",
  paused: "traffic stays as it is until somebody lets it go on",
  succeeded: "the candidate has all traffic",
  "rolled back": "a gate or a hard failure gave all traffic back to the stable version",
  aborted: "somebody gave all traffic back to the stable version",
  failed: "it could not be carried out; the stable version has all traffic",
};

export const decisionTones: Record<RolloutVerdict["decision"], Tone> = { promote: "good", "roll back": "bad", hold: "neutral" };
/** Signs that differ in form, not only in colour. */
export const decisionSigns: Record<RolloutVerdict["decision"], string> = { promote: "▲", "roll back": "▼", hold: "‖" };
export const gateSigns = { pass: "✓", fail: "✕", "no data": "–", undecided: "≈" } as const;
export const gateTones = { pass: "good", fail: "bad", "no data": "neutral", undecided: "accent" } as const satisfies Record<string, Tone>;

export type PhaseState = "done" | "present" | "stopped" | "coming" | "skipped";

/** Where a phase of the plan stands. In one that ended early, what came after was never begun. */
export function phaseState(rollout: Pick<Rollout, "phase" | "state">, index: number): PhaseState {
  if (rollout.state === "succeeded") return "done";
  const isEnded = ["rolled back", "aborted", "failed"].includes(rollout.state);
  const present = Math.max(0, rollout.phase);
  if (index < present) return "done";
  if (index > present) return isEnded ? "skipped" : "coming";
  return isEnded ? "stopped" : "present";
}

/** Seconds in the present phase without those that it was paused: a pause stops them where the last verdict was, and moves its start when it ends. */
export function phaseSeconds({ rollout, latest }: Pick<RolloutStatus, "rollout" | "latest">, now: number): number {
  if (rollout.phaseSince === null) return 0;
  if (rollout.state === "paused" && latest !== null && latest.phase === rollout.phase) return latest.seconds;
  return Math.max(0, ((rollout.endedAt ?? now) - rollout.phaseSince) / 1000);
}

/** Answers of the candidate in the present phase, on all servers. */
export function candidateSamples({ rollout, figures }: Pick<RolloutStatus, "rollout" | "figures">): number {
  return figures.arms.filter(({ version }) => version !== rollout.stable).reduce((sum, { requests }) => sum + requests, 0);
}

/** The phase in words: `canary`, or what stands before and after all phases. */
export function phaseName({ phase, plan, state }: Pick<Rollout, "phase" | "plan" | "state">): string {
  if (phase < 0) return state === "preparing" ? "preparation" : "no phase";
  return plan.phases[phase]?.phase ?? "ended";
}

/** Shares that the versions have by the route, the stable one first; of an ended rollout, all of one version. */
export function plannedShares({ rollout, route }: Pick<RolloutStatus, "rollout" | "route">): { arm: string; version: string; share: number }[] {
  const arms = route?.arms.map(({ name, version, from, to }) => ({ arm: name, version, share: to - from }));
  if (arms === undefined) {
    const share = rollout.state === "succeeded" ? 1 : 0;
    return [{ arm: "stable", version: rollout.stable, share: 1 - share }, { arm: "candidate", version: rollout.candidate, share }];
  }
  if (arms.every(({ version }) => version !== rollout.candidate)) arms.push({ arm: "candidate", version: rollout.candidate, share: 0 });
  // Shares of tenths and hundredths do not add up to a whole exactly.
  const left = Math.round((1 - arms.reduce((sum, { share }) => sum + share, 0)) * 1e9) / 1e9;
  return [{ arm: "stable", version: rollout.stable, share: Math.max(0, left) }, ...arms];
}

/** What was seen: each version's share of the requests that were assigned in this phase; null before the first. */
export function actualShares({ rollout, figures }: Pick<RolloutStatus, "rollout" | "figures">): Map<string, number> | null {
  // In a phase without weight an arm's requests are its answers as a shadow.
  const isWeighted = (rollout.plan.phases[Math.max(0, rollout.phase)]?.weight ?? 0) > 0;
  const arms = figures.arms.filter(({ arm }) => isWeighted || arm === "stable");
  const total = arms.reduce((sum, { requests }) => sum + requests, 0);
  return total === 0 ? null : new Map(arms.map(({ arm, requests }) => [arm, requests / total]));
}

/** Servers that have another revision of the route, or none, while they should have this one. */
export function serversBehind({ replicas, route }: Pick<RolloutStatus, "replicas" | "route">): RolloutStatus["replicas"] {
  return route === null ? [] : replicas.filter(({ live, revision }) => live && (revision ?? -1) < route.revision);
}

/** `312 of 500`. */
export function ofMinimum(value: number, minimum: number): string {
  return `${formatCount(value)} of ${formatCount(minimum)}`;
}
