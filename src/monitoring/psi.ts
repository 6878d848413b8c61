import { chiSquareQuantile } from "./chi-square.ts";

/** Shares are held above this, so that an empty bucket has a finite weight. */
const epsilon = 1e-6;

/** Share of each bucket; zeros when nothing was counted. */
export function shares(counts: ArrayLike<number>): number[] {
  const values = Array.from(counts);
  const total = values.reduce((sum, count) => sum + count, 0);
  return values.map((count) => (total === 0 ? 0 : count / total));
}

/** Population stability index: sum over buckets of (c - r) ln(c / r), with shares clipped at 1e-6. Both lists have the same buckets. */
export function populationStabilityIndex(reference: ArrayLike<number>, current: ArrayLike<number>): number {
  const r = shares(reference);
  const c = shares(current);
  let sum = 0;
  for (let index = 0; index < r.length; index++) {
    const clippedR = Math.max(epsilon, r[index]!);
    const clippedC = Math.max(epsilon, c[index] ?? 0);
    sum += (clippedC - clippedR) * Math.log(clippedC / clippedR);
  }
  return sum;
}

/**
 * What the PSI of two samples of one distribution stays under in 95 of 100 windows: with B buckets that hold anything it
 * is about chi-square with B - 1 degrees of freedom times (1/n + 1/m). n and m are the rows of the two samples.
 */
export function psiNoise(buckets: number, n: number, m: number): number | null {
  if (n === 0 || m === 0) return null;
  return buckets < 2 ? 0 : chiSquareQuantile(0.95, buckets - 1) * (1 / n + 1 / m);
}
