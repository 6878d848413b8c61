import { availableParallelism } from "node:os";
import { setFlagsFromString } from "node:v8";

/** Of so few, the loads of a server leave none free for the collector. */
const fewProcessors = 2;

/**
 * V8 collects new objects with up to four threads together. Where there are no processors for them they wait for each other and for what else the server does: one thread alone was measured to spare 5 to 13% of the processor time
 * of the gateway's calls on two processors (bench/README.md, gateway). With more processors the pauses of several threads are the shorter ones, and V8 keeps its way.
 */
export function collectYoungWithOneThread(processors = availableParallelism()): void {
  if (processors <= fewProcessors) setFlagsFromString("--no-parallel-scavenge");
}
