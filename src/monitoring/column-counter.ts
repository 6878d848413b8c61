import { halfToNumber } from "../core/half-float.ts";
import type { Tensor } from "../core/tensor.ts";
import type { CategoricalColumnProfile, ColumnProfile } from "../registry/index.ts";

/** Categories that are counted one by one; rarer ones of the reference share a bucket, so that noise does not drown the figure. */
const listedCategories = 20;
/**
 * Of more categories than that, only those with so many rows are listed: the most frequent of many nearly equal ones are the
 * reference's luckiest, and what luck adds to a few rows would show as drift.
 */
const fewestListedRows = 10;

/**
 * Sorts live values into the buckets of a contract's reference profile. Numeric: the profile's buckets, then missing.
 * Categorical: the most frequent categories, the other known ones, those that the reference does not have, missing. A
 * profile that does not list all of its categories cannot tell new ones: what it does not list is then another known one.
 */
export class ColumnCounter {
  readonly profile: ColumnProfile;
  readonly labels: readonly string[];
  /**
   * Reference rows per bucket. A category with one row would be new to all the others, and live windows hold as many rows of
   * categories that the reference missed as it has of those (Good and Turing), so such rows count as new where new ones can be told.
   */
  readonly reference: readonly number[];
  /** Rows per bucket that another reference would have: the same, but for the luck of the categories that were chosen for their frequency. */
  readonly expected: readonly number[];
  readonly #edges: Float64Array;
  readonly #buckets = new Map<string, number>();
  /** Bucket of categories that the profile does not list. */
  #unlisted = 0;

  constructor(profile: ColumnProfile) {
    this.profile = profile;
    if (profile.kind === "numeric") {
      this.#edges = Float64Array.from(profile.edges);
      this.labels = [...rangeLabels(profile.edges), "missing"];
      this.reference = [...profile.counts, profile.missing];
      this.expected = this.reference;
      return;
    }
    this.#edges = new Float64Array();
    const frequent = profile.distinct <= listedCategories ? profile.categories : profile.categories.filter(({ count }) => count >= fewestListedRows);
    const listed = frequent.slice(0, listedCategories);
    const rest = profile.categories.slice(listed.length);
    listed.forEach(({ value }, index) => this.#buckets.set(value, index));
    for (const { value } of rest) this.#buckets.set(value, listed.length);
    this.#unlisted = profile.otherCount > 0 ? listed.length : listed.length + 1;
    this.labels = [...listed.map(({ value }) => value), "other known", "new", "missing"];
    const others = rest.reduce((sum, { count }) => sum + count, 0) + profile.otherCount;
    const single = profile.otherCount > 0 ? 0 : rest.filter(({ count }) => count === 1).length;
    const counts = listed.map(({ count }) => count);
    this.reference = [...counts, others - single, single, profile.missing];
    const usual = counts.length < profile.distinct ? withoutLuck(counts, profile) : counts;
    const lost = counts.reduce((sum, count, index) => sum + count - usual[index]!, 0);
    this.expected = [...usual, others - single + lost, single, profile.missing];
  }

  /** Adds one value per row: elements `index`, `index + stride` … of the tensor. */
  count({ data, datatype }: Pick<Tensor, "data" | "datatype">, stride: number, counts: Uint32Array): void {
    const { index, kind } = this.profile;
    if (kind === "categorical") {
      for (let position = index; position < data.length; position += stride) counts[this.#buckets.get(String(data[position])) ?? this.#unlisted]!++;
      return;
    }
    const missing = this.labels.length - 1;
    for (let position = index; position < data.length; position += stride) {
      const value = datatype === "FP16" ? halfToNumber(data[position] as number) : Number(data[position]);
      counts[Number.isNaN(value) ? missing : bucketOf(this.#edges, value)]!++;
    }
  }
}

/**
 * Counts of the most frequent categories, moved towards the mean of all as far as chance alone spreads them: the posterior mean
 * of Poisson counts under a gamma prior with the mean and variance of the column's categories (empirical Bayes).
 */
function withoutLuck(counts: readonly number[], { categories, otherCount, distinct }: CategoricalColumnProfile): number[] {
  const mean = (categories.reduce((sum, { count }) => sum + count, 0) + otherCount) / distinct;
  const unlisted = distinct - categories.length;
  const squares = categories.reduce((sum, { count }) => sum + (count - mean) ** 2, 0) + (unlisted > 0 ? unlisted * (otherCount / unlisted - mean) ** 2 : 0);
  const variance = squares / distinct;
  const kept = variance > mean ? (variance - mean) / variance : 0;
  return counts.map((count) => mean + kept * (count - mean));
}

/** Number of edges that are at most `value`: a value on an edge is in the bucket above it. */
export function bucketOf(edges: ArrayLike<number>, value: number): number {
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (edges[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A bucket too narrow for its bounds to differ in six digits is that of one value, which an edge just above it closes. */
function rangeLabels(edges: readonly number[]): string[] {
  const text = (value: number, digits = 4): string => String(Number(value.toPrecision(digits)));
  if (edges.length === 0) return ["all"];
  const between = (from: number, to: number): string => {
    const digits = [4, 5, 6].find((count) => text(from, count) !== text(to, count));
    return digits === undefined ? text(from) : `${text(from, digits)} – ${text(to, digits)}`;
  };
  const [last, previous] = [edges.at(-1)!, edges.at(-2)];
  const top = previous !== undefined && text(previous, 6) === text(last, 6) ? `> ${text(previous)}` : `≥ ${text(last)}`;
  return [`< ${text(edges[0]!)}`, ...edges.slice(1).map((edge, index) => between(edges[index]!, edge)), top];
}
