import assert from "node:assert/strict";
import { it } from "node:test";
import { ManualClock } from "../../core/clock.ts";
import { limitStoreConformance } from "./limit-store.conformance.ts";
import { MemoryLimitStore } from "./memory-limit-store.ts";

limitStoreConformance("memory", () => {
  const clock = new ManualClock();
  return Promise.resolve({ store: new MemoryLimitStore({ clock }), ownClock: false, pass: (milliseconds) => Promise.resolve(clock.advance(milliseconds)) });
});

it("forgets buckets that are full again and tickets that have left", () => {
  const clock = new ManualClock();
  const store = new MemoryLimitStore({ clock });
  for (let caller = 0; caller < 20_000; caller++) {
    store.take([{ bucket: { id: `key:${caller}:requests`, capacity: 60, perMinute: 60 }, amount: 1 }]);
    store.enter(`ticket-${caller}`, [{ id: `key:${caller}:calls`, most: 1 }], 1000);
    store.leave(`ticket-${caller}`);
    clock.advance(10);
  }
  // 100 of them are being refilled at any moment.
  assert.ok(store.size < 1000, String(store.size));
});

it("says when the next place comes free for sure: at the soonest end of those that hold one", () => {
  const store = new MemoryLimitStore({ clock: new ManualClock() });
  const slots = [{ id: "key:1:calls", most: 2 }];
  for (const [ticket, leaseMs] of [["long", 10_000], ["short", 1000]] as const) assert.equal(store.enter(ticket, slots, leaseMs).taken, true);
  assert.deepEqual(store.enter("third", slots, 5000), { taken: false, id: "key:1:calls", waitMs: 1000, left: null });
});
