import type { Replica } from "../schemas.ts";

/** A server that was not seen for so long is taken for dead: nobody waits for it. */
const deadAfterMs = 10_000;

/**
 * Servers that are up. Times are compared with each other alone, for they are of one clock, the database's, which may differ from this machine's: the server that was
 * seen last is there, and who was seen much earlier is not.
 */
export function liveReplicas<R extends Pick<Replica, "seenAt">>(replicas: readonly R[]): R[] {
  const newest = replicas.reduce((last, { seenAt }) => Math.max(last, seenAt), 0);
  return replicas.filter(({ seenAt }) => newest - seenAt < deadAfterMs);
}
