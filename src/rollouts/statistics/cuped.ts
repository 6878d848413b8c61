import type { BivariateMoments, Moments } from "./moments.ts";
import type { NoData } from "./sequential-estimate.ts";
import { noData } from "./sequential-estimate.ts";

export interface CupedArms {
  /** Moments of the adjusted metric, to be compared like any others. */
  readonly stable: Moments;
  readonly candidate: Moments;
  /** θ: what the metric changes by with one unit of the covariate, within arms. */
  readonly slope: number;
  /** Between covariate and metric, within arms: the adjustment leaves 1 - correlation² of the variance. */
  readonly correlation: number;
}

/**
 * Takes out of a metric what a covariate explains that no version can have changed, such as the caller's mean before the test:
 * y - θ (x - x̄), with θ = cov(x, y) / var(x) pooled within arms and x̄ of both (A. Deng, Y. Xu, R. Kohavi and T. Walker, Improving the
 * Sensitivity of Online Controlled Experiments by Utilizing Pre-Experiment Data, WSDM 2013). The mean difference stays the same in
 * expectation. A covariate without variance changes nothing.
 */
export function adjustByCovariate(stable: BivariateMoments, candidate: BivariateMoments): CupedArms | NoData {
  if (stable.count === 0 || candidate.count === 0) return noData("empty");
  const [m2X, m2Y, co] = [stable.m2X + candidate.m2X, stable.m2Y + candidate.m2Y, stable.co + candidate.co];
  const slope = m2X > 0 ? co / m2X : 0;
  const correlation = m2X > 0 && m2Y > 0 ? Math.max(-1, Math.min(1, co / Math.sqrt(m2X) / Math.sqrt(m2Y))) : 0;
  const meanX = stable.meanX + ((candidate.meanX - stable.meanX) * candidate.count) / (stable.count + candidate.count);
  const adjusted = (arm: BivariateMoments): Moments => ({
    count: arm.count, mean: arm.meanY - slope * (arm.meanX - meanX), m2: Math.max(0, arm.m2Y - 2 * slope * arm.co + slope * slope * arm.m2X),
  });
  const arms = { stable: adjusted(stable), candidate: adjusted(candidate), slope, correlation };
  const isFinite = [arms.stable.mean, arms.stable.m2, arms.candidate.mean, arms.candidate.m2, correlation].every(Number.isFinite);
  return isFinite ? arms : noData("not-finite");
}
