import { chiSquareQuantile } from "./chi-square.ts";
import { clippedShare, contribution } from "./psi.ts";

/** Jeffreys' prior: a bucket that no reference row fell into still has a chance. */
const priorRows = 0.5;
/** Buckets that expect more rows than this, in the reference and live, follow the normal approximation. */
const manyRows = 50;
/** Beyond so many times the reference a longer window adds no noise worth counting. */
const longestWindow = 10;
/** Counts this much less likely than the likeliest are left out. */
const negligible = 1e-9;

/**
 * What the PSI stays under in 95 of 100 live windows of `rows` rows that come from the same distribution as the reference
 * did. Null when there is nothing to compare.
 *
 * The reference leaves the shares uncertain (Dirichlet, Jeffreys' prior), so a bucket's live rows are beta-binomial. Mean and
 * variance of what each bucket adds are summed, clipping of empty buckets included, and matched by a scaled chi-square
 * (Satterthwaite). Where all buckets are well filled that is chi-square with B - 1 degrees of freedom times (1/n + 1/m);
 * with rare buckets, which a short window leaves empty, chance shows many times more.
 *
 * `expected` are the rows that a second reference of the same size would have, where they are known to differ from those of the first.
 */
export function psiNoise(reference: readonly number[], rows: number, expected: readonly number[] = reference): number | null {
  const counted = reference.reduce((sum, count) => sum + count, 0);
  if (counted === 0 || rows === 0) return null;
  const whole = counted + priorRows * reference.length;
  const spread = (whole + rows) / (rows * (whole + 1));
  let mean = 0;
  let variance = 0;
  let squares = 0;
  for (const [position, count] of reference.entries()) {
    const prior = expected[position]! + priorRows;
    const share = prior / whole;
    const wellFilled = Math.min(count, prior, rows * share) > manyRows;
    const bucket = wellFilled ? normalMoments(share, count / counted, spread) : exactMoments(prior, whole, count / counted, Math.min(rows, longestWindow * Math.ceil(whole)));
    mean += bucket.mean;
    variance += bucket.variance;
    squares += share * share;
  }
  // Rows that one bucket has more another has less: what two buckets add goes together.
  variance += 2 * spread * spread * (1 - squares);
  if (reference.length < 2 || mean <= 0) return 0;
  return (chiSquareQuantile(0.95, (2 * mean * mean) / variance) * variance) / (2 * mean);
}

interface Moments {
  mean: number;
  variance: number;
}

/** By the second-order expansion of the bucket's part around its expected share. */
function normalMoments(share: number, reference: number, spread: number): Moments {
  const variance = share * (1 - share) * spread;
  const slope = Math.log(share / reference) + 1 - reference / share;
  const curvature = 1 / share + reference / (share * share);
  return { mean: contribution(reference, share) + (curvature * variance) / 2, variance: slope * slope * variance + (curvature * variance) ** 2 / 2 };
}

/** Over all numbers of live rows that the bucket may have, from the likeliest outwards. */
function exactMoments(prior: number, whole: number, reference: number, rows: number): Moments {
  const others = whole - prior;
  const r = clippedShare(reference);
  const likelier = (count: number): number => ((rows - count) * (prior + count)) / ((count + 1) * (others + rows - count - 1));
  let weights = 0;
  let first = 0;
  let second = 0;
  const add = (count: number, weight: number): void => {
    const part = contribution(r, clippedShare(count / rows));
    weights += weight;
    first += weight * part;
    second += weight * part * part;
  };
  // The mode of a beta-binomial; zero where the density falls from the start.
  const mode = prior <= 1 ? 0 : Math.min(rows, Math.max(0, Math.floor(((rows + 1) * (prior - 1)) / (whole - 2))));
  add(mode, 1);
  for (let count = mode, weight = 1; count < rows; count++) {
    weight *= likelier(count);
    if (weight < negligible) break;
    add(count + 1, weight);
  }
  for (let count = mode, weight = 1; count > 0; count--) {
    weight /= likelier(count - 1);
    if (weight < negligible) break;
    add(count - 1, weight);
  }
  const mean = first / weights;
  return { mean, variance: Math.max(0, second / weights - mean * mean) };
}
