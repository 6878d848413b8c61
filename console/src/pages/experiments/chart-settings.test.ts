import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../../test/kit/fast-check.ts";
import { chartSettings, zoomsOf, zoomText } from "./chart-settings.ts";

describe("charts in the address", () => {
  it("keep their zooms, whatever their keys hold", () => {
    const zoom = fc.tuple(fc.integer(), fc.nat()).map(([from, more]) => ({ from, to: from + more }));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ unit: "grapheme" }), zoom), { maxLength: 4 }), (entries) => {
        const zooms = new Map(entries);
        assert.deepEqual(zoomsOf(zoomText(zooms)), zooms);
      }),
    );
  });

  it("fall back to what is usual when it makes no sense", () => {
    const of = (query: string) => chartSettings((name) => new URLSearchParams(query).get(name));
    assert.deepEqual(of("axis=sideways&smoothing=x&scale=&zoom=a,b:3:1,%25:1:2"), { axis: "step", smoothing: 0, logarithmic: false, zooms: new Map() });
    assert.deepEqual(of("axis=wall&smoothing=7&scale=log&zoom=a:1:2").smoothing, 0.99);
  });
});
