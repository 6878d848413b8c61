import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { epochMs } from "../../core/clock.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { ArmSample, PairedSample } from "../../serving/index.ts";
import { PredictedLabels } from "./predicted-labels.ts";

const idOf = (index: number): string => `prd_01ktz${String(index).padStart(21, "0")}`;
const labelsOf = (...labels: string[]): Tensor[] => [{ name: "y", datatype: "BYTES", shape: [labels.length], data: labels }];
const numbersOf = (...values: number[]): Tensor[] => [{ name: "y", datatype: "FP64", shape: [values.length], data: Float64Array.from(values) }];
const version = { contract: { signature: { outputs: [] } } };
const routeOf = (rollout: string, phase: string): object => ({ rollout, phase });

function sample(index: number, arm: string, outputs: Tensor[], change: { rollout?: string; phase?: string; isRetry?: boolean; isFailure?: boolean } = {}): ArmSample {
  const { rollout = "rol_1", phase = "canary", isRetry = false, isFailure = false } = change;
  return {
    route: routeOf(rollout, phase), arm, version, predictionId: idOf(index), time: epochMs(0), rows: outputs[0]?.shape[0] ?? 1,
    outcome: "ok", isFailure, latencyUs: 1, inputs: [], outputs, isRetry,
  } as unknown as ArmSample;
}

function pair(index: number, stable: Tensor[], shadow: Tensor[]): PairedSample {
  return {
    route: routeOf("rol_1", "shadow"), predictionId: idOf(index), time: epochMs(0), rows: stable[0]!.shape[0],
    stable: { version, outputs: stable, latencyUs: 1 },
    shadow: { arm: "candidate", version, outputs: shadow, latencyUs: 1, outcome: "ok", isFailure: false },
  } as unknown as PairedSample;
}

const truth = (index: number, row: number, value: number | string | boolean): { predictionId: string; row: number; value: number | string | boolean } => ({ predictionId: idOf(index), row, value });
const told = (labels: PredictedLabels, ...records: ReturnType<typeof truth>[]): unknown[] =>
  labels.errorsOf(records).map(({ arm, row, error, former }) => [arm, row, error, former]);

