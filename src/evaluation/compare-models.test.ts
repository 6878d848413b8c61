import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { AppError } from "../core/errors.ts";
import { compareModels, type ComparisonRequest } from "./compare-models.ts";
import type { Predictions } from "./predictions.ts";
import { truthOf, type Truth } from "./truth.ts";

const close = (actual: number | undefined, expected: number, tolerance = 1e-12): void => assert.ok(Math.abs(actual! - expected) <= tolerance, `${actual}, not ${expected}`);
const impossible = (part: RegExp) => (error: unknown) => error instanceof AppError && error.code === "EVALUATION_IMPOSSIBLE" && part.test(error.message);

function classes(labels: (string | null)[] | null, probabilities: number[][] | null = null, more: Partial<Predictions> = {}): Predictions {
  const rows = (labels ?? probabilities)!.length;
  return {
    rows, answered: Uint8Array.from({ length: rows }, (_, row) => (labels?.[row] === null ? 0 : 1)), labels: labels?.map((label) => label ?? "") ?? null,
    width: probabilities?.[0]?.length ?? 0, numbers: Float64Array.from(probabilities?.flat() ?? []), columns: null, isDouble: true, notes: [], ...more,
  };
}
const numbers = (values: (number | null)[], more: Partial<Predictions> = {}): Predictions => ({
  rows: values.length, answered: Uint8Array.from(values, (value) => (value === null ? 0 : 1)), labels: null, width: 1, numbers: Float64Array.from(values, (value) => value ?? 0),
  columns: null, isDouble: true, notes: [], ...more,
});
const compare = (request: Partial<ComparisonRequest> & Pick<ComparisonRequest, "truth" | "version">) => compareModels({ task: "classification", metric: "auto", confidence: 0.95, rivals: [], ...request });
const binary = truthOf([0, 1, 1, 0, 1, 0, 0, 1, 1, 0], "classification", "y");
const positive = [0.1, 0.8, 0.4, 0.4, 0.9, 0.3, 0.5, 0.5, 1, 0];
const both = positive.map((p) => [1 - p, p]);
const label = positive.map((p) => (p > 0.5 ? "1" : "0"));

