import { differenceError, fewestSamples } from "./confidence-sequence.ts";
import type { Moments } from "./moments.ts";
import type { SequentialOptions, SequentialResult } from "./sequential-estimate.ts";
import { defaultAlpha, estimated } from "./sequential-estimate.ts";
import { normalUpperQuantile } from "./special-functions.ts";

export interface MixtureTestOptions extends SequentialOptions {
  /** Variance of the differences that are expected, in the metric's unit squared. As the formula below has it unless given. */
  readonly tau?: number;
  /** Of each arm: below it the answer is "too-few". */
  readonly minimumSamples?: number;
}

/** Mixing variance of the mSPRT: Z²(α/2) (var_t + var_c) / (N_t + N_c). Null without a variance. */
export function mixingVariance(stable: Moments, candidate: Moments, alpha: number): number | null {
  if (stable.count < 2 || candidate.count < 2) return null;
  const variances = stable.m2 / (stable.count - 1) + candidate.m2 / (candidate.count - 1);
  return (normalUpperQuantileOf(alpha / 2) ** 2 * variances) / (stable.count + candidate.count);
}

/**
 * Mixture sequential probability ratio test of mean of the candidate less mean of the stable arm (Z. Zhao, M. Liu and A. Deb, Safely and
 * Quickly Deploying New Features with a Staged Rollout Framework Using Sequential Test and Adaptive Experimental Design, 2018; the
 * form of Statsig; after R. Johari, P. Koomen, L. Pekelis and D. Walsh, Always Valid Inference, Operations Research 70, 2022):
 *
 *     V = var_t / N_t + var_c / N_c,  reject when |Δ| / sqrt(V) > sqrt((V + τ) / τ (-2 ln(α/2) - ln(V / (V + τ))))
 *
 * with the variances of `differenceError`. Two-sided are two one-sided tests at α/2; a one-sided look takes α in place of α/2. The p-value is the least α of which that holds.
 *
 * With a `tau` that was fixed before, it holds for ever. With the formula's own, which shrinks as samples come, the bound is a constant
 * number of standard errors: 3.6 at equal shares, 5.4 at 5% (α = 0.05). That spends alpha on as long as a rollout lasts, not for ever, and needs
 * many samples at small shares: `meanDifferenceSequence` concludes earlier.
 */
export function mixtureTest(stable: Moments, candidate: Moments, options: MixtureTestOptions = {}): SequentialResult {
  const { alpha = defaultAlpha, side = "two-sided", nullValue = 0 } = options;
  const error = differenceError(stable, candidate, options.minimumSamples ?? fewestSamples);
  if (typeof error !== "number") return error;
  const variance = error * error;
  const tau = options.tau ?? mixingVariance(stable, candidate, alpha)!;
  const sides = side === "two-sided" ? 2 : 1;
  const growth = Math.log1p(tau / variance);
  const reach = Math.sqrt(((variance + tau) / tau) * (-2 * Math.log(alpha / sides) + growth)) * error;
  const estimate = candidate.mean - stable.mean;
  const distance = (side === "less" ? nullValue - estimate : estimate - nullValue) / error;
  const evidence = (distance * distance * tau) / (2 * (variance + tau)) - growth / 2;
  const pValue = sides === 1 && distance <= 0 ? 1 : sides * Math.exp(-evidence);
  return estimated(estimate, estimate - reach, estimate + reach, pValue, alpha, side);
}

let lastQuantile = { probability: NaN, z: NaN };

/** A rollout asks with the same alpha at every look. */
function normalUpperQuantileOf(probability: number): number {
  if (lastQuantile.probability !== probability) lastQuantile = { probability, z: normalUpperQuantile(probability) };
  return lastQuantile.z;
}
