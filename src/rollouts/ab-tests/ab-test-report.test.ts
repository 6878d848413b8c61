import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { rolloutOf } from "../rollout.fixture.ts";
import { plannedTest } from "./ab-test-plan.ts";
import { abTestReport, lookOf, withLook } from "./ab-test-report.ts";
import { abTestText } from "./ab-test-text.ts";
import { ArmUnits } from "./arm-units.ts";
import { AbTestReport, NewAbTest, type AbTestFigures, type AbTestLook } from "./schemas.ts";

const dayMs = 86_400_000;
const startedAt = 1_700_000_000_123;

/** Values 0 to 9 in turn, and `shift` more; the covariate is what is not the version's. */
function units(arm: string, count: number, shift: number): ArmUnits {
  const own = new ArmUnits(arm);
  for (let index = 0; index < count; index++) {
    own.requests++;
    own.drawn++;
    own.add({ fraction: index / count, isSingle: true }, index % 10, (index % 10) + shift + (index % 3));
  }
  return own;
}

function figures(...arms: ArmUnits[]): AbTestFigures {
  return { arms: arms.map((arm) => arm.toFigures()), keys: { threshold: 2 ** 32, hashes: {} } };
}

function testOf(asked: Partial<NewAbTest> = {}, looks: AbTestLook[] = []) {
  const test = plannedTest(NewAbTest.parse({ variants: [{ name: "b", version: "2" }], metric: "prediction", direction: "up", effect: 0.5, ...asked }));
  return rolloutOf("rol_1", { kind: "ab-test", state: "running", startedAt, test: { ...test, looks } });
}

const comparisonOf = (report: AbTestReport) => report.comparisons[0]!;

