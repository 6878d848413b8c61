import { sortedLabels, type ClassPredictions } from "./class-predictions.ts";
import { meanOf } from "./paired-interval.ts";
import type { Rival } from "./schemas.ts";

/**
 * Always the most frequent class (the least of several), with the shares of the classes as its probabilities: what scikit-learn
 * calls DummyClassifier(strategy="prior"). It is taken from the evaluation set itself, so no constant answer is better.
 */
export function majorityClass(truth: readonly (string | null)[]): { rival: Rival; predictions: ClassPredictions } {
  const counts = new Map<string, number>();
  let rows = 0;
  for (const label of truth) {
    if (label === null) continue;
    counts.set(label, (counts.get(label) ?? 0) + 1);
    rows++;
  }
  const classes = sortedLabels(counts.keys());
  const label = classes.reduce((best, each) => (counts.get(each)! > counts.get(best)! ? each : best));
  const values = new Float64Array(truth.length * classes.length);
  for (let row = 0; row < truth.length; row++) classes.forEach((each, column) => (values[row * classes.length + column] = counts.get(each)! / rows));
  return {
    rival: { kind: "majority_class", label },
    predictions: { answered: new Uint8Array(truth.length).fill(1), labels: truth.map(() => label), probabilities: { classes, values, epsilon: 2 ** -52 }, notes: [] },
  };
}

interface NumberPredictions {
  answered: Uint8Array;
  numbers: Float64Array;
  notes: string[];
}

/** Always the mean of the evaluation set's target. */
export function meanValue(truth: Float64Array): { rival: Rival; predictions: NumberPredictions } {
  const value = meanOf(truth.filter((each) => !Number.isNaN(each)));
  return { rival: { kind: "mean", value }, predictions: { answered: new Uint8Array(truth.length).fill(1), numbers: new Float64Array(truth.length).fill(value), notes: [] } };
}

/** The value of the row before, or the last that there was: the naive forecast. The first row has none. */
export function lastValue(truth: Float64Array): { rival: Rival; predictions: NumberPredictions } {
  const numbers = new Float64Array(truth.length);
  const answered = new Uint8Array(truth.length);
  let last = NaN;
  truth.forEach((value, row) => {
    if (!Number.isNaN(last)) {
      numbers[row] = last;
      answered[row] = 1;
    }
    if (!Number.isNaN(value)) last = value;
  });
  return { rival: { kind: "last_value" }, predictions: { answered, numbers, notes: [] } };
}
