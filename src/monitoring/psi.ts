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
  for (let index = 0; index < r.length; index++) sum += contribution(clippedShare(r[index]!), clippedShare(c[index] ?? 0));
  return sum;
}

export function clippedShare(share: number): number {
  return Math.max(epsilon, share);
}

/** What one bucket adds, given its clipped shares. */
export function contribution(reference: number, current: number): number {
  return (current - reference) * Math.log(current / reference);
}
