import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ManualClock } from "../../core/clock.ts";
import { FallbackLimitStore } from "./fallback-limit-store.ts";
import { limitStoreConformance } from "./limit-store.conformance.ts";
import type { Bucket, LimitStore } from "./limit-store.ts";
import { MemoryLimitStore } from "./memory-limit-store.ts";

const away = (): Promise<never> => Promise.reject(new Error("away"));
const nothing: LimitStore = { take: away, adjust: away, enter: away, renew: away, leave: away };

for (const isAway of [false, true]) {
  limitStoreConformance(`fallback, the shared store ${isAway ? "away" : "there"}`, () => {
    const clock = new ManualClock();
    const store = new FallbackLimitStore({ shared: isAway ? nothing : new MemoryLimitStore({ clock }), local: new MemoryLimitStore({ clock }), share: () => 1 });
    return Promise.resolve({ store, ownClock: false, pass: (milliseconds) => Promise.resolve(clock.advance(milliseconds)) });
  });
}

describe("FallbackLimitStore", () => {
  const bucket: Bucket = { id: "bucket", capacity: 12, perMinute: 12 };

  it("keeps to its share while the shared store is away", async () => {
    const clock = new ManualClock();
    const store = new FallbackLimitStore({ shared: nothing, local: new MemoryLimitStore({ clock }), share: () => 1 / 3 });
    assert.equal((await store.take([{ bucket, amount: 4 }])).taken, true);
    assert.deepEqual(await store.take([{ bucket, amount: 1 }]), { taken: false, id: "bucket", waitMs: 15_000, left: [{ amount: 0, fullInMs: 60_000 }] });
    const slots = [{ id: "slot", most: 7 }];
    assert.deepEqual([(await store.enter("a", slots, 1000)).taken, (await store.enter("b", slots, 1000)).taken, (await store.enter("c", slots, 1000)).taken], [true, true, false]);
  });

  it("leaves where it entered", async () => {
    const clock = new ManualClock();
    const [shared, local] = [new MemoryLimitStore({ clock }), new MemoryLimitStore({ clock })];
    let isAway = false;
    const reached = <Value>(work: () => Value): Promise<Value> => (isAway ? away() : Promise.resolve(work()));
    const store = new FallbackLimitStore({
      local, share: () => 1,
      shared: {
        take: (wants) => reached(() => shared.take(wants)), adjust: (wants) => reached(() => shared.adjust(wants)), enter: (...given) => reached(() => shared.enter(...given)),
        renew: (...given) => reached(() => shared.renew(...given)), leave: (ticket) => reached(() => shared.leave(ticket)),
      },
    });
    const slots = [{ id: "slot", most: 1 }];
    await store.enter("there", slots, 1000);
    isAway = true;
    await store.enter("here", slots, 1000);
    await store.leave("there");
    isAway = false;
    await store.leave("here");
    assert.deepEqual([local.size, shared.size], [0, 1]);
    clock.advance(1000);
    assert.equal((await store.enter("next", slots, 1000)).taken, true);
  });
});
