import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import type { NumericColumnProfile } from "../data/types.ts";
import { columnShape } from "./column-shape.ts";

const profile = (min: number, max: number, edges: number[], counts: number[]): NumericColumnProfile => ({
  kind: "numeric", name: "x", input: "x", index: 0, count: 0, missing: 0, min, max, mean: 0, standardDeviation: 1, edges, counts,
});

describe("columnShape", () => {
  it("draws equally filled buckets by how dense they are", () => {
    const { bars } = columnShape(profile(0, 10, [1, 2, 6], [10, 10, 10, 10]));
    assert.deepEqual(bars.map(({ height }) => Math.round(height * 100)), [100, 100, 25, 25]);
    assert.ok(Math.abs(bars[2]!.width - 4 * bars[0]!.width) < 1e-9);
  });

  it("does not let one outlier flatten the rest", () => {
    const { bars, positionOf } = columnShape(profile(0, 1_000_000, [1, 2, 3], [10, 10, 10, 1]));
    assert.ok(bars[0]!.width > 0.1);
    assert.equal(positionOf("1000000"), 1);
    assert.equal(positionOf(""), null);
  });

  it("stays within the drawing, whatever the profile", () => {
    const numbers = fc.double({ noNaN: true, min: -1e9, max: 1e9 });
    fc.assert(
      fc.property(fc.uniqueArray(numbers, { minLength: 2, maxLength: 12 }), fc.array(fc.nat(), { minLength: 13, maxLength: 13 }), numbers, (values, counts, probe) => {
        const sorted = values.sort((a, b) => a - b);
        const edges = sorted.slice(1, -1);
        const shape = columnShape(profile(sorted[0]!, sorted.at(-1)!, edges, counts.slice(0, edges.length + 1)));
        for (const { x, width, height } of shape.bars) {
          assert.ok(x >= 0 && x + width <= 1 + 1e-9 && width > 0, `${x} ${width}`);
          assert.ok(height >= 0 && height <= 1);
        }
        const position = shape.positionOf(String(probe));
        assert.ok(position !== null && position >= 0 && position <= 1);
      }),
    );
  });
});
