import { roundToHalf } from "../../core/half-float.ts";
import type { NumericColumnProfile, ProfileRequest } from "../../registry/index.ts";

export type NumericFigures = Pick<NumericColumnProfile, "count" | "missing" | "min" | "max" | "mean" | "standardDeviation" | "edges" | "counts">;

/**
 * Profiles a column of numbers in which NaN stands for a missing value; sorts `values` in place. All figures follow from
 * the sorted values, so that the order of the rows, or of the threads that read them, never changes one.
 *
 * Infinities are values: they are counted in the outer buckets. Minimum, maximum, mean, deviation and edges are those of
 * the finite values, null or none when there are none.
 */
export function numericProfile(values: Float64Array): NumericFigures {
  values.sort();
  // Sorted: -Infinity, finite values, Infinity, NaN.
  const present = values.subarray(0, firstIndex(values, (value) => Number.isNaN(value)));
  const finite = present.subarray(
    firstIndex(present, (value) => value !== Number.NEGATIVE_INFINITY),
    firstIndex(present, (value) => value === Number.POSITIVE_INFINITY),
  );
  const edges = bucketEdges(finite);
  return {
    count: values.length,
    missing: values.length - present.length,
    min: finite.length === 0 ? null : withoutMinusZero(finite[0]!),
    max: finite.length === 0 ? null : withoutMinusZero(finite[finite.length - 1]!),
    ...moments(finite),
    edges,
    counts: bucketCounts(present, edges),
  };
}

/** Rounds the values to what the model's input holds, in place. */
export function roundTo(precision: ProfileRequest["precision"], values: Float64Array): Float64Array {
  if (precision !== "single" && precision !== "half") return values;
  const round = precision === "single" ? Math.fround : roundToHalf;
  for (let index = 0; index < values.length; index++) values[index] = round(values[index]!);
  return values;
}

/** With more rows than this share in the open bucket at the top, three rows in ten could rise above all of them and the PSI would stay under 0.2. */
const largestOpenShare = 0.12;

/**
 * Edges of the buckets of sorted finite values, ascending and distinct: their deciles, and the end of each value that
 * leaves no room between deciles. A rise past the value that ends the column, or from a value to a rarer one, would
 * otherwise stay inside one bucket and never show.
 *
 * The end of a value is the next larger one of the column, or, after the largest, the next double: live values are
 * compared as doubles whatever their datatype, so that every larger value of any datatype is beyond it.
 */
export function bucketEdges(sorted: Float64Array): number[] {
  const deciles = decilesOf(sorted);
  const edges: number[] = [];
  for (const [position, decile] of deciles.entries()) {
    const following = deciles[position + 1];
    if (decile === following) continue;
    edges.push(decile);
    const from = firstIndex(sorted, (value) => value >= decile);
    const beyond = firstIndex(sorted, (value) => value > decile);
    const fillsDecile = decile === deciles[position - 1];
    const hidesRise = following === undefined && beyond - from > 1 && sorted.length - from > largestOpenShare * sorted.length;
    if (!fillsDecile && !hidesRise) continue;
    const end = withoutMinusZero(sorted[beyond] ?? nextUp(decile));
    if (Number.isFinite(end) && (following === undefined || end < following)) edges.push(end);
  }
  return edges;
}

/** `numpy.quantile(values, [.1, ..., .9])`, method `linear`, to the last bit; none of an empty column. */
function decilesOf(sorted: Float64Array): number[] {
  if (sorted.length === 0) return [];
  return Array.from({ length: 9 }, (_, index) => {
    const position = ((index + 1) / 10) * (sorted.length - 1);
    const below = Math.floor(position);
    return withoutMinusZero(interpolate(sorted[below]!, sorted[Math.min(below + 1, sorted.length - 1)]!, position - below));
  });
}

/** The smallest double that is larger. */
function nextUp(value: number): number {
  if (value === 0) return Number.MIN_VALUE;
  const bits = new BigInt64Array(Float64Array.of(value).buffer);
  bits[0]! += value > 0 ? 1n : -1n;
  return new Float64Array(bits.buffer)[0]!;
}

/** numpy's `_lerp`: from the nearer end, so that it stays between both and meets them exactly. */
function interpolate(low: number, high: number, weight: number): number {
  const difference = high - low;
  if (!Number.isFinite(difference)) return low * (1 - weight) + high * weight;
  return weight >= 0.5 ? high - difference * (1 - weight) : low + difference * weight;
}

/** How many sorted values lie in each bucket; a value equal to an edge is in the bucket above it. */
function bucketCounts(sorted: Float64Array, edges: readonly number[]): number[] {
  const counts: number[] = [];
  let start = 0;
  for (const edge of edges) {
    const end = firstIndex(sorted, (value) => value >= edge);
    counts.push(end - start);
    start = end;
  }
  counts.push(sorted.length - start);
  return counts;
}

/** Mean and population deviation in two passes, scaled so that neither sums nor squares leave the range of a double. */
function moments(finite: Float64Array): { mean: number | null; standardDeviation: number | null } {
  if (finite.length === 0) return { mean: null, standardDeviation: null };
  const largest = Math.max(Math.abs(finite[0]!), Math.abs(finite[finite.length - 1]!));
  // A power of two changes no digit.
  const scale = largest > 1e140 || (largest > 0 && largest < 1e-140) ? 2 ** Math.max(-1000, Math.min(1000, Math.floor(Math.log2(largest)))) : 1;
  const mean = compensatedSum(finite, (value) => value / scale) / finite.length;
  const variance = compensatedSum(finite, (value) => (value / scale - mean) ** 2) / finite.length;
  return { mean: withoutMinusZero(mean * scale), standardDeviation: Math.sqrt(variance) * scale };
}

/** Neumaier's sum: the error does not grow with the number of rows. */
function compensatedSum(values: Float64Array, of: (value: number) => number): number {
  let sum = 0;
  let lost = 0;
  for (let index = 0; index < values.length; index++) {
    const value = of(values[index]!);
    const next = sum + value;
    lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
    sum = next;
  }
  return sum + lost;
}

/** Index of the first value for which the condition holds, given that it holds for all behind it. */
function firstIndex(sorted: Float64Array, condition: (value: number) => boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (condition(sorted[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** JSON has one zero. */
function withoutMinusZero(value: number): number {
  return value === 0 ? 0 : value;
}