describe("comparing models", () => {
  it("has the metrics of scikit-learn for two classes, and the trivial model of the majority class", () => {
    const { metric, higherIsBetter, metrics, rows, comparisons, notes } = compare({ truth: binary, version: classes(label, both) });
    assert.deepEqual([metric, higherIsBetter, rows, notes], ["accuracy", true, 10, []]);
    assert.deepEqual(Object.keys(metrics), ["accuracy", "log_loss", "auc"]);
    close(metrics.accuracy, 0.8);
    close(metrics.log_loss, 0.36039502433286313);
    close(metrics.auc, 0.92);
    const [trivial] = comparisons;
    assert.deepEqual(trivial!.rival, { kind: "majority_class", label: "0" });
    close(trivial!.metrics.accuracy, 0.5);
    close(trivial!.metrics.log_loss, Math.log(2));
    close(trivial!.metrics.auc, 0.5);
    close(trivial!.difference, 0.3);
  });

  it("clips probabilities by the precision that they came in, as scikit-learn does", () => {
    const truth = truthOf([0, 1, 1, 0, 1, 0, 0, 1, 0, 0], "classification", "y");
    close(compare({ truth, version: classes(label, both) }).metrics.log_loss, 3.9647603632445785);
    close(compare({ truth, version: classes(label, both.map((row) => row.map(Math.fround)), { isDouble: false }) }).metrics.log_loss, 1.9546334743499756, 1e-6);
  });

  it("compares areas by DeLong, and says better, worse and undecided by the sign of the metric", () => {
    const rival = [0.2, 0.6, 0.6, 0.4, 0.7, 0.5, 0.5, 0.3, 0.9, 0.6].map((p) => [1 - p, p]);
    const { comparisons } = compare({ truth: binary, metric: "auc", version: classes(null, both, { columns: ["0", "1"] }), rivals: [{ role: "champion", version: "4", predictions: classes(null, rival, { columns: ["0", "1"] }) }] });
    const [baseline, champion] = comparisons;
    assert.equal(baseline!.verdict, "better");
    assert.deepEqual([champion!.role, champion!.rival, champion!.method, champion!.verdict], ["champion", { kind: "version", version: "4" }, "delong", "undecided"]);
    close(champion!.interval.low, -0.2239722832982028);
    close(champion!.interval.high, 0.4639722832982028);
    const truth: Truth = { kind: "numbers", numbers: Float64Array.from({ length: 30 }, (_, row) => row) };
    const verdict = (errors: number[], others: number[]) =>
      compare({ task: "regression", truth, version: numbers(Array.from({ length: 30 }, (_, row) => row + errors[row % 3]!)), rivals: [{ role: "baseline", version: "1", predictions: numbers(Array.from({ length: 30 }, (_, row) => row + others[row % 3]!)) }] }).comparisons[0]!.verdict;
    assert.equal(verdict([0.1, 0.2, 0.3], [1, 2, 3]), "better");
    assert.equal(verdict([1, 2, 3], [0.1, 0.2, 0.3]), "worse");
    assert.equal(verdict([1, 2, 3], [3, 2, 1]), "undecided");
  });

  it("measures numbers against their mean, and forecasts against the value before", () => {
    const truth = truthOf([1, 3, 2, 6], "regression", "y");
    const regression = compare({ task: "regression", truth, version: numbers([1, 2, 2, 7]) });
    assert.deepEqual(regression.metrics, { mean_absolute_error: 0.5, mean_squared_error: 0.5 });
    assert.deepEqual(regression.comparisons[0]!.rival, { kind: "mean", value: 3 });
    assert.deepEqual(regression.comparisons[0]!.metrics, { mean_absolute_error: 1.5, mean_squared_error: 3.5 });
    const [before] = compare({ task: "forecast", truth, version: numbers([1, 2, 2, 7]) }).comparisons;
    assert.deepEqual([before!.rival, before!.rows], [{ kind: "last_value" }, 3]);
    close(before!.metrics.mean_absolute_error, (2 + 1 + 4) / 3);
    close(before!.difference, 2 / 3 - 7 / 3);
  });

  it("leaves out rows without a target or an answer, and says so", () => {
    const truth = truthOf(["a", null, "b", "b", "a"], "classification", "y");
    const rival = { role: "champion", version: "1", predictions: classes(["a", "a", "a", "b", null]) } as const;
    const { rows, comparisons, notes, metrics } = compare({ truth, version: classes(["a", "b", "b", null, "b"]), rivals: [rival] });
    assert.equal(rows, 3);
    close(metrics.accuracy, 2 / 3);
    assert.deepEqual(comparisons.map((each) => [each.role, each.rows, each.difference]), [["baseline", 3, comparisons[0]!.difference], ["champion", 2, 0.5]]);
    assert.deepEqual(notes, ["1 row without a target is left out."]);
    assert.throws(() => compare({ truth, version: classes(["a", null, null, null, null]) }), impossible(/two at least/));
  });

  it("tells the order of classes by the graph, else ascending, and believes no order that the labels contradict", () => {
    const truth = truthOf(["x", "y", "z", "x"], "classification", "y");
    const right = [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.8, 0.1, 0.1]];
    close(compare({ truth, version: classes(["x", "y", "z", "x"], right) }).metrics.log_loss, -Math.log(0.8));
    const turned = right.map((row) => row.toReversed());
    close(compare({ truth, version: classes(["x", "y", "z", "x"], turned, { columns: ["z", "y", "x"] }) }).metrics.log_loss, -Math.log(0.8));
    const contradicted = compare({ truth, version: classes(["x", "y", "z", "x"], turned) });
    assert.deepEqual([contradicted.metrics, contradicted.notes], [{ accuracy: 1 }, ["Its labels alone are judged: its labels are not its most probable classes."]]);
    const scores = compare({ truth, version: classes(["x", "y", "z", "x"], right.map((row) => row.map((p) => p * 9))) });
    assert.deepEqual(scores.notes, ["Its labels alone are judged: its scores are no probabilities."]);
    const many = compare({ truth, version: classes(["x", "y", "z", "x"], right.map((row) => [...row, 0])) });
    assert.deepEqual(many.notes, ["Its labels alone are judged: which column of the probabilities is which class cannot be told."]);
    assert.throws(() => compare({ truth, metric: "log_loss", version: classes(["x", "y", "z", "x"]) }), impossible(/log_loss needs/));
    // Ten digits, of which the set has some.
    const digits = truthOf([3, 7, 3], "classification", "y");
    const sure = [3, 7, 7].map((digit) => Array.from({ length: 10 }, (_, index) => (index === digit ? 1 : 0)));
    close(compare({ truth: digits, version: classes(null, sure) }).metrics.accuracy, 2 / 3);
  });

  it("takes one number as the probability of the second class, or as a label where all are whole", () => {
    const flags = truthOf([true, false, true, false], "classification", "y");
    const { metrics } = compare({ truth: flags, version: numbers([0.9, 0.2, 0.4, 0.1]) });
    close(metrics.accuracy, 0.75);
    close(metrics.auc, 1);
    close(compare({ truth: flags, version: numbers([1, 0, 0, 0]) }).metrics.accuracy, 0.75);
    close(compare({ truth: flags, version: classes(["True", "False", "False", "False"]) }).metrics.accuracy, 0.75);
    const beside = compare({ truth: flags, version: classes(["1", "0", "0", "0"], [[0.9], [0.2], [0.4], [0.1]]) });
    close(beside.metrics.auc, 1);
    close(beside.metrics.log_loss, -Math.log(0.9 * 0.8 * 0.4 * 0.9) / 4);
    assert.deepEqual(compare({ truth: flags, version: classes(["1", "0", "0", "0"], [[7], [2], [4], [1]]) }).notes, ["Its labels alone are judged: its scores are no probabilities."]);
    assert.throws(() => compare({ truth: flags, version: numbers([9.5, 0.2, 0.4, 0.1]) }), impossible(/no classes/));
  });

  it("leaves out a rival that cannot be compared, and says why", () => {
    const { comparisons, notes } = compare({ truth: binary, metric: "log_loss", version: classes(label, both), rivals: [{ role: "champion", version: "2", predictions: classes(label) }] });
    assert.deepEqual(comparisons.map(({ role }) => role), ["baseline"]);
    assert.deepEqual(notes, ["It is not compared with version 2, the champion: that does not give what log_loss needs."]);
  });

  it("answers the same for rows in any order", () => {
    const row = fc.record({ truth: fc.constantFrom("0", "1"), p: fc.integer({ min: 0, max: 20 }), q: fc.integer({ min: 0, max: 20 }) });
    fc.assert(
      fc.property(fc.array(row, { minLength: 4, maxLength: 40 }).chain((rows) => fc.tuple(fc.constant(rows), fc.shuffledSubarray(rows, { minLength: rows.length }))), fc.constantFrom("accuracy", "log_loss", "auc"), ([rows, shuffled], metric) => {
        fc.pre(rows.filter(({ truth }) => truth === "1").length >= 2 && rows.filter(({ truth }) => truth === "0").length >= 2);
        const of = (each: typeof rows) => {
          const scores = (pick: (one: (typeof rows)[number]) => number): Predictions => classes(null, each.map((one) => [1 - pick(one) / 20, pick(one) / 20]), { columns: ["0", "1"] });
          return compare({ truth: { kind: "classes", labels: each.map(({ truth }) => truth), isBoolean: false }, metric: metric as "auc", version: scores(({ p }) => p), rivals: [{ role: "champion", version: "1", predictions: scores(({ q }) => q) }] });
        };
        const [one, other] = [of(rows), of(shuffled)];
        one.comparisons.forEach((comparison, index) => {
          close(other.comparisons[index]!.difference, comparison.difference, 1e-9);
          close(other.comparisons[index]!.interval.low, comparison.interval.low, 1e-9);
        });
        for (const [name, value] of Object.entries(one.metrics)) close(other.metrics[name], value, 1e-9);
      }),
    );
  });
});
