import type { NoData } from "./sequential-estimate.ts";
import { noData } from "./sequential-estimate.ts";
import { chiSquareUpper, logAdd, logGamma } from "./special-functions.ts";

/** What was counted while the allocation stayed the same. Every phase lists the same arms in the same order; an arm without traffic has share 0. */
export interface AllocationPhase {
  readonly arms: readonly { readonly share: number; readonly count: number }[];
}

export interface SampleRatio {
  readonly status: "estimated";
  /** Counts of each arm, not shares. */
  readonly expected: readonly number[];
  readonly observed: readonly number[];
  readonly chiSquare: number;
  readonly degrees: number;
  /** Of Pearson's test: right for one look, too small for many. */
  readonly pearsonPValue: number;
  /** Always-valid: may be looked at after every request. */
  readonly pValue: number;
  /** The always-valid p-value is at most alpha (0.001 unless given): the arms do not get the traffic that they should. */
  readonly mismatch: boolean;
}

export interface SampleRatioOptions {
  /** Of the p-value at which it is a mismatch; 0.001 unless given. */
  readonly alpha?: number;
  /**
   * Where the counts are of a sample of keys that is halved as more come: how often it was. Each sample is a test of its own, and the one after h halvings has
   * 1 / ((h + 1) (h + 2)) of alpha, which add up to alpha however many there will be; the p-value is multiplied by as much. Not given: the sample is for good.
   */
  readonly halvings?: number | undefined;
}

/** A false alarm stops a rollout that is sound, so it is asked for more than other tests are. */
const usualAlpha = 0.001;
/** Weight of the planned shares in the mixture, in requests, for small mismatches in much traffic (M. Lindon and A. Malek use as many). */
const fineConcentration = 10_000;

/**
 * Whether the arms get the traffic that the allocation says. `chiSquare` is Pearson's against the expected counts, summed over phases; where the
 * allocation changed, the counts vary less than one allocation's would, so that it errs towards no alarm. The always-valid p-value is
 * the reciprocal of a multinomial likelihood mixed over Dirichlet-distributed shares (M. Lindon and A. Malek, Anytime-Valid Inference for Multinomial
 * Count Data, NeurIPS 2022): half of it near the plan, half with the smallest share worth one request, which shows gross mismatches at once.
 * Phases multiply.
 *
 * Count what is drawn independently: keys when they are first seen, or requests without a key; not what rules sent, and not the many
 * requests of one key. An arm of share 0 with a count is a mismatch whatever the numbers.
 */
export function sampleRatio(phases: readonly AllocationPhase[], { alpha = usualAlpha, halvings }: SampleRatioOptions = {}): SampleRatio | NoData {
  const arms = phases[0]?.arms.length ?? 0;
  const observed = new Array<number>(arms).fill(0);
  const expected = new Array<number>(arms).fill(0);
  let isImpossible = false;
  for (const phase of phases) {
    const shares = phase.arms.reduce((sum, { share }) => sum + share, 0);
    const total = phase.arms.reduce((sum, { count }) => sum + count, 0);
    if (total === 0 || !(shares > 0)) continue;
    phase.arms.forEach(({ share, count }, arm) => {
      observed[arm]! += count;
      expected[arm]! += (share / shares) * total;
      if (share <= 0 && count > 0) isImpossible = true;
    });
  }
  const counted = observed.reduce((sum, count) => sum + count, 0);
  if (counted === 0) return noData("empty");
  if (!Number.isFinite(counted)) return noData("not-finite");
  let chiSquare = 0;
  let degrees = -1;
  expected.forEach((count, arm) => {
    if (count <= 0) return;
    chiSquare += (observed[arm]! - count) ** 2 / count;
    degrees++;
  });
  const pearsonPValue = isImpossible ? 0 : chiSquareUpper(chiSquare, degrees);
  const pValue = isImpossible ? 0 : Math.min(1, samplesFactor(halvings) * Math.exp(-logSampleRatioEvidence(phases)));
  return { status: "estimated", expected, observed, chiSquare, degrees, pearsonPValue, pValue, mismatch: pValue <= alpha };
}

function samplesFactor(halvings: number | undefined): number {
  return halvings === undefined ? 1 : (halvings + 1) * (halvings + 2);
}

/** ln of the evidence against the allocation: above -ln α it is a mismatch at this look. Cheap: for a look after every request. */
export function logSampleRatioEvidence(phases: readonly AllocationPhase[]): number {
  let [near, wide] = [0, 0];
  for (const phase of phases) {
    let [shares, smallest, total] = [0, Infinity, 0];
    for (const { share, count } of phase.arms) {
      if (share <= 0) continue;
      shares += share;
      smallest = Math.min(smallest, share);
      total += count;
    }
    if (total === 0) continue;
    near += logEvidence(phase, shares, fineConcentration);
    wide += logEvidence(phase, shares, shares / smallest);
  }
  return logAdd(near, wide) - Math.LN2;
}

/** ln of the likelihood of the phase's counts, mixed over shares around the planned ones, by that of the planned ones. */
function logEvidence({ arms }: AllocationPhase, shares: number, concentration: number): number {
  let sum = 0;
  let total = 0;
  for (const { share, count } of arms) {
    if (share <= 0) continue;
    const prior = (concentration * share) / shares;
    total += count;
    sum += logGamma(prior + count) - logGamma(prior) - count * Math.log(share / shares);
  }
  return sum + logGamma(concentration) - logGamma(concentration + total);
}
