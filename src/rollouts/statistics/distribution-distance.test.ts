import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { alignBuckets, alignLabels, compareDistributions, mergeSparseCounts } from "./index.ts";
import { assertFinite, known, near } from "./near.fixture.ts";

const stable = [120, 300, 260, 90, 30];
const candidate = [20, 60, 90, 40, 15];

describe("compareDistributions", () => {
  it("has the numbers of scipy: jensenshannon(base=2) squared, chi2_contingency, and the beta mixture by betaln", () => {
    const result = known(compareDistributions([{ stable, candidate, candidateShare: 0.25 }]));
    near(result.distance, 0.023458773372133767);
    near(result.chiSquare, 22.86538461538462);
    near(result.chiSquarePValue, 0.00013471315362387386);
    near(result.stabilityIndex, 0.13005497516494632);
    near(result.pValue, 0.030098924510107584, 1e-7);
    assert.equal(result.degrees, 4);
    assert.equal(result.significant, true);
  });

  it("is 0 for equal shares and 1 for distributions without a bucket in common", () => {
    const same = known(compareDistributions([{ stable: [90, 180, 0], candidate: [10, 20, 0], candidateShare: 0.1 }]));
    near(same.distance + 1, 1);
    assert.deepEqual([same.chiSquarePValue, same.significant, same.degrees], [1, false, 1]);
    const apart = known(compareDistributions([{ stable: [90, 0], candidate: [0, 10], candidateShare: 0.1 }]));
    near(apart.distance, 1);
    assert.ok(apart.pValue < 1e-6);
  });

  it("is the same the other way round, for whatever counts, and answers with numbers", () => {
    const counts = fc.array(fc.nat(100), { maxLength: 6 });
    fc.assert(
      fc.property(counts, counts, fc.double({ min: 0.01, max: 0.99, noNaN: true }), (left, right, share) => {
        const there = compareDistributions([{ stable: left, candidate: right, candidateShare: share }]);
        const back = compareDistributions([{ stable: right, candidate: left, candidateShare: 1 - share }]);
        assertFinite(there);
        assert.equal(there.status, back.status);
        if (there.status === "no-data" || back.status === "no-data") return;
        near(1 + there.distance, 1 + back.distance);
        near(1 + there.stabilityIndex, 1 + back.stabilityIndex);
        near(1 + there.pValue, 1 + back.pValue, 1e-6);
      }),
    );
  });

  it("has no data for an empty arm, and compares no arm's share of traffic with the plan", () => {
    assert.deepEqual(compareDistributions([{ stable, candidate: [], candidateShare: 0.5 }]), { status: "no-data", reason: "empty" });
    assert.deepEqual(compareDistributions([]), { status: "no-data", reason: "empty" });
    assert.deepEqual(compareDistributions([{ stable: [Infinity], candidate: [1], candidateShare: 0.5 }]), { status: "no-data", reason: "not-finite" });
    const otherShare = known(compareDistributions([{ stable: [500, 500], candidate: [500, 500], candidateShare: 0.05 }]));
    assert.equal(otherShare.pValue, 1);
  });
});

describe("sparse counts", () => {
  it("add up, and stand side by side", () => {
    assert.deepEqual(mergeSparseCounts([[[3, 1], [5, 2]], [], [[-1, 4], [5, 1]]]), [[-1, 4], [3, 1], [5, 3]]);
    assert.deepEqual(alignBuckets([[3, 1], [5, 2]], [[-1, 4], [5, 1]]), { buckets: [-1, 3, 5], stable: [0, 1, 2], candidate: [4, 0, 1] });
    assert.deepEqual(alignLabels({ no: 2, yes: 3 }, { maybe: 1, yes: 5 }), { labels: ["maybe", "no", "yes"], stable: [0, 2, 3], candidate: [1, 0, 5] });
    assert.deepEqual(alignLabels({ ["__proto__"]: 2, constructor: 1 }, {}).labels, ["__proto__", "constructor"]);
  });
});
