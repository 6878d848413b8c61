import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { type Moments, type SequentialOptions, againstLimit, carryForward, meanDifferenceSequence, meanSequence, mixtureTest } from "./index.ts";
import { assertFinite, known, near } from "./near.fixture.ts";

// The formulas take 4 as (1000 * 4 + 500 * pooled) / 1500: less than the pooled variance of both.
const stable: Moments = { count: 1000, mean: 10, m2: 999 * 4 };
const candidate: Moments = { count: 400, mean: 10.3, m2: 399 * 5 };
const moments = fc.record({ count: fc.integer({ min: 100, max: 1e6 }), mean: fc.double({ min: -100, max: 100, noNaN: true }), m2: fc.double({ min: 1e-3, max: 1e6, noNaN: true }) });
const options = fc.record({ alpha: fc.double({ min: 0.0001, max: 0.5, noNaN: true }), side: fc.constantFrom("two-sided", "greater", "less"), nullValue: fc.double({ min: -1, max: 1, noNaN: true }) }) as fc.Arbitrary<SequentialOptions>;
const methods = { meanDifferenceSequence, mixtureTest };

describe("meanDifferenceSequence", () => {
  it("has the bounds of the formula, worked out by numpy", () => {
    const both = known(meanDifferenceSequence(stable, candidate));
    near(both.estimate, 0.3, 1e-12);
    near(both.low, -0.11512564257027935);
    near(both.high, 0.7151256425702793);
    const one = known(meanDifferenceSequence(stable, candidate, { side: "greater" }));
    near(one.low, -0.07627064206704481);
    assert.equal(one.high, null);
    near(known(meanDifferenceSequence(stable, candidate, { alpha: 0.01, plannedSamples: 1000 })).high, 0.7608622445141022);
  });

  it("has the p-value of the mixture, integrated by scipy.integrate.quad over normally distributed effects", () => {
    near(known(meanDifferenceSequence(stable, candidate)).pValue, 0.2766370249362437, 1e-7);
  });
});

describe("mixtureTest", () => {
  it("has the bounds and the p-value of the formula, worked out by numpy", () => {
    const both = known(mixtureTest(stable, candidate));
    near(both.low, -0.17958655428800013);
    near(both.high, 0.779586554288);
    near(both.pValue, 0.6232008657352295);
    const fixed = known(mixtureTest(stable, candidate, { alpha: 0.01, tau: 0.04 }));
    near(fixed.low, -0.22689252839919188);
    // The mixture by scipy.integrate.quad: 3.680725546166547. Both sides: twice its reciprocal.
    near(fixed.pValue, 2 / 3.680725546166547, 1e-9);
    near(known(mixtureTest(stable, candidate, { alpha: 0.01, tau: 0.04, side: "greater" })).pValue, 1 / 3.680725546166547, 1e-9);
  });
});

for (const [name, test] of Object.entries(methods)) {
  describe(`${name}, as every comparison of means`, () => {
    it("is the same the other way round", () => {
      fc.assert(
        fc.property(moments, moments, (left, right) => {
          const there = known(test(left, right));
          const back = known(test(right, left));
          near(back.estimate + 1e3, 1e3 - there.estimate);
          near(back.low! + 1e3, 1e3 - there.high!);
          near(back.pValue + 1, there.pValue + 1);
          near(known(test(right, left, { side: "less" })).high! + 1e3, 1e3 - known(test(left, right, { side: "greater" })).low!);
        }),
      );
    });

    it("is significant exactly where its interval lacks the null value", () => {
      fc.assert(
        fc.property(moments, moments, options, (left, right, asked) => {
          const result = known(test(left, right, asked));
          assertFinite(result);
          const lacks = (result.low !== null && result.low > asked.nullValue!) || (result.high !== null && result.high < asked.nullValue!);
          const isOnTheEdge = Math.abs(result.pValue - result.alpha) < 1e-9;
          assert.ok(isOnTheEdge || result.significant === lacks, JSON.stringify(result));
        }),
      );
    });

    it("never answers with anything but numbers, and says why there are none", () => {
      const anything = fc.record({ count: fc.nat(300), mean: fc.double({ noNaN: true }), m2: fc.double({ min: 0, noNaN: true }) });
      fc.assert(fc.property(anything, anything, options, (left, right, asked) => assertFinite(test(left, right, asked))));
      const reason = (left: Moments, right: Moments): string => {
        const result = test(left, right);
        return result.status === "no-data" ? result.reason : result.status;
      };
      assert.equal(reason({ count: 0, mean: 0, m2: 0 }, candidate), "empty");
      assert.equal(reason(stable, { count: 99, mean: 1, m2: 1 }), "too-few");
      assert.equal(reason({ ...stable, m2: 0 }, { ...candidate, m2: 0 }), "no-variance");
      assert.equal(reason({ ...stable, m2: Infinity }, candidate), "not-finite");
      assert.equal(reason({ ...stable, m2: 0 }, candidate), "estimated");
    });
  });
}

describe("meanSequence", () => {
  it("is that of one series", () => {
    const result = known(meanSequence({ count: 1400, mean: 0.3, m2: (4 / 1000 + 5 / 400) * 1400 * 1399 }));
    near(result.low, -0.1139340247482239);
    assert.deepEqual(meanSequence({ count: 1400, mean: 1, m2: 0 }), { status: "no-data", reason: "no-variance" });
    assert.deepEqual(meanSequence({ count: 0, mean: 0, m2: 0 }), { status: "no-data", reason: "empty" });
    assert.deepEqual(meanSequence({ count: 5, mean: 0, m2: 1 }), { status: "no-data", reason: "too-few" });
    assert.deepEqual(meanSequence({ count: 500, mean: 0, m2: Infinity }), { status: "no-data", reason: "not-finite" });
  });
});

describe("carryForward", () => {
  const first = known(meanDifferenceSequence(stable, candidate));

  it("keeps the narrowest bounds and the smallest p-value", () => {
    const kept = known(carryForward({ ...first, low: 0.1, pValue: 0.02, significant: true }, { ...first, high: 0.5 }));
    assert.deepEqual([kept.low, kept.high, kept.pValue, kept.significant], [0.1, 0.5, 0.02, true]);
  });

  it("starts anew without data, and where the bounds do not meet", () => {
    assert.equal(carryForward(null, first), first);
    assert.equal(carryForward({ status: "no-data", reason: "empty" }, first), first);
    const moved = known(carryForward({ ...first, low: 5, high: 6 }, first));
    assert.deepEqual([moved.low, moved.high], [first.low, first.high]);
  });

  it("leaves a missing bound missing", () => {
    const kept = known(carryForward({ ...first, low: null }, { ...first, high: null }));
    assert.deepEqual([kept.low, kept.high], [first.low, null]);
  });
});

describe("againstLimit", () => {
  it("says over, within, undecided, or that there is no data", () => {
    const result = known(meanDifferenceSequence(stable, candidate));
    assert.equal(againstLimit({ ...result, low: 0.11 }, 0.1), "over");
    assert.equal(againstLimit({ ...result, high: 0.1 }, 0.1), "within");
    assert.equal(againstLimit(result, 0.1), "undecided");
    assert.equal(againstLimit({ ...result, low: null, high: null }, 0.1), "undecided");
    assert.equal(againstLimit({ status: "no-data", reason: "empty" }, 0.1), "no-data");
  });
});
