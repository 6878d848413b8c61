/** Timers and a busy event loop take their time too. */
const leastReserveMs = 25;
const reserveShare = 0.1;

/**
 * What of a deadline is kept for the version that answers when the first one does not: its 99th percentile, but no less than a tenth of the
 * deadline and 25 ms, and no more than half of it. All in milliseconds.
 */
export function reserveMs(deadlineMs: number, p99Ms: number | null): number {
  return Math.min(deadlineMs / 2, Math.max(leastReserveMs, deadlineMs * reserveShare, p99Ms ?? 0));
}

const patientMs = 1000;
const patientTimes = 20;

/**
 * How long a version that is tried out is waited for where its plan does not say: a second, or twenty times the 99th percentile of the stable one, whichever is longer. A
 * deadline alone may be half a minute, in which a version that hangs would keep every caller that it gets.
 */
export function patienceMs(p99Ms: number | null): number {
  return p99Ms === null ? Infinity : Math.max(patientMs, patientTimes * p99Ms);
}

/** What is left, of which the reserve is there in any case: a timer that fired late must not cost the caller the answer. */
export function remainingMs(deadlineMs: number, spentMs: number, reserved: number): number {
  return Math.max(deadlineMs - spentMs, reserved / 2);
}
