import type { Predictions } from "./predictions.ts";

/** Predictions of classes, with what is known of their probabilities. */
export interface ClassPredictions {
  answered: Uint8Array;
  labels: string[];
  /** Null where the model says none, or their order cannot be told. */
  probabilities: ClassProbabilities | null;
  notes: string[];
}

export interface ClassProbabilities {
  /** In the order of the columns. */
  classes: string[];
  /** Row-major, rows × classes. */
  values: Float64Array;
  /** Smallest difference from 1 in the numbers' own precision: where logarithms are clipped. */
  epsilon: number;
}

const doubleEpsilon = 2 ** -52;
const singleEpsilon = 2 ** -23;
/** Share of rows in which the most probable class must be the label, for the order of the classes to be believed. */
const leastAgreement = 0.9;

/**
 * Reads labels and probabilities out of what a model answered. The classes are in the order that the graph says; else ascending,
 * when as many are known as there are columns; one number is the probability of the second of two, or a label where all are whole. An order that the labels contradict is not believed. Null where the
 * predictions are no classes at all.
 */
export function classPredictionsOf(answers: Predictions, truth: readonly (string | null)[], truthIsBoolean: boolean): ClassPredictions | null {
  const predictions = answers.width === 1 ? twoClasses(answers) : answers;
  const same = (label: string): string => (truthIsBoolean ? (booleanLabels[label.toLowerCase()] ?? label) : label);
  const { answered, width, numbers, isDouble } = predictions;
  const labels = predictions.labels?.map(same) ?? null;
  const notes = [...predictions.notes];
  const epsilon = isDouble ? doubleEpsilon : singleEpsilon;
  if (width < 2) return labels === null ? null : { answered, labels, probabilities: null, notes };
  const classes = classesOf(predictions.columns?.map(same) ?? null, width, [...(labels ?? []).filter((_, row) => answered[row] === 1), ...truth.filter((label) => label !== null)]);
  const problem =
    classes === null ? "which column of the probabilities is which class cannot be told"
    : !areProbabilities(predictions) ? "its scores are no probabilities"
    : labels !== null && agreement(predictions, labels, classes) < leastAgreement ? "its labels are not its most probable classes"
    : null;
  if (problem === null) return { answered, labels: labels ?? mostProbable(predictions, classes!), probabilities: { classes: classes!, values: numbers, epsilon }, notes };
  if (labels === null) return null;
  return { answered, labels, probabilities: null, notes: [...notes, `Its labels alone are judged: ${problem}.`] };
}

const booleanLabels: Readonly<Record<string, string>> = { true: "1", false: "0" };

/** Numbers where all are whole are in the order of numbers, texts in that of their characters. */
export function sortedLabels(labels: Iterable<string>): string[] {
  const all = [...new Set(labels)];
  return all.every(isWhole) ? all.sort((a, b) => Number(a) - Number(b)) : all.sort((a, b) => (a < b ? -1 : 1));
}

function isWhole(label: string): boolean {
  return /^-?\d+$/.test(label);
}

function classesOf(columns: string[] | null, width: number, labels: string[]): string[] | null {
  if (columns?.length === width) return columns;
  const known = sortedLabels(labels);
  if (known.length === width) return known;
  const isNumbered = known.every((label) => isWhole(label) && Number(label) >= 0 && Number(label) < width);
  return isNumbered ? Array.from({ length: width }, (_, index) => String(index)) : null;
}

function areProbabilities({ rows, answered, width, numbers }: Predictions): boolean {
  for (let row = 0; row < rows; row++) {
    if (answered[row] === 0) continue;
    let sum = 0;
    for (let column = 0; column < width; column++) {
      const value = numbers[row * width + column]!;
      if (value < 0 || value > 1 + 1e-6) return false;
      sum += value;
    }
    if (Math.abs(sum - 1) > 1e-3) return false;
  }
  return true;
}

function agreement({ rows, answered, width, numbers }: Predictions, labels: readonly string[], classes: readonly string[]): number {
  const place = new Map(classes.map((label, index) => [label, index]));
  let asked = 0;
  let agreeing = 0;
  for (let row = 0; row < rows; row++) {
    if (answered[row] === 0) continue;
    asked++;
    const values = numbers.subarray(row * width, (row + 1) * width);
    const own = values[place.get(labels[row]!) ?? -1];
    if (own !== undefined && own >= Math.max(...values)) agreeing++;
  }
  return asked === 0 ? 1 : agreeing / asked;
}

function mostProbable({ rows, answered, width, numbers }: Predictions, classes: readonly string[]): string[] {
  return Array.from({ length: rows }, (_, row) => {
    if (answered[row] === 0) return "";
    const values = numbers.subarray(row * width, (row + 1) * width);
    return classes[values.indexOf(Math.max(...values))]!;
  });
}

/** One number for each row as labels, where there are none and all numbers are whole, else as the probabilities of two classes. */
function twoClasses(predictions: Predictions): Predictions {
  const { rows, answered, labels, numbers } = predictions;
  if (labels === null && numbers.every(Number.isInteger)) {
    return { ...predictions, labels: Array.from(numbers, (value, row) => (answered[row] === 1 ? String(value) : "")), width: 0, numbers: new Float64Array(0) };
  }
  const both = new Float64Array(rows * 2);
  numbers.forEach((value, row) => both.set([1 - value, value], 2 * row));
  return { ...predictions, width: 2, numbers: both, columns: null };
}
