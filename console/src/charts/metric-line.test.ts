import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { metricLine, nearestIndex, smooth, stepsBetween, valueBounds } from "./metric-line.ts";

const samples = (values: (number | string)[]) => ({ run: "r", steps: values.map((_, index) => index), timestamps: values.map((_, index) => 1_000_000 + index * 500), values });

describe("a metric as a line", () => {
  it("keeps the least and the greatest value of each part as a band, whatever is smoothed", () => {
    const value = fc.double({ noNaN: true, min: -1e6, max: 1e6 });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 60 }), fc.double({ min: 0, max: 0.99, noNaN: true }), (values, smoothing) => {
        const line = metricLine(samples(values), { axis: "step", smoothing, from: 0, to: values.length - 1, buckets: 10, startedAt: 0 });
        const bounds = valueBounds([line], false)!;
        assert.ok(bounds[0] <= Math.min(...values) && bounds[1] >= Math.max(...values));
        line.band?.low.forEach((low, index) => assert.ok(low <= line.raw[index]! && line.band!.high[index]! >= line.raw[index]!));
      }),
    );
  });

  it("smooths without a pull to zero, and through what is no number", () => {
    assert.deepEqual(smooth([5, 5, 5], 0.9).map((value) => Math.round(value * 1e9) / 1e9), [5, 5, 5]);
    assert.deepEqual(smooth([1, NaN, 3], 0), [1, NaN, 3]);
    const [first, gap, last] = smooth([1, NaN, 3], 0.5);
    assert.ok(first === 1 && Number.isNaN(gap) && last! > 1 && last! < 3);
  });

  it("stands on steps, on the clock, or on the time since its start", () => {
    const options = { smoothing: 0, from: 0, to: 2, buckets: 100, startedAt: 1_000_000 };
    assert.deepEqual(metricLine(samples([1, "NaN", 3]), { ...options, axis: "step" }).x, [0, 1, 2]);
    assert.deepEqual(metricLine(samples([1, 2, 3]), { ...options, axis: "relative" }).x, [0, 0.5, 1]);
    const backwards = metricLine({ run: "r", steps: [0, 1], timestamps: [2000, 1000], values: [7, 8] }, { ...options, axis: "wall" });
    assert.deepEqual([backwards.x, backwards.raw, backwards.steps], [[1, 2], [8, 7], [1, 0]]);
  });

  it("finds the steps of a part of the axis, and the point that is nearest", () => {
    const line = metricLine(samples([1, 2, 3, 4, 5]), { axis: "relative", smoothing: 0, from: 0, to: 4, buckets: 100, startedAt: 1_000_000 });
    assert.deepEqual(stepsBetween([line], 0.4, 1.2), [1, 2]);
    assert.equal(stepsBetween([line], 7, 9), null);
    assert.deepEqual([-1, 0.7, 0.8, 99].map((at) => nearestIndex(line.x, at)), [0, 1, 2, 4]);
    assert.equal(nearestIndex([], 1), -1);
  });
});
