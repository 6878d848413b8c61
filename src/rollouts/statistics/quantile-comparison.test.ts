import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import {
  type SparseCounts, LatencyHistogram, againstLimit, compareQuantiles, latencyBucket, latencyBucketUpper, notANumberBucket, quantileBounds, signedBucket,
} from "./index.ts";
import { assertFinite, known, near } from "./near.fixture.ts";

const times = fc.array(fc.double({ min: 1, max: 5e8, noNaN: true }), { maxLength: 200 });
const histogramOf = (values: readonly number[]): LatencyHistogram => {
  const histogram = new LatencyHistogram();
  for (const value of values) histogram.add(value);
  return histogram;
};
/** So many times of 1 to `count` hundred microseconds, evenly. */
const even = (count: number, factor = 1): SparseCounts => histogramOf(Array.from({ length: count }, (_, index) => (factor * 100_000 * (index + 1)) / count)).toSparse();

describe("latency buckets", () => {
  it("hold what is at most 5% below their upper edge", () => {
    fc.assert(
      fc.property(fc.double({ min: 1, max: 5e8, noNaN: true }), (value) => {
        const bucket = latencyBucket(value);
        assert.ok(latencyBucketUpper(bucket)! >= value * (1 - 1e-8) && latencyBucketUpper(bucket)! <= value * 1.05 * (1 + 1e-8));
      }),
    );
    for (let bucket = 0; bucket < 415; bucket++) assert.equal(latencyBucket(latencyBucketUpper(bucket)!), bucket);
  });

  it("take what is out of their range at its ends", () => {
    assert.deepEqual([-5, 0, 1, 1.01].map(latencyBucket), [0, 0, 0, 1]);
    assert.deepEqual([1e12, Infinity, NaN].map(latencyBucket), [415, 415, 415]);
    assert.deepEqual([-1, 0, 415].map(latencyBucketUpper), [0, 1, null]);
  });

  it("merge to the same as one histogram of everything", () => {
    fc.assert(
      fc.property(times, times, (left, right) => {
        const merged = histogramOf(left);
        merged.merge(JSON.parse(JSON.stringify(histogramOf(right).toSparse())) as SparseCounts);
        assert.deepEqual(merged.toSparse(), histogramOf([...left, ...right]).toSparse());
        assert.equal(merged.total, left.length + right.length);
      }),
    );
  });
});

describe("signed buckets", () => {
  it("ascend with the numbers, and are 10% wide", () => {
    fc.assert(
      fc.property(fc.double({ min: -1e15, max: 1e15, noNaN: true }), fc.double({ min: -1e15, max: 1e15, noNaN: true }), (left, right) => {
        assert.ok(left <= right ? signedBucket(left) <= signedBucket(right) : signedBucket(left) >= signedBucket(right));
        assert.ok(signedBucket(-left) === -signedBucket(left) || signedBucket(left) === 0);
      }),
    );
    assert.equal(signedBucket(100 * 1.11) - signedBucket(100), 1);
    assert.deepEqual([0, -0, 1e-7, -1e-7].map((value) => Math.abs(signedBucket(value))), [0, 0, 0, 0]);
    assert.deepEqual([Infinity, -Infinity, 1e300, NaN].map(signedBucket), [436, -436, 436, notANumberBucket]);
  });
});

describe("quantileBounds", () => {
  it("lie at the ranks that scipy.special.betaln finds plausible", () => {
    // 1000 times at p99: ranks 979 to 997; 5000 at p95: 4699 to 4797; 200 at p99: 192 to 200, so that there is no upper bound.
    const one = known(quantileBounds(even(1000), 0.99));
    assert.deepEqual([one.low, one.high], [latencyBucketUpper(latencyBucket(97_900) - 1), latencyBucketUpper(latencyBucket(99_800))]);
    const two = known(quantileBounds(even(5000), 0.95));
    assert.deepEqual([two.low, two.high], [latencyBucketUpper(latencyBucket(93_980) - 1), latencyBucketUpper(latencyBucket(95_960))]);
    const few = known(quantileBounds(even(200), 0.99));
    assert.deepEqual([few.low, few.high], [latencyBucketUpper(latencyBucket(96_000) - 1), null]);
    near(one.estimate, 99_000, 0.03);
    // One bucket apart: ranks one more or less would show.
    const sharp: SparseCounts = [[100, 978], [200, 1], [300, 18], [400, 3]];
    assert.deepEqual([known(quantileBounds(sharp, 0.99)).low, known(quantileBounds(sharp, 0.99)).high], [latencyBucketUpper(199), latencyBucketUpper(400)]);
  });

  it("answer with numbers for whatever counts", () => {
    const counts = fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 415 }), fc.integer({ min: 1, max: 1e6 })), { selector: ([bucket]) => bucket }).map((given) => given.sort(([a], [b]) => a - b));
    fc.assert(
      fc.property(counts, fc.double({ min: 0.01, max: 0.999, noNaN: true }), (given, quantile) => {
        const bounds = quantileBounds(given, quantile);
        assertFinite(bounds);
        if (bounds.status === "no-data") return;
        assert.ok((bounds.low ?? 0) <= bounds.estimate && bounds.estimate <= (bounds.high ?? Infinity), JSON.stringify(bounds));
      }),
    );
    assert.deepEqual(quantileBounds([], 0.99), { status: "no-data", reason: "empty" });
    assert.deepEqual(quantileBounds([[3, Infinity]], 0.99), { status: "no-data", reason: "not-finite" });
    assert.deepEqual(known(quantileBounds([[415, 5000]], 0.5)).high, null);
  });
});

describe("compareQuantiles", () => {
  it("tells a p99 that is twice stable's, and one that is not", () => {
    const slow = known(compareQuantiles(even(20_000), even(1500, 2), { quantile: 0.99 }));
    near(slow.ratio, 2, 0.05);
    assert.equal(againstLimit(slow, 1.5), "over");
    const alike = known(compareQuantiles(even(20_000), even(1500), { quantile: 0.99 }));
    assert.equal(againstLimit(alike, 1.5), "within");
    assert.equal(againstLimit(alike, 1.01), "undecided");
    const early = known(compareQuantiles(even(20_000), even(50, 2), { quantile: 0.99 }));
    assert.deepEqual([early.high, againstLimit(early, 3)], [null, "undecided"]);
  });

  it("shares its alpha among both arms", () => {
    const { stable, candidate, low, high } = known(compareQuantiles(even(300), even(300, 2), { quantile: 0.5, alpha: 0.1 }));
    assert.deepEqual([stable, candidate], [1, 2].map((factor) => quantileBounds(even(300, factor), 0.5, { alpha: 0.05 })));
    assert.deepEqual([low, high], [candidate.low! / stable.high!, candidate.high! / stable.low!]);
    // So many times as to show which alpha it was.
    assert.notDeepEqual(candidate, quantileBounds(even(300, 2), 0.5, { alpha: 0.1 }));
    assert.notDeepEqual(stable, quantileBounds(even(300), 0.5, { alpha: 0.1 }));
  });

  it("has no data for an empty arm", () => {
    assert.deepEqual(compareQuantiles([], even(10), { quantile: 0.99 }), { status: "no-data", reason: "empty" });
    assert.deepEqual(compareQuantiles(even(10), [], { quantile: 0.99 }), { status: "no-data", reason: "empty" });
  });
});
