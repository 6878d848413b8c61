import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import type { Feedback, SplitPlace } from "../../tracing/index.ts";
import type { Moments } from "../statistics/index.ts";
import { CallScores } from "./call-scores.ts";

const placeOf = (arm: string, more: Partial<SplitPlace> = {}): SplitPlace => ({ rollout: "rol_1", phase: "1-canary", arm, revision: arm === "stable" ? "1" : "2", ...more });
const traceOf = (trace: number): string => trace.toString(16).padStart(32, "0");

function opened(capacity?: number) {
  const scores = new CallScores("rol_1", capacity);
  const put = (trace: number, value: unknown, { id = "f1", revision = 1, at = 1, places = [placeOf("candidate")], ...more }: { id?: string; revision?: number; at?: number; places?: SplitPlace[] } & Partial<Feedback> = {}): void =>
    scores.put({ arrived: { team: "default", receivedAt: at, feedback: { id, traceId: traceOf(trace), name: "helpful", kind: "feedback", value, revision, ...more } as Feedback }, places });
  const remove = (trace: number, id = "f1", revision = 1): void => scores.remove({ team: "default", traceId: traceOf(trace), id, revision, removedAt: 9 });
  const of = (arm = "candidate", phase = "1-canary"): Moments | undefined => scores.ofPhase(phase).arms.find((one) => one.arm === arm)?.values?.["score helpful"];
  return { scores, put, remove, of };
}

describe("scores of a rollout's calls", () => {
  it("count for the arm that answered, and change nothing when they are told again", () => {
    const { scores, put, of } = opened();
    put(1, true);
    put(2, 0);
    put(3, 1, { places: [placeOf("stable")] });
    put(4, 1, { places: [placeOf("candidate", { rollout: "rol_2" })] });
    put(5, 1, { places: [] });
    put(6, 1, { kind: "expectation" });
    for (const [index, text] of ["fine", "0.9", "", "true"].entries()) put(7 + index, text);
    assert.deepEqual([of(), of("stable")?.count, scores.phases()], [{ count: 2, mean: 0.5, m2: 0.5 }, 1, ["1-canary"]]);
    const { changes } = scores;
    put(1, true);
    assert.equal(scores.changes, changes);
  });

  it("count as they are now: a change takes the place of what was said, and what was removed was never said", () => {
    const { put, remove, of } = opened();
    put(1, 0.1);
    put(1, 0.7, { revision: 2, at: 5 });
    put(1, 0.1);
    assert.deepEqual(of(), { count: 1, mean: 0.7, m2: 0 });
    put(1, 0.3, { id: "f2", at: 6 });
    assert.equal(of()?.mean, 0.3, "the newest of a name counts");
    remove(1, "f2");
    assert.deepEqual(of(), { count: 1, mean: 0.7, m2: 0 }, "and the one before where it is gone");
    remove(1, "f1", 1);
    assert.equal(of()?.count, 1, "an older removal");
    remove(1, "f1", 2);
    assert.equal(of(), undefined);
    put(1, 0.9, { revision: 3, at: 7 });
    remove(1, "f1", 2);
    assert.equal(of()?.mean, 0.9, "given again");
    put(1, "no idea", { revision: 4, at: 8 });
    assert.equal(of(), undefined);
  });

  it("count for nobody where the answers of a trace were of several arms, and for each phase that one arm answered in", () => {
    const { put, of } = opened();
    put(1, 1, { places: [placeOf("candidate"), placeOf("stable")] });
    put(2, 1, { places: [placeOf("candidate"), placeOf("candidate", { phase: "2-staged" })] });
    put(3, 1);
    assert.deepEqual([of()?.count, of("stable"), of("candidate", "2-staged")?.count], [2, undefined, 1]);
    put(3, 1, { id: "f2", places: [placeOf("candidate"), placeOf("stable")] });
    assert.equal(of()?.count, 1, "what answered later");
  });

  it("keep to a number of calls", () => {
    const { put, remove, of } = opened(2);
    for (const trace of [1, 2, 3]) put(trace, trace);
    put(1, 5, { revision: 2 });
    remove(3);
    assert.deepEqual([of()?.count, of()?.mean], [2, 3.5]);
  });

  it("come to the same in any order of arrival", () => {
    const told = fc.uniqueArray(fc.record({ trace: fc.nat(3), id: fc.constantFrom("f1", "f2"), revision: fc.integer({ min: 1, max: 3 }), value: fc.integer({ min: -3, max: 3 }) }), { selector: ({ trace, id, revision }) => `${trace} ${id} ${revision}`, maxLength: 20 });
    fc.assert(fc.property(told.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length }))), ([one, other]) => {
      const [first, second] = [opened(), opened()];
      for (const [{ put }, all] of [[first, one], [second, other]] as const) for (const { trace, id, revision, value } of all) put(trace, value, { id, revision, at: 10 * revision });
      assert.equal(first.of()?.count, second.of()?.count);
      // Added up in another order, sums differ in their last bits, and near zero in their sign.
      assert.ok(Math.abs((first.of()?.mean ?? 0) - (second.of()?.mean ?? 0)) < 1e-9);
    }));
  });
});
