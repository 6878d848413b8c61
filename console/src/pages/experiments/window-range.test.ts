import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../../test/kit/fast-check.ts";
import { columnsInView, edgesOf, rowsInView } from "./window-range.ts";

describe("the window over a table", () => {
  it("holds every row that is in view, and few more", () => {
    fc.assert(
      fc.property(fc.nat(400_000), fc.integer({ min: 1, max: 2000 }), fc.nat(10_000), (scroll, size, count) => {
        const { from, to } = rowsInView({ scroll, size }, 32, count);
        assert.ok(from >= 0 && to <= count && from <= to);
        for (let row = 0; row < count; row += 97) {
          const seen = row * 32 < scroll + size && (row + 1) * 32 > scroll;
          if (seen) assert.ok(row >= from && row < to, `row ${row} of ${from}..${to}`);
        }
        assert.ok(to - from <= Math.ceil(size / 32) + 14);
      }),
    );
  });

  it("holds every column that is in view, whatever their widths", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 60, max: 300 }), { maxLength: 60 }), fc.nat(20_000), fc.integer({ min: 1, max: 1500 }), (widths, scroll, size) => {
        const edges = edgesOf(widths);
        const { from, to } = columnsInView({ scroll, size }, edges);
        widths.forEach((_, column) => {
          if (edges[column]! < scroll + size && edges[column + 1]! > scroll) assert.ok(column >= from && column < to);
        });
        assert.ok(to <= widths.length && to - from <= Math.ceil(size / 60) + 4);
      }),
    );
  });
});
