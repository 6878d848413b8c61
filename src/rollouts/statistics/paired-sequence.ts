import type { ConfidenceSequenceOptions } from "./confidence-sequence.ts";
import { fewestSamples, meanSequence } from "./confidence-sequence.ts";
import type { RatioEstimate } from "./error-rate-test.ts";
import { errorRateTest } from "./error-rate-test.ts";
import { eventRateSequence } from "./event-rate-sequence.ts";
import type { Moments } from "./moments.ts";
import type { NoData, SequentialOptions, SequentialResult } from "./sequential-estimate.ts";
import { defaultAlpha, estimated, noData } from "./sequential-estimate.ts";

/**
 * Mean difference of two versions on the same inputs, candidate less stable: the asymptotic confidence sequence of one mean, N being pairs. What
 * inputs add to the variance is gone, so a few hundred pairs show what takes two arms many thousands of requests.
 *
 * Versions that always agree are "identical": `disagreementRate(0, pairs)` bounds how often they may differ after all. Where
 * every pair differs by the same number, that number is both bounds, and the p-value is that of the signs: as many heads in a row
 * of n, by the likelihood mixed over a coin's bias, have (n + 1) / 2^n.
 */
export function pairedDifference(difference: Moments, options: ConfidenceSequenceOptions = {}): SequentialResult {
  const { alpha = defaultAlpha, side = "two-sided", nullValue = 0, minimumSamples = fewestSamples } = options;
  const { count, mean, m2 } = difference;
  if (m2 !== 0 || count < Math.max(2, minimumSamples)) return meanSequence(difference, options);
  if (mean === 0) return noData("identical");
  const isOtherSide = mean === nullValue || (side === "greater" && mean < nullValue) || (side === "less" && mean > nullValue);
  const sides = side === "two-sided" ? 1 : 2;
  return estimated(mean, mean, mean, isOtherSide ? 1 : (count + 1) / (sides * 2 ** count), alpha, side);
}

/** Share of pairs whose labels differ, exact for any number of them; with `nullValue` tested against that share. */
export function disagreementRate(disagreements: number, pairs: number, options: SequentialOptions = {}): SequentialResult {
  return eventRateSequence(disagreements, pairs, options);
}

/**
 * Ratio of the inputs that only the candidate got wrong to those that only stable did, once the truth is known: each of them falls on either with
 * the same chance where both are as good (Q. McNemar, Psychometrika 12, 1947; sequential as `errorRateTest`, with equal shares).
 */
export function pairedErrorTest(onlyCandidate: number, onlyStable: number, options: SequentialOptions = {}): RatioEstimate | NoData {
  return errorRateTest([{ candidateErrors: onlyCandidate, stableErrors: onlyStable, candidateShare: 0.5 }], options);
}
