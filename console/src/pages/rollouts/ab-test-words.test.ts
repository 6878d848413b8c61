import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { AbTestReport } from "../../data/types.ts";
import { comparedWords, covariateWords, differenceSeries, metricFormat, neededWords, signedNumber } from "./ab-test-words.ts";

const difference = { estimate: 0.2, low: 0.1, high: 0.3, pValue: 0.01 };
const comparison: AbTestReport["comparisons"][number] = { variant: "b", conclusion: "better", detail: "", difference, unadjusted: null, covariate: null, needed: null };

describe("words of A/B tests", () => {
  it("write differences with their sign", () => {
    assert.deepEqual([signedNumber(0.25), signedNumber(0), signedNumber(null)].map((text) => text.startsWith("+")), [true, false, false]);
  });

  it("write values in the unit of the metric", () => {
    const written = (model: string, metric: string): string[] => {
      const { value, difference: differs } = metricFormat({ rollout: { model }, spec: { metric } } as AbTestReport);
      return [value(0.3), differs(0.3), differs(-0.3), value(null)];
    };
    assert.deepEqual(written("route:chat", "cost"), ["$0.30", "+$0.30", "-$0.30", "–"]);
    assert.deepEqual(written("route:chat", "latency"), ["300 µs", "+300 µs", "-300 µs", "–"]);
    assert.deepEqual(written("churn", "cost"), ["0.3", "+0.3", "-0.3", "–"], "a metric of a model that somebody calls cost has no unit that is known");
  });

  it("say how many values are missing, and how long they take", () => {
    const needed = { samples: 2000, samplesSoFar: 500, concludes: true, advice: [] };
    assert.match(neededWords({ ...comparison, conclusion: "undecided", needed: { ...needed, daysLeft: 3 } }), /500 of .* values, 3.* days left/);
    assert.match(neededWords({ ...comparison, conclusion: "undecided", needed: { ...needed, daysLeft: 0 } }), /enough/);
    assert.match(neededWords({ ...comparison, conclusion: "undecided", needed: { ...needed, daysLeft: 3 } }, true), /values$/);
    assert.equal(neededWords({ ...comparison, needed: { ...needed, daysLeft: 3 } }), "concluded");
    assert.equal(covariateWords(comparison), null);
    assert.match(covariateWords({ ...comparison, covariate: { correlation: 0.5, saves: 0.25 } })!, /25/);
  });

  it("name what is compared", () => {
    const variants = ["2", "3", "4"].map((version) => ({ version }));
    assert.deepEqual([1, 2, 3].map((count) => comparedWords({ model: "churn", stable: "1", test: { variants: variants.slice(0, count) } })), ["v1 against v2", "v1 against v2 and v3", "v1 against v2, v3 and v4"]);
    assert.equal(comparedWords({ model: "route:chat", stable: "1", test: { variants } }), "revision 1 against 2, 3 and 4");
  });

  it("draw the looks of one variant and the present moment after them", () => {
    const look = (time: number, estimate: number) => ({ time, variants: [{ name: "b", n: 200, estimate, low: estimate - 1, high: estimate + 1, pValue: 1 }, { name: "c", n: 200, estimate: 9, low: 8, high: 10, pValue: 1 }] });
    const report = { looks: [look(1000, 1), look(2000, 0.5)], time: 3000, comparisons: [comparison] } as unknown as AbTestReport;
    assert.deepEqual(differenceSeries(report, "b"), { times: [1, 2, 3], values: [1, 0.5, 0.2], low: [0, -0.5, 0.1], high: [2, 1.5, 0.3] });
    assert.deepEqual(differenceSeries(report, "c").times, [1, 2]);
  });
});
