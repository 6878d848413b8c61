import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readSplitPlace, splitPlaceOf } from "./split-place.ts";
import type { StoredSpan } from "./stored-span.ts";

const span = (attributes: StoredSpan["attributes"], code: StoredSpan["status"]["code"] = "ok"): StoredSpan =>
  ({ attributes: { "slipway.rollout": "rol_1", "slipway.phase": "test", "slipway.arm": "b", "slipway.revision": "2", ...attributes }, status: { code, message: "" } }) as unknown as StoredSpan;
const place = { rollout: "rol_1", phase: "test", arm: "b", revision: "2" };

describe("the place of a call in what splits its route", () => {
  it("has by what the call was assigned, to the last bit, and of a cached answer nothing of it", () => {
    const fraction = 0.123456789012345678;
    for (const by of ["key", "draw"] as const) assert.deepEqual(readSplitPlace(splitPlaceOf(span({ "slipway.unit": `${by} ${fraction}` }))!), { ...place, unit: { by, fraction } });
    assert.deepEqual(readSplitPlace(splitPlaceOf(span({ "slipway.unit": "key 0.5", "slipway.cache": "hit" }))!), place);
    assert.deepEqual(readSplitPlace(splitPlaceOf(span({}))!), place);
  });

  it("is none of a span that failed, or whose score would be nobody's", () => {
    assert.deepEqual([splitPlaceOf(span({}, "error")), splitPlaceOf(span({ "slipway.scored": false }))], [null, null]);
  });
});
