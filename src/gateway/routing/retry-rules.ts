import type { AttemptFailure } from "./call-attempt.ts";

type Outcome = AttemptFailure["outcome"];

/** Everything again on a target must be over so long after its first failure while others wait: what they need to answer within 2 s of it stays theirs. Milliseconds. */
export const retryWindowMs = 1000;
/** An attempt with less time than this is not begun. */
export const leastAttemptMs = 20;
/** Calls that wait for the same last resort ask it within so long, in an order of chance. */
export const lastResortSpreadMs = 100;
/** What a repeated attempt needs, on a target of which nothing is known yet. */
export const leastRetryMs = 250;
/** Kept of the deadline for the other targets, at most: an answer that drips must not eat the time of all. */
const mostReservedMs = 10_000;
/** Of the targets that are left, so many share the deadline: with a long list the first ones would get nothing. */
const mostShares = 3;
const firstBackoffMs = 100;
const mostBackoffMs = 5000;

/** What the same target may do better when it is asked again. */
const passing: ReadonlySet<Outcome> = new Set<Outcome>(["rate-limited", "overloaded", "failed", "timeout", "unreachable", "broken-answer"]);
/** What no target would do better: the caller's own fault, or what a filter is for. */
const final: ReadonlySet<Outcome> = new Set<Outcome>(["invalid", "content-filter"]);
/** What the breaker counts. A key that is refused or a quota that is used up stays so for a while: others are asked at once meanwhile. */
const counted: ReadonlySet<Outcome> = new Set<Outcome>(["failed", "overloaded", "timeout", "unreachable", "broken-answer", "unauthorized", "quota"]);
/** The provider answered, and well. */
const sound: ReadonlySet<Outcome> = new Set<Outcome>(["invalid", "content-filter", "context-length"]);

export const isPassing = (outcome: Outcome): boolean => passing.has(outcome);
export const isFinal = (outcome: Outcome): boolean => final.has(outcome);
export const isCounted = (outcome: Outcome): boolean => counted.has(outcome);
export const isSound = (outcome: Outcome): boolean => sound.has(outcome);

/** Exponential with full jitter: anything between nothing and the step. `failures` from 1; `random` in [0, 1). */
export function backoffMs(failures: number, random: number): number {
  return random * Math.min(mostBackoffMs, firstBackoffMs * 2 ** (failures - 1));
}

export interface AttemptTimes {
  /** Milliseconds until the deadline. */
  remainingMs: number;
  /** The route's setting. */
  firstByteMs: number;
  /** Targets that could be asked after this one. */
  others: number;
  /** Milliseconds since this target's first failure in this call; null before it. */
  sinceFailureMs: number | null;
  /** What it took of late to its first byte; null where nothing is known. */
  usualMs: number | null;
}

export interface AttemptSpans {
  firstByteMs: number;
  wholeMs: number;
  /** From the moment in which its request met a closed connection and went out again, to the first byte. */
  resentMs: number;
  /** It is cut short for the sake of the others. */
  inWindow: boolean;
}

/**
 * How long an attempt may take to its first byte, and (where it is not a stream) to its last. One that was sent again has failed once already while the others waited; but a closed connection says little of a
 * provider, and so one that is slow by nature has the time for it.
 */
export function attemptSpans({ remainingMs, firstByteMs, others, sinceFailureMs, usualMs }: AttemptTimes): AttemptSpans {
  const share = Math.min(firstByteMs, remainingMs / Math.min(mostShares, others + 1));
  const window = sinceFailureMs !== null && others > 0 ? retryWindowMs - sinceFailureMs : Infinity;
  const wholeMs = others === 0 ? remainingMs : remainingMs - Math.min(remainingMs / 2, mostReservedMs);
  const resentMs = others > 0 ? Math.max(retryWindowMs, 2 * (usualMs ?? 0)) : Infinity;
  return { firstByteMs: Math.min(share, window), wholeMs, resentMs, inWindow: window < share };
}
