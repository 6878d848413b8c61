import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fastCheck from "../../../../test/kit/fast-check.ts";
import type { WorkflowStep } from "../../data/types.ts";
import { layOut } from "./timeline.ts";

function step(name: string, startedAt: number, endedAt: number | null, kind: WorkflowStep["kind"] = "function"): WorkflowStep {
  return { step: name, kind, position: 1, state: endedAt === null ? "running" : "succeeded", attempts: 1, startedAt, endedAt, wakeAt: null, result: null, error: null };
}

const near = (actual: number, expected: number): void => assert.ok(Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`);

describe("layOut", () => {
  it("puts steps one after the other, and those of the same time beside each other", () => {
    const { bars, cuts } = layOut([step("c", 150, 200), step("a", 100, 150), step("b", 100, 150)], 1000);
    assert.deepEqual(bars.map((bar) => [bar.step.step, bar.beside]), [["a", 1], ["b", 1], ["c", 0]]);
    near(bars[0]!.left, 0);
    near(bars[0]!.width, 0.5);
    near(bars[2]!.left, 0.5);
    near(bars[2]!.width, 0.5);
    assert.deepEqual(cuts, []);
  });

  it("lets what is under way reach until now", () => {
    const { bars } = layOut([step("a", 0, 50), step("b", 50, null)], 200);
    assert.equal(bars[1]!.duration, 150);
    near(bars[1]!.left + bars[1]!.width, 1);
  });

  it("cuts the axis at a wait of a week, so that the seconds of work stay visible", () => {
    const week = 7 * 86_400_000;
    const { bars, cuts } = layOut([step("a", 0, 1000), step("wait", 1000, 1000 + week, "signal"), step("b", 1000 + week, 2000 + week)], 0);
    assert.equal(cuts.length, 1);
    assert.equal(cuts[0]!.duration, week);
    near(bars[0]!.width, 0.43);
    near(bars[1]!.width, 0.14);
    near(bars[2]!.left + bars[2]!.width, 1);
  });

  it("draws a run that has only waited as what it is", () => {
    const { bars, cuts } = layOut([step("wait", 0, null, "sleep")], 5000);
    assert.deepEqual(cuts, []);
    near(bars[0]!.width, 1);
  });

  it("stays within the picture and in order, whatever the steps", () => {
    const anyStep = fastCheck.record({ start: fastCheck.nat(1e6), length: fastCheck.option(fastCheck.nat(1e9)), kind: fastCheck.constantFrom("function", "sleep", "signal", "command", "compensation") });
    fastCheck.assert(
      fastCheck.property(fastCheck.array(anyStep, { minLength: 1, maxLength: 12 }), fastCheck.nat(2e9), (entries, now) => {
        const { bars } = layOut(entries.map(({ start, length, kind }, index) => step(String(index), start, length === null ? null : start + length, kind as WorkflowStep["kind"])), now);
        let before = 0;
        for (const { left, width } of bars) {
          assert.ok(left >= -1e-9 && width >= -1e-9 && left + width <= 1 + 1e-9, `${left} ${width}`);
          assert.ok(left >= before - 1e-9);
          before = left;
        }
      }),
      { examples: [[[{ start: 2, length: null, kind: "function" }, { start: 0, length: null, kind: "sleep" }], 0]] },
    );
  });
});
