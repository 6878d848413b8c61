import type { ErrorCode } from "../../core/error-catalogue.ts";

/** What a caller or the server brought about: no other version would do better, or none shall be asked. */
const notTheVersions = new Set<string>(["INVALID_INPUT", "INVALID_REQUEST", "CALLER_GONE", "SHUTTING_DOWN", "LOOKUP_KEY_NOT_FOUND", "STORAGE_FULL"] satisfies ErrorCode[]);
/** Load, or a version that somebody took out: another may answer, but this one did nothing wrong. */
const noFault = new Set<string>(["QUEUE_FULL", "UPSTREAM_BUSY", "VERSION_NOT_READY", "MODEL_UNAVAILABLE"] satisfies ErrorCode[]);

/** Outcome of an arm whose time limit was over. */
export const candidateTimeout = "CANDIDATE_TIMEOUT";
/** Outcome of an arm whose answer is not what its signature says. */
export const invalidOutput = "INVALID_OUTPUT";

/** `ok` and `cached`. */
export function isAnswer(outcome: string): boolean {
  return outcome === "ok" || outcome === "cached";
}

/** Whether another version is to be asked the same. */
export function isWorthAnother(outcome: string): boolean {
  return !isAnswer(outcome) && !notTheVersions.has(outcome);
}

/**
 * Whether a version is to blame that was asked alone. A model that refuses the values (MODEL_RUN_FAILED) is not: who sends such on
 * purpose must not be able to take a version from the others. `limitMs` is what it had, `usualMs` what such an answer takes.
 */
export function isOwnFailure(outcome: string, limitMs: number, usualMs: number | null): boolean {
  if (!isWorthAnother(outcome) || noFault.has(outcome) || outcome === "MODEL_RUN_FAILED") return false;
  return (outcome !== "DEADLINE_EXCEEDED" && outcome !== candidateTimeout) || limitMs >= (usualMs ?? 0);
}

/** Whether a version is to blame for what another one answered: then the input was good, and the server not too busy. */
export function isFailureBeside(outcome: string, limitMs: number, usualMs: number | null): boolean {
  return outcome === "MODEL_RUN_FAILED" || outcome === "QUEUE_FULL" || isOwnFailure(outcome, limitMs, usualMs);
}
