/**
 * That a provider had closed an idle connection is known a trip there and back after a request went out over it, and on a busy machine some time later. What closes longer after it had the request, and may have worked on it
 * until then: that is a failed attempt, which may cost something, and no request to send again unseen. Milliseconds.
 */
const idleCloseMs = 1000;

/** Whether a kept connection that closed now without an answer had been closed before the request went out over it. Monotonic; `sentAt` is null where the request did not go out whole. */
export function wasClosedBefore(sentAt: number | null, now: number): boolean {
  return sentAt === null || now - sentAt <= idleCloseMs;
}
