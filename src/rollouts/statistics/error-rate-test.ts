import type { NoData, SequentialOptions, Side } from "./sequential-estimate.ts";
import { defaultAlpha, noData } from "./sequential-estimate.ts";
import { crossing, logAdd, logBeta, logBetaUpper } from "./special-functions.ts";

/** Errors of both arms while the shares of traffic stayed the same. How many requests there were does not matter. */
export interface ErrorPhase {
  readonly stableErrors: number;
  readonly candidateErrors: number;
  /**
   * Candidate's share of the requests of both arms, in (0, 1): as the routes have it, for which the test is exact; or that of the requests that
   * came, which makes it err towards "no difference". Phases with another share compare nothing and are left out.
   */
  readonly candidateShare: number;
}

/** As a sequential estimate; the estimate is null where it is infinite, since stable has no errors yet. */
export interface RatioEstimate {
  readonly status: "estimated";
  readonly estimate: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly pValue: number;
  readonly significant: boolean;
  readonly alpha: number;
  readonly side: Side;
}

/** Far beyond every ratio that counts can show, as a logarithm. */
const largestLogRatio = 60;

/**
 * Ratio of the candidate's rate of rare events to stable's, exact for any number of events, zero included: an event falls on the
 * candidate with the probability θ = πr / (πr + 1 - π), where π is its share of the traffic and r the ratio of the rates, whatever the rate
 * is and whenever one looks (the conditional test of two Poisson or thinned Bernoulli streams: J. Przyborowski and H. Wilenski, Biometrika 31,
 * 1940). Its likelihood, mixed over θ and divided by that at the null value, is a martingale under it (H. Robbins, Statistical
 * Methods Related to the Law of the Iterated Logarithm, 1970): by Ville's inequality it passes 1/α with probability α at most.
 *
 * Half of the mixture takes all θ alike, which a broken candidate shows in two or three errors; half lies near π, Beta(π/m, (1 - π)/m) with
 * m = min(π, 1 - π), for subtle differences. One-sided, both are cut off at r = 1. Phases multiply. For events that are not rare compare means:
 * the likelihood leaves out what successes tell, a share of the information that is the rate itself.
 */
export function errorRateTest(phases: readonly ErrorPhase[], options: SequentialOptions = {}): RatioEstimate | NoData {
  const { alpha = defaultAlpha, side = "two-sided", nullValue = 1 } = options;
  const compared = phases.filter(({ candidateShare }) => candidateShare > 0 && candidateShare < 1);
  const candidate = compared.reduce((sum, phase) => sum + phase.candidateErrors, 0);
  const stable = compared.reduce((sum, phase) => sum + phase.stableErrors, 0);
  if (candidate + stable === 0) return noData("empty");
  if (!Number.isFinite(candidate + stable)) return noData("not-finite");
  const mixture = logMixture(compared, side);
  const best = likeliestLogRatio(compared, candidate, stable);
  const beyond = (logRatio: number): number => logLikelihood(compared, logRatio) - mixture - Math.log(alpha);
  const low = side === "less" ? null : beyond(-largestLogRatio) >= 0 ? 0 : Math.exp(crossing(beyond, -largestLogRatio, best));
  const high = side === "greater" || beyond(largestLogRatio) >= 0 ? null : Math.exp(crossing(beyond, best, largestLogRatio));
  const logNull = Math.log(nullValue);
  const isOtherSide = (side === "greater" && best <= logNull) || (side === "less" && best >= logNull);
  const pValue = isOtherSide ? 1 : Math.min(1, Math.exp(logLikelihood(compared, logNull) - mixture));
  const estimate = stable === 0 ? null : candidate === 0 ? 0 : Math.exp(best);
  return { status: "estimated", estimate, low, high, pValue, significant: pValue <= alpha, alpha, side };
}

/** ln of the evidence against equal rates: above -ln α it is significant at this look. Cheap: for a look after every error. */
export function logErrorRateEvidence(phases: readonly ErrorPhase[], side: Side = "two-sided"): number {
  return logMixture(phases, side) - logLikelihood(phases, 0);
}

/** ln of the likelihood of who erred, mixed over θ. */
function logMixture(phases: readonly ErrorPhase[], side: Side): number {
  let wide = 0;
  let near = 0;
  for (const { candidateErrors, stableErrors, candidateShare } of phases) {
    const smaller = Math.min(candidateShare, 1 - candidateShare);
    wide += logMixed(candidateErrors, stableErrors, 1, 1, candidateShare, side);
    near += logMixed(candidateErrors, stableErrors, candidateShare / smaller, (1 - candidateShare) / smaller, candidateShare, side);
  }
  return logAdd(wide, near) - Math.LN2;
}

function logMixed(candidateErrors: number, stableErrors: number, a: number, b: number, share: number, side: Side): number {
  const whole = logBeta(a + candidateErrors, b + stableErrors) - logBeta(a, b);
  if (side === "two-sided") return whole;
  if (side === "greater") return whole + logBetaUpper(share, a + candidateErrors, b + stableErrors) - logBetaUpper(share, a, b);
  return whole + logBetaUpper(1 - share, b + stableErrors, a + candidateErrors) - logBetaUpper(1 - share, b, a);
}

function logLikelihood(phases: readonly ErrorPhase[], logRatio: number): number {
  let sum = 0;
  for (const { candidateErrors, stableErrors, candidateShare } of phases) {
    const logOdds = logRatio + Math.log(candidateShare) - Math.log1p(-candidateShare);
    // ln θ and ln (1 - θ), without cancellation at either end.
    if (candidateErrors > 0) sum -= candidateErrors * softPlus(-logOdds);
    if (stableErrors > 0) sum -= stableErrors * softPlus(logOdds);
  }
  return sum;
}

/** ln(1 + exp(x)) */
function softPlus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

/** Where the likelihood is greatest: the errors of the candidate are as many as θ says. */
function likeliestLogRatio(phases: readonly ErrorPhase[], candidate: number, stable: number): number {
  if (candidate === 0) return -largestLogRatio;
  if (stable === 0) return largestLogRatio;
  const excess = (logRatio: number): number =>
    phases.reduce((sum, { candidateErrors, stableErrors, candidateShare }) => {
      const odds = (candidateShare / (1 - candidateShare)) * Math.exp(logRatio);
      return sum + candidateErrors - ((candidateErrors + stableErrors) * odds) / (1 + odds);
    }, 0);
  return crossing(excess, -largestLogRatio, largestLogRatio);
}
