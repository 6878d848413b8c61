import { AppError } from "../core/errors.ts";
import { classPredictionsOf } from "./class-predictions.ts";
import { classContestant, isHigherBetter, metricOf, metricsOf, numberContestant, type Contestant } from "./metrics.ts";
import { delongDifference, pairedMeanDifference, type Difference } from "./paired-interval.ts";
import type { Predictions } from "./predictions.ts";
import type { EvaluationComparison, EvaluationMetric, Rival } from "./schemas.ts";
import { lastValue, majorityClass, meanValue } from "./trivial-models.ts";
import { hasTruth, type Truth } from "./truth.ts";

export interface ComparisonRequest {
  task: "classification" | "regression" | "forecast";
  /** auto is accuracy for classes and the mean absolute error for numbers. */
  metric: EvaluationMetric | "auto";
  /** Of the intervals, such as 0.95. */
  confidence: number;
  truth: Truth;
  version: Predictions;
  rivals: readonly { role: "baseline" | "champion"; version: string; predictions: Predictions }[];
}

export interface ModelComparison {
  metric: EvaluationMetric;
  higherIsBetter: boolean;
  metrics: Record<string, number>;
  /** Rows with a target that the version answered. */
  rows: number;
  comparisons: EvaluationComparison[];
  notes: string[];
}

/**
 * A version on the rows of an evaluation set that have a target, and the difference to each rival on the rows that both
 * answered. Without a version as baseline the simplest model of the task is. Throws EVALUATION_IMPOSSIBLE.
 */
export function compareModels(request: ComparisonRequest): ModelComparison {
  const { task, truth, confidence } = request;
  const metric = request.metric === "auto" ? (task === "classification" ? "accuracy" : "mean_absolute_error") : request.metric;
  const own = contestantOf(request.version, truth);
  if (own === null) throw impossible("What the version answers are no classes, and the target is one.");
  const all: number[] = [];
  for (let row = 0; row < request.version.rows; row++) if (hasTruth(truth, row)) all.push(row);
  const rows = all.filter((row) => own.answered(row));
  if (rows.length < 2) throw impossible(`Of the evaluation set's rows with a target, ${rows.length} could be given to the version: an interval needs two at least.`);
  const value = metricOf(own, metric, rows);
  if (value === null) throw impossible(whyNot(metric, task));
  const notes = [...own.notes];
  if (request.version.rows > all.length) notes.push(`${count(request.version.rows - all.length, "row")} without a target ${request.version.rows - all.length === 1 ? "is" : "are"} left out.`);
  const rivals: { role: "baseline" | "champion"; rival: Rival; contestant: Contestant | null }[] = request.rivals.map(({ role, version, predictions }) => ({
    role, rival: { kind: "version", version }, contestant: contestantOf(predictions, truth),
  }));
  if (!rivals.some(({ role }) => role === "baseline")) rivals.unshift({ role: "baseline", ...trivialModel(task, truth) });
  const comparisons = rivals.flatMap(({ role, rival, contestant }): EvaluationComparison[] => {
    const name = rival.kind === "version" ? `version ${rival.version}` : "the trivial model";
    const both = contestant === null ? [] : rows.filter((row) => contestant.answered(row));
    const difference = contestant === null || both.length < 2 ? null : differenceOf(own, contestant, metric, both, confidence);
    if (contestant === null || difference === null) {
      notes.push(`It is not compared with ${name}, the ${role}: ${contestant === null ? "what that answers are no classes" : both.length < 2 ? "both answered fewer than two rows" : `that does not give what ${metric} needs`}.`);
      return [];
    }
    if (rival.kind === "version") for (const note of contestant.notes) notes.push(`Version ${rival.version}: ${note}`);
    const { low, high } = difference;
    return [{
      role, rival, metrics: metricsOf(contestant, task, both), rows: both.length, difference: difference.difference, interval: { low, high, confidence },
      method: metric === "auc" ? "delong" : "paired_t", verdict: verdictOf(difference, isHigherBetter(metric)),
    }];
  });
  return { metric, higherIsBetter: isHigherBetter(metric), metrics: metricsOf(own, task, rows), rows: rows.length, comparisons, notes };
}

/** undecided where the interval holds 0. */
function verdictOf({ low, high }: Difference, higherIsBetter: boolean): EvaluationComparison["verdict"] {
  if (low <= 0 && high >= 0) return "undecided";
  return low > 0 === higherIsBetter ? "better" : "worse";
}

function contestantOf(predictions: Predictions, truth: Truth): Contestant | null {
  if (truth.kind === "numbers") return numberContestant(predictions, truth.numbers);
  const classes = classPredictionsOf(predictions, truth.labels, truth.isBoolean);
  return classes === null ? null : classContestant(classes, truth.labels);
}

function trivialModel(task: ComparisonRequest["task"], truth: Truth): { rival: Rival; contestant: Contestant } {
  if (truth.kind === "classes") {
    const { rival, predictions } = majorityClass(truth.labels);
    return { rival, contestant: classContestant(predictions, truth.labels) };
  }
  const { rival, predictions } = task === "forecast" ? lastValue(truth.numbers) : meanValue(truth.numbers);
  return { rival, contestant: numberContestant(predictions, truth.numbers) };
}

function differenceOf(own: Contestant, other: Contestant, metric: EvaluationMetric, rows: readonly number[], confidence: number): Difference | null {
  if (metric === "auc") {
    const [left, right] = [own.rocArea(rows), other.rocArea(rows)];
    return left === null || right === null ? null : delongDifference(left, right, confidence);
  }
  const [left, right] = [own.perRow(metric, rows), other.perRow(metric, rows)];
  return left === null || right === null ? null : pairedMeanDifference(left, right, confidence);
}

function whyNot(metric: EvaluationMetric, task: string): string {
  if (metric === "auc") return "The metric auc needs a target of two classes with two rows of each, and the version's probabilities of both.";
  if (metric === "log_loss") return "The metric log_loss needs the version's probabilities of the classes.";
  return `The metric ${metric} is none of the task ${task}.`;
}

function impossible(message: string): AppError {
  return new AppError("EVALUATION_IMPOSSIBLE", message);
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
