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

/** What is left, of which the reserve is there in any case: a timer that fired late must not cost the caller the answer. */
export function remainingMs(deadlineMs: number, spentMs: number, reserved: number): number {
  return Math.max(deadlineMs - spentMs, reserved / 2);
}
