import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { logErrorRateEvidence } from "./error-rate-test.ts";
import { type ErrorPhase, type Side, disagreementRate, errorRateTest, eventRateSequence, pairedDifference, pairedErrorTest } from "./index.ts";
import { assertFinite, known, near } from "./near.fixture.ts";

const phase = (candidateErrors: number, stableErrors: number, candidateShare: number): ErrorPhase => ({ candidateErrors, stableErrors, candidateShare });
const twoPhases = [phase(12, 60, 0.05), phase(9, 20, 0.25)];
const phases = fc.array(fc.record({ candidateErrors: fc.nat(200), stableErrors: fc.nat(200), candidateShare: fc.double({ min: 0.01, max: 0.99, noNaN: true }) }), { minLength: 1, maxLength: 3 });
const sides = fc.constantFrom<Side>("two-sided", "greater", "less");

describe("errorRateTest", () => {
  it("has p-value and bounds of the mixture that scipy.integrate.quad and scipy.optimize.brentq find", () => {
    const expected: [Side, ErrorPhase[], number, number | null, number | null][] = [
      ["two-sided", [phase(2, 0, 0.05)], 0.014788732394366202, 1.923654493695995, null],
      ["two-sided", [phase(3, 1, 0.05)], 0.004699581005586596, 2.4082735848767416, 14962.514333523315],
      ["two-sided", twoPhases, 0.04178471655887794, 1.0179829024381186, 5.159623499558123],
      ["two-sided", [phase(2, 30, 0.25)], 0.1043689290015703, 0.0072086945043967395, 1.1227896803631219],
      ["greater", [phase(2, 0, 0.05)], 0.013797634691195803, 1.9986871921948974, null],
      ["greater", twoPhases, 0.013785668932196926, 1.1446985827298581, null],
      ["greater", [phase(2, 30, 0.25)], 1, 0.0006099469778370138, null],
      ["less", twoPhases, 1, null, 7.937105610362953],
      ["less", [phase(2, 30, 0.25)], 0.044074447868120856, null, 0.9789754092758723],
    ];
    for (const [side, counted, pValue, low, high] of expected) {
      const result = known(errorRateTest(counted, { side }));
      near(result.pValue, pValue, 1e-7);
      if (low === null) assert.equal(result.low, null);
      else near(result.low, low, 1e-6);
      if (high === null) assert.equal(result.high, null);
      else near(result.high, high, 1e-6);
    }
    near(known(errorRateTest(twoPhases)).estimate, 2.4060914806583114, 1e-6);
    assert.equal(known(errorRateTest([phase(2, 0, 0.05)])).estimate, null);
  });

  it("shows a candidate that makes all errors at 5% of the traffic in two of them, and makes nothing of stable's only ones", () => {
    assert.ok(known(errorRateTest([phase(2, 0, 0.05)], { side: "greater" })).significant);
    assert.ok(!known(errorRateTest([phase(1, 0, 0.05)], { side: "greater" })).significant);
    const none = known(errorRateTest([phase(0, 2, 0.05)]));
    assert.deepEqual([none.estimate, none.low, none.significant], [0, 0, false]);
  });

  it("is the same the other way round", () => {
    fc.assert(
      fc.property(phases, (counted) => {
        fc.pre(counted.some(({ candidateErrors, stableErrors }) => candidateErrors + stableErrors > 0));
        const mirrored = counted.map(({ candidateErrors, stableErrors, candidateShare }) => phase(stableErrors, candidateErrors, 1 - candidateShare));
        near(1 + known(errorRateTest(mirrored)).pValue, 1 + known(errorRateTest(counted)).pValue, 1e-6);
        near(1 + known(errorRateTest(mirrored, { side: "less" })).pValue, 1 + known(errorRateTest(counted, { side: "greater" })).pValue, 1e-6);
      }),
    );
  });

  it("is significant exactly where its interval lacks the null value, and answers with numbers", () => {
    fc.assert(
      fc.property(phases, sides, fc.double({ min: 0.2, max: 5, noNaN: true }), fc.double({ min: 0.001, max: 0.2, noNaN: true }), (counted, side, nullValue, alpha) => {
        const result = errorRateTest(counted, { side, nullValue, alpha });
        assertFinite(result);
        if (result.status === "no-data") return;
        const lacks = (result.low !== null && result.low > nullValue) || (result.high !== null && result.high < nullValue);
        assert.ok(Math.abs(result.pValue - alpha) < 1e-9 || result.significant === lacks, JSON.stringify(result));
      }),
    );
  });

  it("has no data before the first error, and in phases where one arm has no traffic", () => {
    assert.deepEqual(errorRateTest([]), { status: "no-data", reason: "empty" });
    assert.deepEqual(errorRateTest([phase(0, 0, 0.5)]), { status: "no-data", reason: "empty" });
    assert.deepEqual(errorRateTest([phase(0, 5, 0), phase(7, 0, 1), phase(1, 1, NaN)]), { status: "no-data", reason: "empty" });
    assert.deepEqual(errorRateTest([phase(0, Infinity, 0.5)]), { status: "no-data", reason: "not-finite" });
    assert.equal(logErrorRateEvidence([phase(0, 0, 0.5)]), 0);
  });
});

