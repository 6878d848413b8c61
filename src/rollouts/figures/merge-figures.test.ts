import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import type { ArmFigures, PairedFigures, ReplicaFigures } from "../schemas.ts";
import { RunningMoments } from "../statistics/index.ts";
import { KeySample } from "./key-sample.ts";
import { mergeFigures, withoutHashes } from "./merge-figures.ts";

const count = fc.nat(1_000_000);
const moments = fc.array(fc.integer({ min: -1000, max: 1000 }), { maxLength: 5 }).map((values) => {
  const running = new RunningMoments();
  for (const value of values) running.add(value);
  return running.toJSON();
});
const sparse = fc.dictionary(fc.nat(400).map(String), fc.integer({ min: 1, max: 1000 }), { maxKeys: 5 })
  .map((counts) => Object.entries(counts).map(([bucket, times]) => [Number(bucket), times] as [number, number]).sort(([left], [right]) => left - right));
const named = fc.dictionary(fc.constantFrom("a", "b", "c", "__proto__", "toString"), fc.integer({ min: 1, max: 1000 }));
const predictions = fc.oneof(
  fc.constant(null),
  fc.record({ kind: fc.constant("label" as const), counts: named, other: count }),
  fc.record({ kind: fc.constant("number" as const), counts: sparse, moments }),
);
const limited = fc.option(fc.record({ calls: count, own: count }), { nil: undefined });
const arm: fc.Arbitrary<ArmFigures> = fc.record({
  arm: fc.constantFrom("stable", "candidate"), version: fc.constantFrom("1", "2"), requests: count, rows: count, failures: named, retries: count, latencyUs: sparse, predictions, errors: moments, limited,
}).map(({ limited: some, ...one }) => ({ ...one, ...(some === undefined ? {} : { limited: some }) }));
const paired: fc.Arbitrary<PairedFigures> = fc.record({
  arm: fc.constantFrom("candidate", "b"), pairs: count, skipped: count, disagreements: count, labels: count, difference: moments, absoluteDifference: moments, latencyUs: moments,
});
const keys = fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { maxLength: 5 }).map((fractions) => {
  const sample = new KeySample();
  for (const fraction of fractions) sample.add(fraction, fraction < 0.5 ? "candidate" : "stable");
  return sample.toFigures();
});
const assigned: fc.Arbitrary<Pick<ReplicaFigures, "assigned">> = fc.record({ assigned: fc.record({ keys, drawn: named }) }, { requiredKeys: [] });
const figures: fc.Arbitrary<ReplicaFigures> = fc.record({ arms: fc.array(arm, { maxLength: 3 }), paired: fc.array(paired, { maxLength: 2 }), extra: assigned })
  .map(({ extra, ...one }) => ({ ...one, ...extra }));

/** Equal but for the last digits of doubles, which hang on the order. */
function assertAlike(left: unknown, right: unknown, place = ""): void {
  if (typeof left === "number" && typeof right === "number") {
    assert.ok(Math.abs(left - right) <= 1e-6 * Math.max(1, Math.abs(left)), `${place}: ${left}, ${right}`);
  } else if (typeof left === "object" && typeof right === "object" && left !== null && right !== null) {
    assert.deepEqual(Object.keys(left), Object.keys(right), place);
    for (const [key, value] of Object.entries(left)) assertAlike(value, (right as Record<string, unknown>)[key], `${place}.${key}`);
  } else assert.deepEqual(left, right, place);
}

describe("merged figures", () => {
  it("are the same in any order and grouping", () => {
    fc.assert(
      fc.property(figures, figures, figures, (first, second, third) => {
        const all = mergeFigures([first, second, third]);
        assertAlike(mergeFigures([third, first, second]), all);
        assertAlike(mergeFigures([mergeFigures([first, second]), third]), all);
        assertAlike(mergeFigures([first, mergeFigures([second, third])]), all);
      }),
    );
  });

  it("are the figures themselves of one server, and nothing of none", () => {
    fc.assert(fc.property(figures, (one) => {
      const merged = mergeFigures([one]);
      assert.deepEqual(mergeFigures([merged]), merged);
      assert.deepEqual(mergeFigures([merged, { arms: [], paired: [] }]), merged);
    }));
    assert.deepEqual(mergeFigures([]), { arms: [], paired: [] });
  });

  it("count a key once that several servers saw, and are kept without its hash", () => {
    const seen = (...fractions: number[]): ReplicaFigures => {
      const sample = new KeySample();
      for (const fraction of fractions) sample.add(fraction, fraction < 0.5 ? "candidate" : "stable");
      return { arms: [], paired: [], assigned: { keys: sample.toFigures(), drawn: { stable: 2 } } };
    };
    const merged = mergeFigures([seen(0.1, 0.7, 0.7), seen(0.7, 0.8), { arms: [], paired: [] }]);
    assert.deepEqual(withoutHashes(merged), { arms: [], paired: [], assigned: { halvings: 0, keys: { candidate: 1, stable: 2 }, drawn: { stable: 4 } } });
    assert.deepEqual(withoutHashes({ arms: [], paired: [] }), { arms: [], paired: [] });
  });

  it("add up what counts, arm by arm, and leave out what this release does not know", () => {
    const one = {
      arm: "candidate", version: "2", requests: 3, rows: 4, failures: { A: 1 }, retries: 1, latencyUs: [[1, 2]] as [number, number][],
      predictions: { kind: "label" as const, counts: { x: 1 }, other: 2 }, errors: { count: 1, mean: 1, m2: 0 }, later: 5,
    };
    const other = { ...one, failures: { A: 1, B: 2 }, latencyUs: [[0, 1], [1, 1]] as [number, number][], predictions: { kind: "label" as const, counts: { x: 1, y: 1 }, other: 0 }, errors: { count: 1, mean: 0, m2: 0 } };
    assert.deepEqual(mergeFigures([{ arms: [one], paired: [], later: [] } as ReplicaFigures, { arms: [other, { ...one, version: "1" }], paired: [] }]).arms[1], {
      arm: "candidate", version: "2", requests: 6, rows: 8, failures: { A: 2, B: 2 }, retries: 2, latencyUs: [[0, 1], [1, 3]],
      predictions: { kind: "label", counts: { x: 2, y: 1 }, other: 2 }, errors: { count: 2, mean: 0.5, m2: 0.5 },
    });
  });
});
