import { normalQuantile, studentQuantile } from "./quantiles.ts";

/** A difference of two models on the same rows, with its confidence interval. */
export interface Difference {
  difference: number;
  low: number;
  high: number;
}

/**
 * Mean of `left - right`, row by row, with the interval of the paired t test: mean ± t(1 - α/2, n - 1) * s / sqrt(n), s with
 * n - 1 in its denominator (Student, The Probable Error of a Mean, Biometrika 6, 1908). Needs at least two rows.
 */
export function pairedMeanDifference(left: Float64Array, right: Float64Array, confidence: number): Difference {
  const rows = left.length;
  const differences = left.map((value, row) => value - right[row]!);
  const mean = meanOf(differences);
  const error = Math.sqrt(varianceOf(differences, mean) / rows);
  const reach = error === 0 ? 0 : studentQuantile((1 + confidence) / 2, rows - 1) * error;
  return { difference: mean, low: mean - reach, high: mean + reach };
}

/** Area under the ROC curve with what each row adds to it: the structural components of DeLong. */
export interface RocArea {
  area: number;
  /** For each positive row, the share of negatives below it, ties half. */
  ofPositives: Float64Array;
  /** For each negative row, the share of positives above it, ties half. */
  ofNegatives: Float64Array;
}

/**
 * The area by midranks, which is the statistic of Mann and Whitney with ties counted half, and its components (X. Sun and
 * W. Xu, Fast Implementation of DeLong's Algorithm, IEEE Signal Processing Letters 21, 2014). Needs both classes.
 */
export function rocArea(scores: Float64Array, isPositive: readonly boolean[]): RocArea {
  const positives = scores.filter((_, row) => isPositive[row]!);
  const negatives = scores.filter((_, row) => !isPositive[row]!);
  const all = new Float64Array(scores.length);
  all.set(positives);
  all.set(negatives, positives.length);
  const ranks = midranks(all);
  const ranksOfPositives = midranks(positives);
  const ranksOfNegatives = midranks(negatives);
  const ofPositives = positives.map((_, index) => (ranks[index]! - ranksOfPositives[index]!) / negatives.length);
  const ofNegatives = negatives.map((_, index) => 1 - (ranks[positives.length + index]! - ranksOfNegatives[index]!) / positives.length);
  return { area: meanOf(ofPositives), ofPositives, ofNegatives };
}

/**
 * Difference of two areas on the same rows: E. DeLong, D. DeLong and D. Clarke-Pearson, Comparing the Areas under Two or More
 * Correlated Receiver Operating Characteristic Curves, Biometrics 44 (1988). Needs two rows of each class.
 */
export function delongDifference(left: RocArea, right: RocArea, confidence: number): Difference {
  const difference = left.area - right.area;
  const variance = (first: Float64Array, second: Float64Array): number => {
    const differences = first.map((value, index) => value - second[index]!);
    return varianceOf(differences, meanOf(differences)) / differences.length;
  };
  const error = Math.sqrt(variance(left.ofPositives, right.ofPositives) + variance(left.ofNegatives, right.ofNegatives));
  const reach = error === 0 ? 0 : normalQuantile((1 + confidence) / 2) * error;
  return { difference, low: difference - reach, high: difference + reach };
}

/** Ranks from 1; equal values share the middle of theirs. */
function midranks(values: Float64Array): Float64Array {
  const order = Uint32Array.from(values, (_, index) => index).sort((a, b) => values[a]! - values[b]!);
  const ranks = new Float64Array(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start;
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++;
    for (let place = start; place < end; place++) ranks[order[place]!] = (start + end + 1) / 2;
    start = end;
  }
  return ranks;
}

export function meanOf(values: Float64Array): number {
  let sum = 0;
  let lost = 0;
  // Kahan: a million small terms must not be lost beside their sum.
  for (const value of values) {
    const corrected = value - lost;
    const next = sum + corrected;
    lost = next - sum - corrected;
    sum = next;
  }
  return sum / values.length;
}

function varianceOf(values: Float64Array, mean: number): number {
  return values.length < 2 ? NaN : (meanOf(values.map((value) => (value - mean) ** 2)) * values.length) / (values.length - 1);
}
