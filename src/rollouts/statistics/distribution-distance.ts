import type { NoData } from "./sequential-estimate.ts";
import { defaultAlpha, noData } from "./sequential-estimate.ts";
import { chiSquareUpper, logAdd, logBeta } from "./special-functions.ts";

/** Predictions of both arms in the same buckets, while the shares of traffic stayed the same. */
export interface DistributionPhase {
  readonly stable: readonly number[];
  readonly candidate: readonly number[];
  /** Candidate's share of the requests of both arms, as planned; 0.5 where both answered all of them (shadow). */
  readonly candidateShare: number;
}

export interface DistributionComparison {
  readonly status: "estimated";
  /** Jensen-Shannon divergence with base 2: 0 for equal distributions, 1 for those that share no bucket. */
  readonly distance: number;
  /** What the distance is on average when both arms draw from one distribution. */
  readonly distanceByChance: number;
  /** Population stability index: below 0.1 usually taken for none, above 0.2 for a large change. */
  readonly stabilityIndex: number;
  readonly stabilityIndexByChance: number;
  readonly chiSquare: number;
  readonly degrees: number;
  /** Of Pearson's test of homogeneity: right for one look and well filled buckets. */
  readonly chiSquarePValue: number;
  /** Always-valid, exact for any counts. */
  readonly pValue: number;
  readonly significant: boolean;
  readonly alpha: number;
}

/** How far from the planned share a bucket's may be: each weighs so many requests of the smaller arm. */
const concentrations = [1, 10, 100, 1000] as const;
/** Added to each bucket for the stability index, which has no value for an empty one (Jeffreys' prior). */
const priorCount = 0.5;

/**
 * How the predictions of two versions differ. Distances are of the counts of all phases together: J. Lin, Divergence Measures Based on
 * the Shannon Entropy, IEEE Transactions on Information Theory 37 (1991). By chance they show (B - 1)(1/n + 1/m), the stability index as it is
 * and Jensen-Shannon by 8 ln 2, with B buckets in use.
 *
 * The always-valid p-value asks whether the arm of a request says anything about its bucket. Without a difference each request of a
 * bucket is the candidate's with one probability, the same in all; so the likelihood of the arms with shares of their own in each bucket, mixed over
 * Beta(κπ, κ(1 - π)) for four κ, by the greatest one with a common share is at most a martingale (L. Wasserman, A. Ramdas and S.
 * Balakrishnan, Universal Inference, PNAS 117, 2020). The traffic need not keep to its planned share π. Phases multiply.
 *
 * A better model predicts differently too: judge by the distance, and take the p-value for whether it is more than chance. In a
 * shadow, where both answer the same inputs, arms are not independent: this test then only errs towards "no difference".
 */
export function compareDistributions(
  phases: readonly DistributionPhase[],
  options: { readonly alpha?: number } = {},
): DistributionComparison | NoData {
  const alpha = options.alpha ?? defaultAlpha;
  const buckets = phases.reduce((most, { stable, candidate }) => Math.max(most, stable.length, candidate.length), 0);
  const stable = new Float64Array(buckets);
  const candidate = new Float64Array(buckets);
  const evidence = new Float64Array(concentrations.length);
  for (const phase of phases) {
    for (let bucket = 0; bucket < buckets; bucket++) {
      stable[bucket]! += phase.stable[bucket] ?? 0;
      candidate[bucket]! += phase.candidate[bucket] ?? 0;
    }
    if (!(phase.candidateShare > 0 && phase.candidateShare < 1)) continue;
    concentrations.forEach((concentration, index) => (evidence[index]! += logEvidence(phase, concentration)));
  }
  const [n, m] = [sumOf(stable), sumOf(candidate)];
  if (!Number.isFinite(n + m)) return noData("not-finite");
  if (n === 0 || m === 0) return noData("empty");
  const used = stable.reduce((count, value, bucket) => count + (value + candidate[bucket]! > 0 ? 1 : 0), 0);
  let [chiSquare, divergence, stabilityIndex] = [0, 0, 0];
  for (let bucket = 0; bucket < buckets; bucket++) {
    const [s, c] = [stable[bucket]!, candidate[bucket]!];
    if (s + c === 0) continue;
    const [p, q] = [s / n, c / m];
    const middle = (p + q) / 2;
    divergence += (p > 0 ? p * Math.log2(p / middle) : 0) + (q > 0 ? q * Math.log2(q / middle) : 0);
    const [smoothP, smoothQ] = [(s + priorCount) / (n + priorCount * used), (c + priorCount) / (m + priorCount * used)];
    stabilityIndex += (smoothQ - smoothP) * Math.log(smoothQ / smoothP);
    chiSquare += ((s * m - c * n) ** 2 / (s + c)) / (n * m);
  }
  const mixture = evidence.reduce(logAdd, -Infinity) - Math.log(concentrations.length);
  const pValue = Math.min(1, Math.exp(-mixture));
  const stabilityIndexByChance = (used - 1) * (1 / n + 1 / m);
  return {
    status: "estimated",
    distance: Math.min(1, Math.max(0, divergence / 2)), distanceByChance: Math.min(1, stabilityIndexByChance / (8 * Math.LN2)),
    stabilityIndex, stabilityIndexByChance,
    chiSquare, degrees: used - 1, chiSquarePValue: chiSquareUpper(chiSquare, used - 1),
    pValue, significant: pValue <= alpha, alpha,
  };
}

function logEvidence({ stable, candidate, candidateShare }: DistributionPhase, concentration: number): number {
  const smaller = Math.min(candidateShare, 1 - candidateShare);
  const a = (concentration * candidateShare) / smaller;
  const b = (concentration * (1 - candidateShare)) / smaller;
  const prior = logBeta(a, b);
  let [sum, n, m] = [0, 0, 0];
  for (let bucket = 0; bucket < Math.max(stable.length, candidate.length); bucket++) {
    const [s, c] = [stable[bucket] ?? 0, candidate[bucket] ?? 0];
    if (s + c === 0) continue;
    sum += logBeta(a + c, b + s) - prior;
    n += s;
    m += c;
  }
  if (n > 0) sum -= n * Math.log(n / (n + m));
  if (m > 0) sum -= m * Math.log(m / (n + m));
  return sum;
}

function sumOf(counts: Float64Array): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
