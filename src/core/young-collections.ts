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

/**
 * V8 watches which places of the program make objects that survive young collections, and makes those of such a place old from the start. In a server nearly all that is alive at a collection is of calls under way and dead soon
 * after; but an object that is old, dead or not, keeps the young ones alive that it knows, so that whole calls were copied to the old generation until the next full collection, and after it again. Whether a server came to it was
 * chance: the same program took 76 to 242 us of processor time for a call, and takes 73 to 107 without (bench/README.md, gateway).
 */
export function disablePretenuring(): void {
  setFlagsFromString("--no-allocation-site-pretenuring");
}
