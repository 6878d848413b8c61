import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { evenPlaces } from "./even-places.ts";

describe("evenPlaces", () => {
  it("takes the first of each part and the last of all", () => {
    assert.deepEqual(evenPlaces(10, 5), [0, 2, 4, 6, 9]);
    assert.deepEqual(evenPlaces(20, 5), [0, 4, 8, 12, 19]);
    assert.deepEqual(evenPlaces(11, 3), [0, 4, 10]);
    assert.deepEqual([evenPlaces(3, 5), evenPlaces(0, 5), evenPlaces(7, 1)], [[0, 1, 2], [], [6]]);
  });

  it("ascends, stays within the limit and keeps both ends", () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 2, max: 300 }), (total, limit) => {
      const places = evenPlaces(total, limit);
      assert.equal(places.length, Math.min(total, limit));
      assert.deepEqual([places[0], places.at(-1)], [0, total - 1]);
      assert.ok(places.every((place, index) => index === 0 || place > places[index - 1]!));
    }));
  });
});
