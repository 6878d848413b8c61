import type { Tone } from "../../parts/chip.tsx";
import type { RunState, WorkflowRun, WorkflowStep } from "../../data/types.ts";
import { formatCount } from "../../format.ts";

export const runStates = ["queued", "running", "sleeping", "compensating", "succeeded", "failed", "cancelled"] as const satisfies readonly RunState[];

export const runTones: Record<RunState, Tone> = { queued: "neutral", running: "accent", sleeping: "accent", compensating: "warning", succeeded: "good", failed: "bad", cancelled: "neutral" };

/** What a state means, for who has not met it. */
export const runStateWords: Record<RunState, string> = {
  queued: "waits for its turn", running: "a server works on it", sleeping: "waits for a time or a signal", compensating: "its finished steps are being undone",
  succeeded: "ended well", failed: "ended with an error", cancelled: "was stopped",
};

export function hasEnded(run: Pick<WorkflowRun, "state">): boolean {
  return run.state === "succeeded" || run.state === "failed" || run.state === "cancelled";
}

/** How long it has been under way, at `now` or at its end; null before its start. */
export function runDuration(run: Pick<WorkflowRun, "startedAt" | "endedAt">, now: number): number | null {
  return run.startedAt === null ? null : Math.max(0, (run.endedAt ?? now) - run.startedAt);
}

/** Who or what started it. */
export function startedBy(run: Pick<WorkflowRun, "schedule" | "owner">): string {
  return run.schedule === null ? run.owner : `schedule ${run.schedule}`;
}

/** What a step is about to do next or has done, beside its state. */
export function stepNote(step: WorkflowStep): string {
  const notes: string[] = [];
  if (step.kind === "command") notes.push("program");
  if (step.kind === "sleep") notes.push("sleep");
  if (step.kind === "signal") notes.push("signal");
  if (step.attempts > 1) notes.push(`attempt ${formatCount(step.attempts)}`);
  return notes.join(" · ");
}
