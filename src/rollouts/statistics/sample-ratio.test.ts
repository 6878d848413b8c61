import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { type AllocationPhase, sampleRatio } from "./index.ts";
import { assertFinite, known, near } from "./near.fixture.ts";

const phase = (shares: readonly number[], counts: readonly number[]): AllocationPhase => ({ arms: shares.map((share, arm) => ({ share, count: counts[arm]! })) });

describe("sampleRatio", () => {
  it("has the p-values of scipy.stats.chisquare, and of the Dirichlet mixture by scipy.special.gammaln", () => {
    const expected: [AllocationPhase[], number, number, number][] = [
      [[phase([0.5, 0.5], [5200, 4800])], 16, 6.334248366623988e-5, 0.026304678324228153],
      [[phase([0.95, 0.05], [990, 10])], 33.68421052631579, 6.482473101505233e-9, 2.9172719380938177e-10],
      [[phase([0.95, 0.05], [940, 60]), phase([0.75, 0.25], [700, 300])], 14.117647058823529, 0.00017172515611363042, 0.1678831964227134],
      [[phase([0.5, 0.3, 0.2], [520, 290, 190])], 1.6333333333333333, 0.4419022095845254, 1],
    ];
    for (const [phases, chiSquare, pearson, always] of expected) {
      const result = known(sampleRatio(phases));
      near(result.chiSquare, chiSquare);
      near(result.pearsonPValue, pearson);
      near(result.pValue, always, 1e-7);
      assert.equal(result.mismatch, always < 0.001);
    }
  });

  it("multiplies the p-value where the sample of keys was halved, so that all samples together have alpha", () => {
    const phases = [phase([0.75, 0.25], [700, 160]), phase([0.75, 0.25], [50, 12])];
    near(known(sampleRatio(phases)).pValue, 0.003272904509639497, 1e-7);
    near(known(sampleRatio(phases, { halvings: 3 })).pValue, 0.06545809019278993, 1e-7);
    const shares = Array.from({ length: 10_000 }, (_, halvings) => 1 / ((halvings + 1) * (halvings + 2)));
    assert.ok(shares.reduce((sum, share) => sum + share) <= 1);
    const [once, often] = [0, 1].map((halvings) => known(sampleRatio(phases, { alpha: 0.01, halvings })));
    assert.deepEqual([once!.mismatch, often!.mismatch], [true, false]);
  });

  it("adds up what each allocation expected", () => {
    const result = known(sampleRatio([phase([0.95, 0.05], [940, 60]), phase([0.75, 0.25], [700, 300])]));
    assert.deepEqual(result.observed, [1640, 360]);
    result.expected.forEach((count, arm) => near(count, [1700, 300][arm]!));
    assert.equal(result.degrees, 1);
  });

  it("does not depend on the order of the arms or on what shares add up to", () => {
    const counts = fc.array(fc.nat(1000), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(counts, (given) => {
        const straight = sampleRatio([phase([0.5, 0.3, 0.2], given)]);
        assertFinite(straight);
        const turned = sampleRatio([phase([2, 3, 5], [...given].reverse())]);
        assert.equal(turned.status, straight.status);
        if (straight.status === "no-data" || turned.status === "no-data") return;
        near(1 + turned.pValue, 1 + straight.pValue);
        near(1 + turned.pearsonPValue, 1 + straight.pearsonPValue);
      }),
    );
  });

  it("takes traffic of an arm that was to get none for a mismatch, and one arm alone for none", () => {
    const leak = known(sampleRatio([phase([1, 0], [1000, 1])]));
    assert.deepEqual([leak.pValue, leak.pearsonPValue, leak.mismatch], [0, 0, true]);
    const alone = known(sampleRatio([phase([1, 0], [1000, 0])]));
    assert.deepEqual([alone.pValue, alone.pearsonPValue, alone.degrees, alone.mismatch], [1, 1, 0, false]);
  });

  it("has no data without requests", () => {
    assert.deepEqual(sampleRatio([]), { status: "no-data", reason: "empty" });
    assert.deepEqual(sampleRatio([phase([0.5, 0.5], [0, 0])]), { status: "no-data", reason: "empty" });
    assert.deepEqual(sampleRatio([phase([0.5, 0.5], [Infinity, 0])]), { status: "no-data", reason: "not-finite" });
  });
});
