import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Keeps V8's space of new objects as small as it begins, until `releaseHeap`. Nearly all that a start makes stays: V8 takes that for a
 * reason to double the space again and again, and an idle server would hold 25 MB of it for ever. To share the collections of so small
 * a space among threads costs more than it saves.
 */
export function holdHeap(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
  setFlagsFromString("--no-parallel-scavenge");
}

/**
 * From here on the heap grows with what requests need, as V8 has it. What the start left is collected once, in some 80 ms: the pages
 * are given back only by a collection of this kind, which V8 makes by itself when memory has run out.
 */
export function releaseHeap(): void {
  setFlagsFromString("--semi-space-growth-factor=2");
  setFlagsFromString("--parallel-scavenge");
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as NonNullable<typeof globalThis.gc>;
  setFlagsFromString("--no-expose-gc");
  void collect({ type: "major", execution: "sync", flavor: "last-resort" });
}
