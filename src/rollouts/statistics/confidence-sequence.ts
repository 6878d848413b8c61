import type { Moments } from "./moments.ts";
import type { NoData, SequentialOptions, SequentialResult, Side } from "./sequential-estimate.ts";
import { defaultAlpha, estimated, noData } from "./sequential-estimate.ts";

export interface ConfidenceSequenceOptions extends SequentialOptions {
  /** Samples of both arms at which the interval is narrowest for its alpha, 5000 unless given. Fixed before the first look. */
  readonly plannedSamples?: number;
  /** Of each arm: below it the answer is "too-few". The sequence is exact in the limit only: see `fewestSamples`. */
  readonly minimumSamples?: number;
}

const usualPlannedSamples = 5000;
/** Below that many values of an arm its variance is too uncertain: simulated tests of skewed ones are then significant in more than alpha. */
export const fewestSamples = 100;

/**
 * The spread of the mixture that makes the interval narrowest after `plannedSamples` (S. Howard, A. Ramdas, J. McAuliffe and
 * J. Sekhon, Time-uniform, Nonparametric, Nonasymptotic Confidence Sequences, Annals of Statistics 49, 2021, approximation of
 * its optimum): sqrt((-2 ln α + ln(-2 ln α + 1)) / N*).
 */
function mixtureSpread(alpha: number, plannedSamples: number): number {
  const twice = -2 * Math.log(alpha);
  return Math.sqrt((twice + Math.log(twice + 1)) / plannedSamples);
}

/** ln of what the reach of the interval is counted from: two-sided sqrt(Nρ² + 1) / α, one-sided 1 + sqrt(Nρ² + 1) / 2α. */
function logLevel(root: number, alpha: number, side: Side): number {
  return side === "two-sided" ? Math.log(root / alpha) : Math.log1p(root / (2 * alpha));
}

/** Half width of the interval after so many samples of both arms, in standard errors. */
export function sequenceReach(samples: number, options: ConfidenceSequenceOptions = {}): number {
  const { alpha = defaultAlpha, side = "two-sided", plannedSamples = usualPlannedSamples } = options;
  const information = samples * mixtureSpread(alpha, plannedSamples) ** 2;
  return Math.sqrt(((2 * (information + 1)) / information) * logLevel(Math.sqrt(information + 1), alpha, side));
}

/**
 * Asymptotic confidence sequence of a value with a standard error (I. Waudby-Smith, D. Arbour, R. Sinha, E. Kennedy and A. Ramdas,
 * Time-uniform Central Limit Theory and Asymptotic Confidence Sequences, Annals of Statistics 52, 2024; GrowthBook's form of it):
 *
 *     half width = sqrt(s²) sqrt(2 (Nρ² + 1) / (Nρ)² ln(sqrt(Nρ² + 1) / α)), s² = SE² N
 *
 * and one-sided with ln(1 + sqrt(Nρ² + 1) / 2α). The p-value is the least alpha, at that ρ, whose interval lacks the null value.
 */
function sequenceOf(estimate: number, standardError: number, samples: number, options: ConfidenceSequenceOptions): SequentialResult {
  const { alpha = defaultAlpha, side = "two-sided", plannedSamples = usualPlannedSamples, nullValue = 0 } = options;
  const reach = sequenceReach(samples, options) * standardError;
  const information = samples * mixtureSpread(alpha, plannedSamples) ** 2;
  const root = Math.sqrt(information + 1);
  const distance = (side === "less" ? nullValue - estimate : estimate - nullValue) / standardError;
  const exponent = (distance * distance * information) / (2 * (information + 1));
  let pValue = 1;
  if (side === "two-sided") pValue = root * Math.exp(-exponent);
  else if (distance > 0) pValue = root / (2 * Math.expm1(exponent));
  return estimated(estimate, estimate - reach, estimate + reach, pValue, alpha, side);
}

/**
 * Mean of the candidate less mean of the stable arm, for a metric whose values have a variance: the default for means. Two-sided, or for
 * one side. One look costs no allocation but its answer.
 */
export function meanDifferenceSequence(stable: Moments, candidate: Moments, options: ConfidenceSequenceOptions = {}): SequentialResult {
  const error = differenceError(stable, candidate, options.minimumSamples ?? fewestSamples);
  if (typeof error !== "number") return error;
  return sequenceOf(candidate.mean - stable.mean, error, stable.count + candidate.count, options);
}

/** Mean of one series of values, such as differences within pairs. */
export function meanSequence(moments: Moments, options: ConfidenceSequenceOptions = {}): SequentialResult {
  if (moments.count === 0) return noData("empty");
  if (moments.count < Math.max(2, options.minimumSamples ?? fewestSamples)) return noData("too-few");
  const error = Math.sqrt(moments.m2 / (moments.count - 1) / moments.count);
  if (!Number.isFinite(error)) return noData("not-finite");
  if (error === 0) return noData("no-variance");
  return sequenceOf(moments.mean, error, moments.count, options);
}

/** Standard error of the difference of two means, each arm with a variance of its own (see `cautiousVariance`); or why there is none. */
export function differenceError(stable: Moments, candidate: Moments, minimumSamples: number): number | NoData {
  if (stable.count === 0 || candidate.count === 0) return noData("empty");
  if (Math.min(stable.count, candidate.count) < Math.max(2, minimumSamples)) return noData("too-few");
  const pooled = (stable.m2 + candidate.m2) / (stable.count + candidate.count - 2);
  const error = Math.sqrt(cautiousVariance(stable, pooled) / stable.count + cautiousVariance(candidate, pooled) / candidate.count);
  if (!Number.isFinite(error)) return noData("not-finite");
  return error === 0 ? noData("no-variance") : error;
}

/** Weight of the other arm's variance, in samples. */
const borrowedSamples = 500;

/**
 * Of skewed values a small arm whose mean is low by chance has a low variance by the same chance, and would look more certain than it is.
 * So an arm with less variance than both have together borrows from it; the more it has seen, the less. Measured: a 0/1 metric of 3% at 5% of
 * the traffic, that 14% of A/A tests found different, comes to 2%.
 */
function cautiousVariance({ count, m2 }: Moments, pooled: number): number {
  const own = m2 / (count - 1);
  return own >= pooled ? own : (own * count + pooled * borrowedSamples) / (count + borrowedSamples);
}
