import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LatencyEstimate } from "./latency-estimate.ts";

function filled(values: Iterable<number>): LatencyEstimate {
  const estimate = new LatencyEstimate();
  for (const value of values) estimate.add(value);
  return estimate;
}

describe("LatencyEstimate", () => {
  it("tells the 99th percentile, at most 19% too much", () => {
    const p99 = filled(Array.from({ length: 1000 }, (_, index) => (index + 1) * 100)).p99Ms!;
    assert.ok(p99 >= 99 && p99 <= 99 * 1.19, String(p99));
    assert.ok(filled(new Array<number>(50).fill(0)).p99Ms! <= 0.001);
    assert.ok(filled(new Array<number>(50).fill(1e12)).p99Ms! > 1e5);
  });

  it("says nothing of a few answers", () => {
    assert.equal(filled(new Array<number>(19).fill(100)).p99Ms, null);
    assert.notEqual(filled(new Array<number>(20).fill(100)).p99Ms, null);
  });

  it("follows a version that becomes faster", () => {
    const estimate = filled([...new Array<number>(5000).fill(1e6), ...new Array<number>(40_000).fill(1000)]);
    assert.ok(estimate.p99Ms! < 1.2, String(estimate.p99Ms));
  });
});