describe("predicted labels", () => {
  it("tells the error of each row once, and takes it back when the truth is corrected", () => {
    const labels = new PredictedLabels();
    labels.remember(sample(1, "candidate", labelsOf("late", "on time")));
    assert.deepEqual(labels.errorsOf([truth(1, 0, "late")]), [{ rollout: "rol_1", phase: "canary", arm: "candidate", predictionId: idOf(1), row: 0, error: 0, former: null }]);
    assert.deepEqual(told(labels, truth(1, 0, "late"), truth(1, 1, "late"), truth(1, 2, "late"), truth(2, 0, "late")), [["candidate", 1, 1, null]]);
    assert.deepEqual(told(labels, truth(1, 1, "on time")), [["candidate", 1, 0, 1]]);
    assert.deepEqual(told(labels, truth(1, 1, "")), [["candidate", 1, null, 0]]);
    assert.deepEqual(told(labels, truth(1, 1, "late")), [["candidate", 1, 1, null]]);
  });

  it("takes the absolute difference of numbers, and leaves out what cannot be compared", () => {
    const labels = new PredictedLabels();
    labels.remember(sample(1, "stable", numbersOf(2, NaN, 0.25, -1)));
    assert.deepEqual(told(labels, truth(1, 0, 5), truth(1, 1, 5), truth(1, 2, true), truth(1, 3, "soon")), [["stable", 0, 3, null], ["stable", 2, 0.75, null]]);
    assert.deepEqual(told(labels, truth(1, 3, "-1.5")), [["stable", 3, 0.5, null]]);
  });

  it("holds 1, true and \"true\" for the same label", () => {
    const labels = new PredictedLabels();
    labels.remember(sample(1, "stable", labelsOf("1", "true", "0", "01")));
    assert.deepEqual(told(labels, truth(1, 0, true), truth(1, 1, 1), truth(1, 2, false), truth(1, 3, 1)).map((entry) => (entry as unknown[])[2]), [0, 0, 0, 1]);
  });

  it("judges both arms by one truth where both answered the same request", () => {
    const labels = new PredictedLabels();
    labels.remember(sample(1, "stable", labelsOf("late"), { phase: "shadow" }));
    labels.rememberPair(pair(1, labelsOf("late"), labelsOf("on time")));
    assert.deepEqual(told(labels, truth(1, 0, "late")).sort(), [["candidate", 0, 1, null], ["stable", 0, 0, null]]);
  });

  it("leaves out failures and answers in another arm's place, keeps rollouts apart and forgets those that ended", () => {
    const labels = new PredictedLabels();
    labels.remember(sample(1, "candidate", labelsOf("a"), { isFailure: true }));
    labels.remember(sample(1, "stable", labelsOf("a"), { isRetry: true }));
    assert.deepEqual(told(labels, truth(1, 0, "a")), []);
    labels.remember(sample(2, "stable", labelsOf("a")));
    labels.remember(sample(3, "stable", labelsOf("a"), { rollout: "rol_2", phase: "full" }));
    assert.deepEqual(labels.errorsOf([truth(2, 0, "a"), truth(3, 0, "b")]).map(({ rollout, phase, error }) => [rollout, phase, error]), [["rol_1", "canary", 0], ["rol_2", "full", 1]]);
    labels.drop("rol_1");
    assert.deepEqual(labels.errorsOf([truth(2, 0, "b"), truth(3, 0, "a")]).map(({ rollout, error, former }) => [rollout, error, former]), [["rol_2", 0, 1]]);
  });

  it("keeps room for other requests beside one of very many rows", () => {
    const labels = new PredictedLabels({ capacity: 160 });
    labels.remember(sample(1, "stable", labelsOf("a")));
    labels.remember(sample(2, "stable", labelsOf(...Array.from({ length: 1000 }, () => "a"))));
    assert.deepEqual(told(labels, truth(1, 0, "a"), truth(2, 9, "a"), truth(2, 10, "a")).length, 2);
  });

  it("agrees with a naive memory of the newest rows over any course of events", () => {
    const value = fc.constantFrom("a", "b", "c");
    const event = fc.oneof(
      fc.record({ kind: fc.constant("answer" as const), index: fc.nat(30), arm: fc.constantFrom("stable", "candidate"), values: fc.array(value, { minLength: 1, maxLength: 3 }) }),
      fc.record({ kind: fc.constant("truth" as const), index: fc.nat(30), row: fc.nat(3), value }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 48, max: 70 }), fc.array(event, { minLength: 150, maxLength: 300 }), (capacity, events) => {
        const labels = new PredictedLabels({ capacity });
        // In order of arrival; the newest `capacity` count.
        const naive: { key: string; arm: string; value: string; error: number | null }[] = [];
        for (const one of events) {
          if (one.kind === "answer") {
            labels.remember(sample(one.index, one.arm, labelsOf(...one.values)));
            one.values.forEach((predicted, row) => {
              const key = `${one.index}.${row}`;
              if (naive.some((known) => known.key === key && known.arm === one.arm)) return;
              naive.push({ key, arm: one.arm, value: predicted, error: null });
              if (naive.length > capacity) naive.shift();
            });
            continue;
          }
          const expected = [];
          for (const known of naive) {
            const error = known.value === one.value ? 0 : 1;
            if (known.key !== `${one.index}.${one.row}` || known.error === error) continue;
            expected.push([known.arm, one.row, error, known.error]);
            known.error = error;
          }
          assert.deepEqual(told(labels, truth(one.index, one.row, one.value)).reverse(), expected);
        }
      }),
      { numRuns: 100 },
    );
  });
});
