import type { EventEmitter } from "node:events";
import type { Clock } from "./clock.ts";
import type { Logger } from "./logger.ts";

const tellEveryMs = 10_000;

/**
 * A connection that the system cannot hand over (too many open files, no memory for sockets) fails alone: the listener goes on, and the log tells the first of ten seconds with how many there were since the last.
 * Without a listener for it, such an error ends the process.
 */
export function surviveFailures(listener: Pick<EventEmitter, "on">, name: string, { clock, logger }: { clock: Clock; logger: Logger }): void {
  let toldAt = -Infinity;
  let untold = 0;
  listener.on("error", (cause: unknown) => {
    untold++;
    if (clock.monotonic() - toldAt < tellEveryMs) return;
    logger.error("listener.failed", { listener: name, failures: untold, cause });
    toldAt = clock.monotonic();
    untold = 0;
  });
}
