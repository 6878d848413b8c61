import { sortedLabels, type ClassPredictions } from "./class-predictions.ts";
import { meanOf, rocArea, type RocArea } from "./paired-interval.ts";
import type { EvaluationMetric } from "./schemas.ts";

/** A model's answers to an evaluation set, as they are judged against the truth. Rows are numbers of rows of the set. */
export interface Contestant {
  answered(row: number): boolean;
  /** Of the metric as a mean over rows: what each row adds to it. Null where the model does not give what the metric needs. */
  perRow(metric: MeanMetric, rows: readonly number[]): Float64Array | null;
  /** Null where the classes are not two, a class has fewer than two rows, or probabilities are not known. */
  rocArea(rows: readonly number[]): RocArea | null;
  notes: readonly string[];
}

type MeanMetric = Exclude<EvaluationMetric, "auc">;

export const metricsOfTask = {
  classification: ["accuracy", "log_loss", "auc"],
  regression: ["mean_absolute_error", "mean_squared_error"],
  forecast: ["mean_absolute_error", "mean_squared_error"],
} as const satisfies Record<string, readonly EvaluationMetric[]>;

export function isHigherBetter(metric: EvaluationMetric): boolean {
  return metric === "accuracy" || metric === "auc";
}

/** Every metric of the task that the model gives what it needs for. */
export function metricsOf(contestant: Contestant, task: keyof typeof metricsOfTask, rows: readonly number[]): Record<string, number> {
  return Object.fromEntries(
    metricsOfTask[task].flatMap((metric): [string, number][] => {
      const value = metricOf(contestant, metric, rows);
      return value === null ? [] : [[metric, value]];
    }),
  );
}

export function metricOf(contestant: Contestant, metric: EvaluationMetric, rows: readonly number[]): number | null {
  if (metric === "auc") return contestant.rocArea(rows)?.area ?? null;
  const values = contestant.perRow(metric, rows);
  return values === null ? null : meanOf(values);
}

/**
 * Accuracy; log loss as scikit-learn has it: the mean of -ln of the true class's probability, which is clipped to
 * [eps, 1 - eps] of the precision that it came in; the area under the ROC curve of the greater of two classes.
 */
export function classContestant(predictions: ClassPredictions, truth: readonly (string | null)[]): Contestant {
  const { answered, labels, probabilities, notes } = predictions;
  const place = new Map(probabilities?.classes.map((label, index) => [label, index]));
  const width = place.size;
  return {
    notes,
    answered: (row) => answered[row] === 1,
    perRow(metric, rows) {
      if (metric === "accuracy") return Float64Array.from(rows, (row) => (labels[row] === truth[row] ? 1 : 0));
      if (metric !== "log_loss" || probabilities === null) return null;
      const { values, epsilon } = probabilities;
      return Float64Array.from(rows, (row) => {
        const column = place.get(truth[row]!);
        const probability = column === undefined ? 0 : values[row * width + column]!;
        return -Math.log(Math.min(1 - epsilon, Math.max(epsilon, probability)));
      });
    },
    rocArea(rows) {
      const classes = sortedLabels(rows.map((row) => truth[row]!));
      const positive = place.get(classes[1] ?? "");
      if (probabilities === null || classes.length !== 2 || width !== 2 || positive === undefined) return null;
      const isPositive = rows.map((row) => truth[row] === classes[1]);
      const positives = isPositive.filter(Boolean).length;
      if (positives < 2 || rows.length - positives < 2) return null;
      return rocArea(Float64Array.from(rows, (row) => probabilities.values[row * width + positive]!), isPositive);
    },
  };
}

/** Mean absolute and mean squared error, in the units of the target and their square. */
export function numberContestant(predictions: { answered: Uint8Array; numbers: Float64Array; notes: readonly string[] }, truth: Float64Array): Contestant {
  const { answered, numbers, notes } = predictions;
  return {
    notes,
    answered: (row) => answered[row] === 1,
    perRow(metric, rows) {
      if (metric === "mean_absolute_error") return Float64Array.from(rows, (row) => Math.abs(numbers[row]! - truth[row]!));
      return metric === "mean_squared_error" ? Float64Array.from(rows, (row) => (numbers[row]! - truth[row]!) ** 2) : null;
    },
    rocArea: () => null,
  };
}
