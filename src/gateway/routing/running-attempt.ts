import type { AttemptFailure, CallAttempt } from "./call-attempt.ts";
import type { AttemptPlace, AttemptRecord, PreparedCall } from "./call-plan.ts";
import type { Candidate } from "./race-candidates.ts";

/** An attempt under way. */
export interface RunningAttempt<Answer> {
  candidate: Candidate;
  attempt: CallAttempt<Answer>;
  prepared: PreparedCall<Answer>;
  /** Null where nothing limits its provider. */
  place: AttemptPlace | null;
  record: Omit<AttemptRecord, "ms" | "outcome" | "status" | "message" | "requestId" | "sent">;
  ended: ((attempt: AttemptRecord) => void) | undefined;
}

/** Whether its target is asked again at once, as what it refused is another by now: its secret was replaced, or the call has another form that it may know. */
export function isAskedAnew({ candidate, attempt, prepared }: RunningAttempt<unknown>, { outcome, status }: AttemptFailure): boolean {
  if (outcome !== "unauthorized") return status !== null && prepared.otherwise?.(status) === true;
  if (candidate.isRenewed || candidate.provider.hasNewSecret?.(attempt.secret) !== true) return false;
  return (candidate.isRenewed = true);
}

/** Whether a target that is left alone is asked all the same: it failed with a secret that was replaced since. */
export function isMended({ health, provider }: Candidate): boolean {
  if (health.refusedSecret === null || provider.hasNewSecret?.(health.refusedSecret.used) !== true) return false;
  health.mended();
  return true;
}
