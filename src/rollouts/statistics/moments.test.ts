import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { type Moments, RunningBivariateMoments, RunningMoments, adjustByCovariate, emptyMoments, mergeBivariateMoments, mergeMoments, varianceOf } from "./index.ts";
import { near } from "./near.fixture.ts";

const numbers = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { maxLength: 50 });
const pairs = fc.array(fc.tuple(fc.double({ min: -1e3, max: 1e3, noNaN: true }), fc.double({ min: -1e3, max: 1e3, noNaN: true })), { maxLength: 50 });
const momentsOf = (values: readonly number[]): RunningMoments => {
  const moments = new RunningMoments();
  for (const value of values) moments.add(value);
  return moments;
};
const bivariateOf = (values: readonly (readonly [number, number])[]): RunningBivariateMoments => {
  const moments = new RunningBivariateMoments();
  for (const [x, y] of values) moments.add(x, y);
  return moments;
};
/** Rounding is of the order of the largest number that was added. */
const alike = (actual: number, expected: number, scale: number): void => assert.ok(Math.abs(actual - expected) <= 1e-9 * scale, `${actual}, not ${expected}`);

describe("RunningMoments", () => {
  it("has the mean and variance of numpy.mean and numpy.var(ddof=1), of numbers far from zero too", () => {
    const values = [1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16];
    assert.equal(momentsOf(values).mean, 1e9 + 10);
    assert.equal(varianceOf(momentsOf(values)), 30);
    assert.equal(varianceOf(momentsOf([5])), null);
  });

  it("merges to the same as the numbers of both, through JSON", () => {
    fc.assert(
      fc.property(numbers, numbers, (left, right) => {
        const whole = momentsOf([...left, ...right]);
        const stored = JSON.parse(JSON.stringify([momentsOf(left), momentsOf(right)])) as Moments[];
        const merged = mergeMoments(stored);
        assert.equal(merged.count, whole.count);
        alike(merged.mean, whole.mean, 1e6);
        alike(merged.m2, whole.m2, 1e14);
        assert.deepEqual(mergeMoments([emptyMoments, merged, emptyMoments]), merged);
      }),
    );
  });

  it("takes back what was added, in any order", () => {
    fc.assert(
      fc.property(pairs, pairs, (kept, taken) => {
        const [one, two] = [momentsOf([...taken, ...kept].map(([, y]) => y)), bivariateOf([...taken, ...kept])];
        for (const [x, y] of taken) {
          one.remove(y);
          two.remove(x, y);
          two.remove(NaN, y);
        }
        const [left, right] = [bivariateOf(kept), momentsOf(kept.map(([, y]) => y))];
        assert.deepEqual([one.count, two.count], [kept.length, kept.length]);
        alike(one.mean, right.mean, 1e5);
        alike(one.m2, right.m2, 1e8);
        alike(two.meanX, left.meanX, 1e5);
        alike(two.m2X, left.m2X, 1e8);
        alike(two.co, left.co, 1e8);
        assert.ok(one.m2 >= 0 && two.m2Y >= 0);
      }),
    );
  });

  it("leaves out what is not finite", () => {
    const moments = momentsOf([1, NaN, 3, Infinity, -Infinity]);
    assert.deepEqual(moments.toJSON(), { count: 2, mean: 2, m2: 2 });
  });
});

describe("RunningBivariateMoments", () => {
  it("merges to the same as the pairs of both, and each side is what it is alone", () => {
    fc.assert(
      fc.property(pairs, pairs, (left, right) => {
        const whole = bivariateOf([...left, ...right]);
        const merged = mergeBivariateMoments(JSON.parse(JSON.stringify([bivariateOf(left), bivariateOf(right)])) as RunningBivariateMoments[]);
        assert.equal(merged.count, whole.count);
        alike(merged.meanX, whole.meanX, 1e3);
        alike(merged.m2X, whole.m2X, 1e8);
        alike(merged.m2Y, whole.m2Y, 1e8);
        alike(merged.co, whole.co, 1e8);
        const alone = momentsOf([...left, ...right].map(([, y]) => y));
        alike(merged.meanY, alone.mean, 1e3);
        alike(merged.m2Y, alone.m2, 1e8);
      }),
    );
  });

  it("leaves out a pair of which one number is not finite", () => {
    const moments = bivariateOf([[1, 2], [NaN, 3], [4, Infinity]]);
    assert.equal(moments.count, 1);
  });
});

describe("adjustByCovariate", () => {
  const stable: [number, number][] = [[9.08, 11.6], [-0.11, -0.4], [5.84, 7.89], [3.86, 9.11], [4.09, 6.36], [4.57, 6.5]];
  const candidate: [number, number][] = [[4.44, 7.64], [3.66, 5.75], [2.89, 5.79], [4.22, 6.63]];

  it("has the slope, and the moments, of y - θ(x - mean x) by numpy", () => {
    const adjusted = adjustByCovariate(bivariateOf(stable), bivariateOf(candidate));
    assert.ok("slope" in adjusted);
    near(adjusted.slope, 1.2350353552006668);
    near(adjusted.correlation, 0.9138875594074615);
    near(adjusted.stable.mean, 6.471587691417934);
    near(varianceOf(adjusted.stable), 2.616987368799653);
    near(adjusted.candidate.mean, 7.010118462873102);
    near(varianceOf(adjusted.candidate), 0.2558014358109138);
  });

  it("changes nothing with a covariate that never varies, and has no data for an empty arm", () => {
    const flat = adjustByCovariate(bivariateOf(stable.map(([, y]) => [7, y])), bivariateOf(candidate.map(([, y]) => [7, y])));
    assert.ok("slope" in flat);
    assert.equal(flat.slope, 0);
    near(flat.stable.mean, momentsOf(stable.map(([, y]) => y)).mean);
    assert.deepEqual(adjustByCovariate(bivariateOf([]), bivariateOf(candidate)), { status: "no-data", reason: "empty" });
    assert.deepEqual(adjustByCovariate(bivariateOf([[1e200, 1], [-1e200, 2]]), bivariateOf(candidate)), { status: "no-data", reason: "not-finite" });
  });
});
