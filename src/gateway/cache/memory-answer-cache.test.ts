import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ManualClock } from "../../core/clock.ts";
import { answerCacheStoreConformance } from "./answer-cache-store.conformance.ts";
import { MemoryAnswerCache } from "./memory-answer-cache.ts";

answerCacheStoreConformance("memory", () => {
  const clock = new ManualClock();
  return Promise.resolve({ store: new MemoryAnswerCache({ clock, maxBytes: 1e6 }), pass: (milliseconds) => Promise.resolve(clock.advance(milliseconds)) });
});

describe("MemoryAnswerCache", () => {
  const value = (length: number): string => "x".repeat(length);

  it("drops what nobody asked for the longest, and never holds more than it may", () => {
    const cache = new MemoryAnswerCache({ clock: new ManualClock(), maxBytes: 5000 });
    for (const key of ["a", "b", "c"]) cache.set(key, value(1000), 60_000);
    cache.get("a");
    cache.set("d", value(1000), 60_000);
    cache.set("e", value(1000), 60_000);
    assert.deepEqual(["e", "d", "a", "b"].filter((key) => cache.get(key) !== null), ["e", "d", "a"]);
    for (let round = 0; round < 100; round++) {
      cache.set(`key-${round}`, value(round * 10), 60_000);
      assert.ok(cache.bytes <= 5000);
    }
  });

  it("keeps nothing that would drive all others out", () => {
    const cache = new MemoryAnswerCache({ clock: new ManualClock(), maxBytes: 5000 });
    cache.set("small", value(10), 60_000);
    cache.set("large", value(2000), 60_000);
    assert.deepEqual([cache.get("large"), cache.get("small")?.length], [null, 10]);
    cache.set("small", value(2000), 60_000);
    assert.equal(cache.get("small"), null);
  });

  it("counts nothing that is gone", () => {
    const clock = new ManualClock();
    const cache = new MemoryAnswerCache({ clock, maxBytes: 5000 });
    cache.set("a", value(100), 10);
    cache.set("b", value(100), 60_000);
    clock.advance(11);
    cache.get("a");
    cache.delete("b");
    assert.equal(cache.bytes, 0);
  });
});
