import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatAge, formatBytes, formatCount, formatMs, formatNumber, formatPsi, formatRate, formatShape, formatShare, formatUtcPart, plural, shortDigest } from "./format.ts";

describe("format", () => {
  it("writes durations in the unit that three digits suffice for", () => {
    const cases: [number | null, string][] = [
      [null, "–"], [0, "0 ms"], [0.0123, "12.3 µs"], [0.9999, "1 ms"], [3.4211, "3.42 ms"], [34.26, "34.3 ms"], [342.4, "342 ms"],
      [1240, "1.24 s"], [65_000, "1.1 min"], [7_200_000, "2 h"],
    ];
    for (const [value, text] of cases) assert.equal(formatMs(value), text);
  });

  it("never writes a share that is not zero as zero, nor one below one as one", () => {
    assert.equal(formatShare(0), "0%");
    assert.equal(formatShare(0.00001), "<0.01%");
    assert.equal(formatShare(0.0012), "0.12%");
    assert.equal(formatShare(0.999999), ">99.99%");
    assert.equal(formatShare(1), "100%");
    assert.equal(formatShare(undefined), "–");
  });

  it("groups counts and shortens large ones", () => {
    assert.deepEqual([1234, 99_999, 123_956, 1_234_000, 5.5].map(formatCount), ["1,234", "99,999", "124 k", "1.23 M", "5.5"]);
    assert.equal(formatRate(0.0312), "0.0312/s");
    assert.equal(plural(1, "row"), "1 row");
    assert.equal(plural(1200, "row"), "1,200 rows");
  });

  it("keeps whole numbers whole and gives the extreme ones an exponent", () => {
    assert.deepEqual([2475, 0.123456789, 1e-7, 1.5e14, NaN, -Infinity].map((value) => formatNumber(value)), ["2,475", "0.12346", "1e-7", "1.5e14", "NaN", "−∞"]);
  });

  it("writes PSI with the three decimals of its thresholds", () => {
    assert.deepEqual([0, 0.00065, 0.1, 0.31234].map(formatPsi), ["0.000", "<0.001", "0.100", "0.312"]);
  });

  it("writes sizes, ages, shapes and digests", () => {
    assert.deepEqual([12, 14_200, 3_400_000, 999_600_000, 2_500_000_000_000].map(formatBytes), ["12 B", "14.2 kB", "3.4 MB", "1 GB", "2.5 TB"]);
    assert.deepEqual([12_000, 90_000, 5_400_000, 93_600_000].map(formatAge), ["12 s", "1 min", "1 h 30 min", "1 d 2 h"]);
    assert.equal(formatShape([-1, 3, 224]), "n × 3 × 224");
    assert.equal(shortDigest(`sha256:${"ab".repeat(32)}`), "abababababab");
  });

  it("tells days and hours of UTC as those, wherever its reader is", () => {
    assert.deepEqual([formatUtcPart(Date.UTC(2026, 2, 4), "day"), formatUtcPart(Date.UTC(2026, 2, 4, 7), "hour")], ["4 Mar", "4 Mar 07:00 UTC"]);
  });
});
