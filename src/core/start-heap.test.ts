import assert from "node:assert/strict";
import { it } from "node:test";
import { getHeapStatistics } from "node:v8";
import { releaseStart } from "./start-heap.ts";

it("gives back the pages of what nobody uses any more", () => {
  // Some 40 MB of small objects.
  let kept: object[] = Array.from({ length: 500_000 }, (_, index) => ({ index, name: [index] }));
  assert.equal(kept.length, 500_000);
  kept = [];
  const full = getHeapStatistics().total_physical_size;
  releaseStart();
  assert.ok(getHeapStatistics().total_physical_size < full - (10 << 20), `the pages are still held; ${kept.length}`);
  assert.equal(globalThis.gc, undefined);
});
