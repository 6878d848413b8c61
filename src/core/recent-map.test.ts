import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { RecentMap } from "./recent-map.ts";

const step = fc.record({ action: fc.constantFrom("set", "get", "delete"), key: fc.nat(20), value: fc.integer({ min: 1, max: 4 }) });

describe("RecentMap", () => {
  it("has what was used last, and never more than its limit", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 2, max: 12 }), (steps, limit) => {
        const map = new RecentMap<number, number>(limit);
        /** All that was set, the last used at the end. */
        const model = new Map<number, number>();
        for (const { action, key, value } of steps) {
          const known = model.get(key);
          if (action === "set") map.set(key, value);
          const isThere = action === "delete" ? map.delete(key) : map.get(key) !== undefined;
          if (isThere && action === "get") assert.equal(map.get(key), known);
          if (action === "set" || !isThere || action === "delete") model.delete(key);
          if (action === "set") model.set(key, value);
          else if (isThere && action === "get") {
            model.delete(key);
            model.set(key, known!);
          }
          assert.ok(map.size <= limit);
        }
        for (const [key, value] of [...model].slice(-Math.floor(limit / 2)).reverse()) assert.equal(map.get(key), value, `lost ${key}`);
      }),
    );
  });

  it("counts what its entries weigh", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const map = new RecentMap<number, number>(10, (_, value) => value);
        const values = new Map<number, number>();
        for (const { action, key, value } of steps) {
          if (action === "set") {
            map.set(key, value);
            values.set(key, value);
          } else if (action === "get") map.get(key);
          else map.delete(key);
          assert.ok(map.weight <= 10);
        }
        for (const [key, value] of values) {
          const before = map.weight;
          const isThere = map.delete(key);
          assert.equal(before - map.weight, isThere ? value : 0);
        }
        assert.deepEqual([map.size, map.weight], [0, 0]);
        map.clear();
        assert.deepEqual([map.size, map.weight], [0, 0]);
      }),
    );
  });

  it("takes no limit that holds nothing", () => {
    for (const limit of [1, 0, -1, NaN]) assert.throws(() => new RecentMap(limit), RangeError);
  });
});
