import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { oldGenerationGrowth } from "../../test/kit/old-generation.ts";
import { ChurnMap } from "./churn-map.ts";

describe("ChurnMap", () => {
  it("holds what a Map holds, in its order", () => {
    const step = fc.record({ add: fc.boolean(), key: fc.nat(7), value: fc.nat() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(300), (steps, before) => {
        const map = new ChurnMap<number, number>();
        const model = new Map<number, number>();
        // It moves its entries some time within the steps.
        for (let index = 0; index < before; index++) {
          map.set(-1, index);
          map.delete(-1);
        }
        for (const { add, key, value } of steps) {
          if (add) {
            map.set(key, value);
            model.set(key, value);
          } else assert.equal(map.delete(key), model.delete(key));
          assert.deepEqual([...map], [...model]);
          assert.deepEqual([[...map.keys()], [...map.values()], map.size, map.get(key), map.has(key)], [[...model.keys()], [...model.values()], model.size, model.get(key), model.has(key)]);
        }
      }),
    );
  });

  it("may lose entries while they are walked over", () => {
    const map = new ChurnMap<number, string>();
    for (let index = 0; index < 300; index++) map.set(index, "");
    for (const [key] of map) map.delete(key);
    assert.equal(map.size, 0);
  });

  it("keeps nothing alive that has left, also after a full garbage collection", () => {
    const map = new ChurnMap<number, number[]>();
    let [first, next] = [0, 0];
    const kept = oldGenerationGrowth((count) => {
      for (const end = next + count; next < end; next++) {
        map.set(next, new Array<number>(64).fill(next));
        if (map.size > 32) map.delete(first++);
      }
    });
    assert.ok(kept < 2e6, `${kept} bytes were kept`);
  });
});
