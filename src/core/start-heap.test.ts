import assert from "node:assert/strict";
import { it } from "node:test";
import { getHeapSpaceStatistics, getHeapStatistics } from "node:v8";
import { holdHeap, releaseHeap } from "./start-heap.ts";

const mebibyte = 1 << 20;

function youngBytes(): number {
  return getHeapSpaceStatistics().find((space) => space.space_name === "new_space")!.space_size;
}

/** Some 40 MB of small objects that stay. */
function makeMuch(): object[] {
  return Array.from({ length: 500_000 }, (_, index) => ({ index, name: [index] }));
}

it("keeps the space of new objects small while a start makes what stays, gives its pages back, and lets the space grow afterwards", () => {
  holdHeap();
  const before = youngBytes();
  let kept = makeMuch();
  assert.equal(kept.length, 500_000);
  assert.ok(youngBytes() <= Math.max(before, 2 * mebibyte), `${youngBytes()} bytes, ${before} before`);
  kept = [];
  const full = getHeapStatistics().total_physical_size;
  releaseHeap();
  assert.ok(getHeapStatistics().total_physical_size < full - 10 * mebibyte, "the pages are still held");
  const released = youngBytes();
  kept = makeMuch();
  assert.ok(youngBytes() > 2 * released, `${youngBytes()} bytes, ${released} before, for ${kept.length} objects`);
  assert.equal(globalThis.gc, undefined);
});
