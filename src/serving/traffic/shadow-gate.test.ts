import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ShadowGate } from "./shadow-gate.ts";

describe("ShadowGate", () => {
  it("lets so many be under way, and takes the next when one left", () => {
    const gate = new ShadowGate({ maxConcurrent: 2, maxPerSecond: 100 });
    assert.deepEqual([gate.enters(0), gate.enters(0), gate.enters(0)], [true, true, false]);
    gate.leave();
    assert.deepEqual([gate.enters(0), gate.enters(0)], [true, false]);
  });

  it("lets so many begin in a second, whatever came before", () => {
    const gate = new ShadowGate({ maxConcurrent: 1000, maxPerSecond: 4 });
    const entered = (now: number): number => Array.from({ length: 10 }, () => gate.enters(now)).filter(Boolean).length;
    assert.deepEqual([entered(0), entered(100), entered(500), entered(750), entered(100_000)], [4, 0, 2, 1, 4]);
    const slow = new ShadowGate({ maxConcurrent: 10, maxPerSecond: 0.5 });
    assert.deepEqual([slow.enters(0), slow.enters(1000), slow.enters(2000)], [true, false, true]);
  });
});
