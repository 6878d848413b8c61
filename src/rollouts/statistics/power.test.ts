import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { assertFinite, known, near } from "./near.fixture.ts";
import { samplesNeeded } from "./power.ts";

describe("samplesNeeded", () => {
  it("has the numbers of scipy: norm.isf for the fixed horizon, brentq for the sequence", () => {
    const even = known(samplesNeeded({ stableVariance: 1, difference: 0.1, candidateShare: 0.5 }));
    assert.deepEqual([even.fixedSamples, even.sequentialSamples, even.typicalSamples], [3140, 6017, 3707]);
    near(even.inflation, 6017 / 3140);
    const canary = known(samplesNeeded({ stableVariance: 1, difference: -0.1, candidateShare: 0.05 }));
    assert.deepEqual([canary.fixedSamples, canary.sequentialSamples, canary.typicalSamples], [16_524, 34_255, 20_634]);
    const other = known(samplesNeeded({ stableVariance: 2, candidateVariance: 3, difference: 0.2, candidateShare: 0.25, side: "greater", power: 0.9 }));
    assert.equal(other.fixedSamples, 3141);
  });

  it("counts the days at the present traffic, and advises nothing that is not needed", () => {
    const answer = known(samplesNeeded({ stableVariance: 1, difference: 0.1, candidateShare: 0.05, samplesSoFar: 4255, samplesPerDay: 3000, covariateCorrelation: 0.5 }));
    near(answer.daysLeft, 10);
    assert.deepEqual([answer.concludes, answer.advice], [true, []]);
    assert.equal(known(samplesNeeded({ stableVariance: 1, difference: 0.1, candidateShare: 0.05, samplesSoFar: 1e6, samplesPerDay: 1 })).daysLeft, 0);
    const unknown = known(samplesNeeded({ stableVariance: 1, difference: 0.1, candidateShare: 0.05 }));
    assert.deepEqual([unknown.daysLeft, unknown.concludes, unknown.advice], [null, null, []]);
  });

  it("advises a larger share, CUPED, a metric of lower variance or a larger difference, the quickest first", () => {
    const question = { stableVariance: 1, difference: 0.1, candidateShare: 0.05, samplesPerDay: 1000, longestDays: 10, covariateCorrelation: 0.6 };
    const { advice, concludes } = known(samplesNeeded(question));
    assert.equal(concludes, false);
    assert.deepEqual(advice.map(({ action }) => action), ["raise the candidate's share", "take a metric of lower variance", "look for a larger difference", "adjust by the covariate"]);
    assert.equal(advice[0]!.samples, 6017);
    assert.ok(advice.every((one, index) => one.samples >= (advice[index - 1]?.samples ?? 0)));
    // What is advised does what it says.
    const covariate = known(samplesNeeded({ ...question, stableVariance: 0.64 }));
    assert.equal(advice.at(-1)!.samples, covariate.sequentialSamples);
    const difference = Number(/difference of ([\d.]+)/.exec(advice[2]!.detail)![1]);
    near(known(samplesNeeded({ ...question, difference })).sequentialSamples, 10_000, 0.02);
    const variance = Number(/With ([\d.]+)%/.exec(advice[1]!.detail)![1]) / 100;
    near(known(samplesNeeded({ ...question, stableVariance: variance })).sequentialSamples, 10_000, 0.05);
  });

  it("asks for no fewer samples than the sequence answers from, and answers with numbers", () => {
    assert.equal(known(samplesNeeded({ stableVariance: 1, difference: 50, candidateShare: 0.05 })).typicalSamples, 2000);
    const positive = fc.double({ min: 0, noNaN: true });
    fc.assert(
      fc.property(positive, fc.double(), fc.double(), fc.double({ min: -1, max: 1, noNaN: true }), (stableVariance, difference, candidateShare, covariateCorrelation) =>
        assertFinite(samplesNeeded({ stableVariance, difference, candidateShare, covariateCorrelation, samplesPerDay: 10 })),
      ),
    );
    // A variance that is next to nothing.
    assertFinite(samplesNeeded({ stableVariance: 1.861e-319, difference: 132_944_569, candidateShare: 3.3e-11 }));
    assert.deepEqual(samplesNeeded({ stableVariance: 0, difference: 1, candidateShare: 0.5 }), { status: "no-data", reason: "no-variance" });
    assert.deepEqual(samplesNeeded({ stableVariance: 1, difference: 0, candidateShare: 0.5 }), { status: "no-data", reason: "not-finite" });
    assert.deepEqual(samplesNeeded({ stableVariance: 1, difference: 1, candidateShare: 1 }), { status: "no-data", reason: "empty" });
    assert.deepEqual(samplesNeeded({ stableVariance: NaN, difference: 1, candidateShare: 0.5 }), { status: "no-data", reason: "not-finite" });
  });
});
