import { latencyBucketUpper } from "./latency-buckets.ts";
import type { NoData } from "./sequential-estimate.ts";
import { defaultAlpha, noData } from "./sequential-estimate.ts";
import type { SparseCounts } from "./sparse-counts.ts";
import { logBeta } from "./special-functions.ts";

/** A quantile of times, in microseconds; `low` or `high` is null while the samples are too few for that bound, or it lies beyond the last bucket. */
export interface QuantileBounds {
  readonly status: "estimated";
  /** Nearest rank, the middle of its bucket. */
  readonly estimate: number;
  readonly low: number | null;
  readonly high: number | null;
  readonly samples: number;
}

export interface QuantileComparison {
  readonly status: "estimated";
  readonly stable: QuantileBounds;
  readonly candidate: QuantileBounds;
  /** Candidate's quantile by stable's, with bounds that hold at every look together, alpha for both. */
  readonly ratio: number;
  readonly low: number | null;
  readonly high: number | null;
  readonly alpha: number;
}

/** Weight of the prior in samples: the bounds are narrowest, for their alpha, at some hundreds to thousands of samples. */
const concentration = 100;

/**
 * Always-valid bounds of a quantile from counts in latency buckets: exact for any distribution of independent times, without assuming its shape
 * (S. Howard and A. Ramdas, Sequential Estimation of Quantiles, Bernoulli 28, 2022; with the beta-binomial mixture). At the true quantile the
 * number of times at most as long is binomial with probability `quantile`; its likelihood mixed over Beta(100 q, 100 (1 - q)), by that at q, is
 * a martingale. Edges of buckets at which it has passed 1/α lie beyond the quantile, so bounds are edges and at most 5% wider than need be.
 */
export function quantileBounds(counts: SparseCounts, quantile: number, options: { readonly alpha?: number } = {}): QuantileBounds | NoData {
  const samples = counts.reduce((sum, [, count]) => sum + count, 0);
  if (!Number.isFinite(samples)) return noData("not-finite");
  if (samples === 0) return noData("empty");
  const { lowest, highest } = plausibleRanks(samples, quantile, options.alpha ?? defaultAlpha);
  const estimate = bucketOfRank(counts, Math.max(1, Math.ceil(quantile * samples)));
  const lower = latencyBucketUpper(estimate - 1) ?? 1;
  const upper = latencyBucketUpper(estimate);
  return {
    status: "estimated", estimate: upper === null ? lower : (lower + upper) / 2,
    low: lowest < 1 ? null : latencyBucketUpper(bucketOfRank(counts, lowest) - 1),
    high: highest >= samples ? null : latencyBucketUpper(bucketOfRank(counts, highest + 1)),
    samples,
  };
}

/**
 * The candidate's quantile beside stable's, each with bounds at α/2. `againstLimit(comparison, X)` says whether the candidate's p99 is
 * over X times stable's ("over"), is not ("within"), or neither is known yet.
 */
export function compareQuantiles(
  stable: SparseCounts,
  candidate: SparseCounts,
  { quantile, alpha = defaultAlpha }: { readonly quantile: number; readonly alpha?: number },
): QuantileComparison | NoData {
  const left = quantileBounds(stable, quantile, { alpha: alpha / 2 });
  const right = quantileBounds(candidate, quantile, { alpha: alpha / 2 });
  if (left.status === "no-data") return left;
  if (right.status === "no-data") return right;
  const ratio = (above: number | null, below: number | null): number | null => (above === null || !below ? null : above / below);
  return {
    status: "estimated", stable: left, candidate: right, ratio: right.estimate / left.estimate,
    low: ratio(right.low, left.high), high: ratio(right.high, left.low), alpha,
  };
}

/** Numbers of times at most as long as the quantile that chance explains, from `lowest` to `highest`. */
function plausibleRanks(samples: number, quantile: number, alpha: number): { lowest: number; highest: number } {
  const [a, b] = [concentration * quantile, concentration * (1 - quantile)];
  const level = logBeta(a, b) - Math.log(alpha);
  const isPlausible = (rank: number): boolean =>
    logBeta(a + rank, b + samples - rank) - rank * Math.log(quantile) - (samples - rank) * Math.log1p(-quantile) < level;
  // Convex in the rank and lowest where it is expected: plausible ranks are neighbours.
  const expected = Math.min(samples, Math.round(quantile * samples));
  const isBeyond = (rank: number): boolean => !isPlausible(rank);
  return { lowest: firstRank(0, expected, isPlausible), highest: firstRank(expected, samples + 1, isBeyond) - 1 };
}

/** The first whole number in [from, to] of which it is true, `to` if of none before; it stays true once it is. */
function firstRank(from: number, to: number, isTrue: (rank: number) => boolean): number {
  let [low, high] = [from, to];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (isTrue(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Bucket of the rank-th shortest time, from 1. */
function bucketOfRank(counts: SparseCounts, rank: number): number {
  let seen = 0;
  let last = 0;
  for (const [bucket, count] of counts) {
    seen += count;
    last = bucket;
    if (seen >= rank) break;
  }
  return last;
}