describe("eventRateSequence", () => {
  it("has the bounds that scipy.special.betaln and scipy.optimize.brentq find", () => {
    const none = known(eventRateSequence(0, 500, { nullValue: 0.001 }));
    assert.deepEqual([none.estimate, none.low], [0, 0]);
    near(none.high, 0.013262569232341632);
    assert.equal(none.pValue, 1);
    const two = known(eventRateSequence(2, 500));
    near(two.low, 6.260387284885973e-5, 1e-7);
    near(two.high, 0.023604286483148936);
    const many = known(eventRateSequence(40, 400, { nullValue: 0.001, side: "greater" }));
    near(many.low, 0.05537934651882014);
    assert.equal(many.high, null);
    near(many.pValue, 5.199426155064083e-63, 1e-6);
    assert.equal(known(eventRateSequence(7, 7)).high, 1);
    assert.equal(known(eventRateSequence(40, 400, { nullValue: 0.001, side: "less" })).pValue, 1);
  });

  it("answers with numbers whatever it is given", () => {
    fc.assert(fc.property(fc.double(), fc.double(), sides, (events, trials, side) => assertFinite(eventRateSequence(Math.abs(events), trials, { side }))));
    assert.deepEqual(eventRateSequence(0, 0), { status: "no-data", reason: "empty" });
    assert.deepEqual(eventRateSequence(NaN, 10), { status: "no-data", reason: "not-finite" });
  });
});

describe("pairs", () => {
  it("that never differ are identical, and a bound of how often they may is known all the same", () => {
    assert.deepEqual(pairedDifference({ count: 500, mean: 0, m2: 0 }), { status: "no-data", reason: "identical" });
    near(known(disagreementRate(0, 500)).high, 0.013262569232341632);
    assert.deepEqual(pairedDifference({ count: 5, mean: 0, m2: 0 }), { status: "no-data", reason: "too-few" });
  });

  it("that all differ by the same number tell it", () => {
    const shifted = known(pairedDifference({ count: 500, mean: -3, m2: 0 }));
    assert.deepEqual([shifted.low, shifted.high, shifted.significant], [-3, -3, true]);
    assert.equal(known(pairedDifference({ count: 500, mean: -3, m2: 0 }, { side: "greater" })).significant, false);
    near(known(pairedDifference({ count: 10, mean: 1, m2: 0 }, { minimumSamples: 10 })).pValue, 11 / 1024);
    near(known(pairedDifference({ count: 10, mean: 1, m2: 0 }, { minimumSamples: 10, side: "greater" })).pValue, 11 / 2048);
    assert.equal(known(pairedDifference({ count: 2000, mean: 1, m2: 0 })).pValue, 0);
  });

  it("that differ otherwise are a series of differences, and errors on the same inputs fall on either alike", () => {
    near(known(pairedDifference({ count: 1400, mean: 0.3, m2: (4 / 1000 + 5 / 400) * 1400 * 1399 })).low, -0.1139340247482239);
    assert.deepEqual(pairedErrorTest(30, 12), errorRateTest([phase(30, 12, 0.5)]));
  });
});
