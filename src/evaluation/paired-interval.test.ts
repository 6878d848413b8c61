import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { delongDifference, meanOf, pairedMeanDifference, rocArea } from "./paired-interval.ts";

const close = (actual: number, expected: number, tolerance = 1e-12): void => assert.ok(Math.abs(actual - expected) <= tolerance, `${actual}, not ${expected}`);
const first = Float64Array.of(2.001, 2.299, 1.726, 1.109, 1.545, 1.008, 2.06, 3.34, 1.508, 1.38, 2.49, 2.357);
const second = Float64Array.of(2.275, 1.848, 1.906, 1.796, 0.804, 0.888, 0.929, 2.637, 0.419, 1.415, 1.803, 2.747);
const truth = [0, 1, 1, 0, 1, 0, 0, 1, 1, 0].map((value) => value === 1);
const scores = Float64Array.of(0.1, 0.8, 0.4, 0.4, 0.9, 0.3, 0.5, 0.5, 1, 0);
const others = Float64Array.of(0.2, 0.6, 0.6, 0.4, 0.7, 0.5, 0.5, 0.3, 0.9, 0.6);

describe("paired intervals", () => {
  it("are those of scipy.stats.ttest_rel(first, second).confidence_interval", () => {
    const wide = pairedMeanDifference(first, second, 0.95);
    close(wide.difference, 0.2796666666666667);
    close(wide.low, -0.10310914755118378);
    close(wide.high, 0.6624424808845171);
    const narrow = pairedMeanDifference(first, second, 0.9);
    close(narrow.low, -0.032657689801187106);
    close(narrow.high, 0.5919910231345202);
  });

  it("of ROC areas are those of DeLong's formula, computed pair by pair", () => {
    close(rocArea(scores, truth).area, 0.92);
    close(rocArea(others, truth).area, 0.8);
    const { difference, low, high } = delongDifference(rocArea(scores, truth), rocArea(others, truth), 0.95);
    close(difference, 0.12);
    close(low, -0.2239722832982028);
    close(high, 0.4639722832982028);
  });

  it("give the area that counting all pairs gives, ties half", () => {
    fc.assert(
      fc.property(fc.array(fc.record({ score: fc.integer({ min: 0, max: 6 }), positive: fc.boolean() }), { minLength: 2, maxLength: 40 }), (rows) => {
        const positives = rows.filter(({ positive }) => positive);
        const negatives = rows.filter(({ positive }) => !positive);
        fc.pre(positives.length > 0 && negatives.length > 0);
        let wins = 0;
        for (const { score } of positives) for (const other of negatives) wins += score > other.score ? 1 : score === other.score ? 0.5 : 0;
        close(rocArea(Float64Array.from(rows, ({ score }) => score), rows.map(({ positive }) => positive)).area, wins / positives.length / negatives.length);
      }),
    );
  });

  const pairs = fc.array(fc.tuple(fc.double({ min: -100, max: 100, noNaN: true }), fc.double({ min: -100, max: 100, noNaN: true })), { minLength: 2, maxLength: 60 });

  it("turn round when the two are swapped, do not care for the order of rows, and narrow with the confidence", () => {
    fc.assert(
      fc.property(pairs, fc.double({ min: 0.5, max: 0.98, noNaN: true }), (rows, confidence) => {
        const left = Float64Array.from(rows, ([value]) => value);
        const right = Float64Array.from(rows, ([, value]) => value);
        const there = pairedMeanDifference(left, right, confidence);
        const back = pairedMeanDifference(right, left, confidence);
        close(there.difference, -back.difference);
        close(there.low, -back.high, 1e-9);
        close(there.high, -back.low, 1e-9);
        const reversed = pairedMeanDifference(left.toReversed(), right.toReversed(), confidence);
        close(there.low, reversed.low, 1e-9);
        const wider = pairedMeanDifference(left, right, confidence + 0.01);
        assert.ok(wider.low <= there.low && wider.high >= there.high);
      }),
    );
  });

  it("are [0, 0] for the same answers", () => {
    fc.assert(
      fc.property(pairs, (rows) => {
        const values = Float64Array.from(rows, ([value]) => value);
        assert.deepEqual(pairedMeanDifference(values, values, 0.95), { difference: 0, low: 0, high: 0 });
        const isPositive = rows.map((_, row) => row % 2 === 0);
        const area = rocArea(values, isPositive);
        if (rows.length >= 4) assert.deepEqual(delongDifference(area, area, 0.95), { difference: 0, low: 0, high: 0 });
      }),
    );
  });

  it("sum a million small numbers without losing them", () => close(meanOf(new Float64Array(1_000_000).fill(0.1)), 0.1, 1e-16));
});
