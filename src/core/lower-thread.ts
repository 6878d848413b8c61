import { readlinkSync } from "node:fs";
import { getPriority, setPriority } from "node:os";

/**
 * Lets the other threads of the machine go before the one that calls it, where they want the same processor; where one is free it runs as before. On Linux, which alone has a priority for each thread; elsewhere, and where it is
 * refused, it does nothing. `by`: steps of niceness, of which five leave a third of a processor beside a thread of the usual priority that wants all of it.
 */
export function lowerThread(by: number): void {
  if (process.platform !== "linux") return;
  try {
    const thread = Number(readlinkSync("/proc/thread-self").split("/").at(-1));
    setPriority(thread, Math.min(19, getPriority(thread) + by));
  } catch {
    return;
  }
}
