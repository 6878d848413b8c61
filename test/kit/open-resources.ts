import { setImmediate as nextTurn } from "node:timers/promises";

/** What a child process and the sockets to it hold open in this one. Timers and threads are left out: the test runner has its own. */
const kinds = new Set(["ProcessWrap", "PipeWrap", "PipeServerWrap", "TCPSocketWrap"]);

/** How many child processes, pipes and sockets this process holds open. */
export function openResources(): number {
  return process.getActiveResourcesInfo().filter((kind) => kinds.has(kind)).length;
}

/**
 * Settles when no more than `limit` are open. A handle closes some turns of the event loop after it was told to, more of
 * them on a busy machine; one that leaks keeps this waiting until the test's time limit.
 */
export async function openResourcesAtMost(limit: number): Promise<void> {
  while (openResources() > limit) await nextTurn();
}
