import type { SequentialOptions, SequentialResult } from "./sequential-estimate.ts";
import { defaultAlpha, estimated, noData } from "./sequential-estimate.ts";
import { crossing, logBeta } from "./special-functions.ts";

/**
 * Bounds of one rate, such as that of errors beside an absolute limit: exact for any number of events, zero included. The likelihood
 * mixed over rates with Jeffreys' prior, Beta(1/2, 1/2), divided by that at a rate, is a martingale where that is the true one; the rates at
 * which it has not passed 1/α are the interval (H. Robbins, Statistical Methods Related to the Law of the Iterated Logarithm, 1970). A
 * one-sided bound is an end of the same interval, and holds at alpha too. With a `nullValue` the p-value tests that rate.
 */
export function eventRateSequence(events: number, trials: number, options: SequentialOptions = {}): SequentialResult {
  const { alpha = defaultAlpha, side = "two-sided", nullValue } = options;
  if (!Number.isFinite(events) || !Number.isFinite(trials)) return noData("not-finite");
  if (trials <= 0) return noData("empty");
  const rate = Math.min(1, events / trials);
  const others = Math.max(0, trials - events);
  const mixture = logBeta(events + 0.5, others + 0.5) - logBeta(0.5, 0.5);
  const logLikelihood = (p: number): number => (events === 0 ? 0 : events * Math.log(p)) + (others === 0 ? 0 : others * Math.log1p(-p));
  const beyond = (p: number): number => logLikelihood(p) - mixture - Math.log(alpha);
  const low = events === 0 ? 0 : crossing(beyond, 0, rate);
  const high = others === 0 ? 1 : crossing(beyond, rate, 1);
  const isOtherSide = nullValue === undefined || (side === "greater" && rate <= nullValue) || (side === "less" && rate >= nullValue);
  const pValue = isOtherSide ? 1 : Math.exp(logLikelihood(nullValue) - mixture);
  return estimated(rate, low, high, pValue, alpha, side);
}