describe("the report of an A/B test", () => {
  it("says which way a difference points, and which way is better", () => {
    for (const [direction, shift, conclusion] of [["up", 1, "better"], ["up", -1, "worse"], ["down", -1, "better"], ["down", 1, "worse"], ["up", 0, "undecided"]] as const) {
      const report = abTestReport(testOf({ direction }), figures(units("stable", 1000, 0), units("b", 1000, shift)), startedAt + dayMs);
      assert.equal(comparisonOf(report).conclusion, conclusion, `${direction} ${shift}`);
      assert.deepEqual(AbTestReport.parse(JSON.parse(JSON.stringify(report))), report);
      assert.ok(comparisonOf(report).difference!.low! <= shift && comparisonOf(report).difference!.high! >= shift);
    }
  });

  it("says nothing from too little, and what it waits for", () => {
    assert.match(comparisonOf(abTestReport(testOf(), figures(units("stable", 50, 0), units("b", 50, 5)), startedAt + dayMs)).detail, /fewer than 100/);
    assert.match(comparisonOf(abTestReport(testOf({ metric: "revenue" }), figures(), startedAt)).detail, /no values of revenue/);
  });

  it("takes the covariate out, and says what that saves", () => {
    const arms = figures(units("stable", 1000, 0), units("b", 1000, 0.3));
    const plain = comparisonOf(abTestReport(testOf(), arms, startedAt + dayMs));
    const adjusted = comparisonOf(abTestReport(testOf({ covariate: "x" }), arms, startedAt + dayMs));
    assert.ok(adjusted.covariate!.saves > 0.8, `${adjusted.covariate?.saves}`);
    assert.deepEqual([plain.conclusion, adjusted.conclusion], ["undecided", "better"]);
    assert.deepEqual(adjusted.unadjusted, plain.difference);
    assert.ok(adjusted.needed!.samples < plain.needed!.samples / 3);
  });

  it("asks more of each of several variants", () => {
    const arms = figures(units("stable", 1000, 0), units("b", 1000, 0.6), units("c", 1000, 0));
    const one = comparisonOf(abTestReport(testOf(), arms, startedAt + dayMs)).difference!;
    const two = comparisonOf(abTestReport(testOf({ variants: [{ name: "b", version: "2" }, { name: "c", version: "3" }] }), arms, startedAt + dayMs)).difference!;
    assert.ok(two.high! - two.low! > one.high! - one.low!);
    assert.ok(two.pValue > one.pValue);
  });

  it("counts the days that are left, and gives advice where it will not conclude", () => {
    const arms = figures(units("stable", 1900, 0), units("b", 100, 0));
    const test = testOf({ variants: [{ name: "b", version: "2", percent: 5 }], effect: 0.02 });
    const report = abTestReport(test, arms, startedAt + 2 * dayMs);
    const needed = comparisonOf(report).needed!;
    assert.equal(needed.samplesSoFar, 2000);
    assert.ok(Math.abs(needed.daysLeft! - (needed.samples - 2000) / 1000) < 0.01 * needed.daysLeft!);
    assert.equal(needed.concludes, false);
    assert.ok(report.advice.some((text) => text.includes("raise the variant's share")), report.advice.join("\n"));
    assert.ok(report.advice.some((text) => text.includes("covariate")));
    assert.match(abTestText(report), /days left/);
    assert.deepEqual(abTestReport({ ...test, state: "succeeded", endedAt: startedAt + 2 * dayMs }, arms, startedAt + 3 * dayMs).advice, []);
  });

  it("alarms at traffic that is not shared as planned, and leaves out a variant that was cut", () => {
    const skewed = figures(units("stable", 1000, 0), units("b", 500, 0));
    const report = abTestReport(testOf(), skewed, startedAt + dayMs);
    assert.equal(report.sampleRatio?.mismatch, true);
    assert.match(report.advice[0]!, /do not get the traffic/);
    const test = testOf({ variants: [{ name: "b", version: "2" }, { name: "c", version: "3" }] });
    const [b, c] = test.test!.variants as { name: string }[];
    const cut = { ...test, test: { ...test.test, variants: [{ ...b, cut: { at: startedAt, reason: "it failed" } }, c] } };
    const rest = abTestReport(cut, figures(units("stable", 1000, 0), units("b", 10, 0), units("c", 1000, 0)), startedAt + dayMs);
    assert.equal(rest.sampleRatio?.mismatch, false);
    assert.ok(rest.advice.includes("b lost its traffic: it failed. Its figures end there."));
  });

  it("stays significant once it was, and keeps a bounded number of looks", () => {
    const before = abTestReport(testOf(), figures(units("stable", 1000, 0), units("b", 1000, 1)), startedAt + dayMs);
    const look = lookOf(before)!;
    const later = abTestReport(testOf({}, [look]), figures(units("stable", 1000, 0), units("b", 1000, 0.2)), startedAt + 2 * dayMs);
    assert.equal(comparisonOf(later).conclusion, "better");
    assert.equal(lookOf(abTestReport(testOf(), figures(), startedAt)), null);
    let looks: AbTestLook[] = [];
    for (let time = 0; time < 5000; time++) looks = withLook(looks, { ...look, time });
    assert.ok(looks.length <= 121);
    assert.deepEqual([looks[0]!.time, looks.at(-1)!.time], [0, 4999]);
    assert.ok(looks.every(({ time }, index) => index === 0 || time > looks[index - 1]!.time));
  });
});

describe("slots of an A/B test", () => {
  it("share what is not given evenly, control included", () => {
    const asked = { metric: "error", direction: "down" as const };
    const slots = (variants: { name: string; version: string; percent?: number }[]) => plannedTest(NewAbTest.parse({ ...asked, variants })).variants.map(({ from, to }) => [from, to]);
    assert.deepEqual(slots([{ name: "b", version: "2" }]), [[0, 0.5]]);
    assert.deepEqual(slots([{ name: "b", version: "2", percent: 20 }, { name: "c", version: "3" }]), [[0, 0.2], [0.2, 0.6000000000000001]]);
    assert.throws(() => slots([{ name: "b", version: "2", percent: 60 }, { name: "c", version: "3", percent: 40 }]), { code: "INVALID_REQUEST" });
    assert.throws(() => slots([{ name: "b", version: "2" }, { name: "b", version: "3" }]), { code: "INVALID_REQUEST" });
    assert.throws(() => slots([{ name: "b", version: "2" }, { name: "c", version: "2" }]), { code: "INVALID_REQUEST" });
  });
});
