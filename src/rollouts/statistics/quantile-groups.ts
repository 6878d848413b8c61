import { signedBucketValue } from "./signed-buckets.ts";

export interface GroupedCounts {
  stable: number[];
  candidate: number[];
}

/** As many as the usual bounds of the stability index (0.1, 0.2) were found for. */
const wanted = 10;
/** Within so many of the stable version's standard deviations, or this share of the value, of something that the stable version predicted, a prediction is still of its kind. */
const nearDeviations = 0.25;
const nearShare = 0.1;

/**
 * Puts signed buckets together to at most ten groups, each with about a tenth of the stable version's predictions, as the population stability
 * index is made; what lies between two groups belongs to the nearer one. Buckets of 10% are far too many for it: by chance alone the index of B
 * of them is (B - 1)(1/n + 1/m), and predictions that move by little change all of theirs. What the candidate predicts far from everything that the stable version
 * did is a group more, and what are not numbers another. `deviation` is the standard deviation of the stable version's predictions, 0 when unknown.
 */
export function groupByQuantiles(counts: { buckets: readonly number[]; stable: readonly number[]; candidate: readonly number[] }, deviation: number): GroupedCounts {
  const { buckets } = counts;
  const values = buckets.map((bucket) => signedBucketValue(bucket));
  const numbers = buckets.map((_, index) => index).filter((index) => !Number.isNaN(values[index]));
  const known = numbers.filter((index) => counts.stable[index]! > 0);
  const groupOf = groupsOf(known.map((index) => counts.stable[index]!));
  const groups = (groupOf.at(-1) ?? -1) + 1;
  const stable = new Array<number>(groups + 2).fill(0);
  const candidate = new Array<number>(groups + 2).fill(0);
  const [elsewhere, notNumbers] = [groups, groups + 1];
  known.forEach((index, place) => (stable[groupOf[place]!]! += counts.stable[index]!));
  buckets.forEach((_, index) => {
    if (!Number.isNaN(values[index])) return;
    stable[notNumbers]! += counts.stable[index]!;
    candidate[notNumbers]! += counts.candidate[index]!;
  });
  let place = 0;
  for (const index of numbers) {
    const count = counts.candidate[index]!;
    if (count === 0) continue;
    const value = values[index]!;
    const distanceTo = (other: number): number => Math.abs(value - values[known[other]!]!);
    while (place + 1 < known.length && distanceTo(place + 1) <= distanceTo(place)) place++;
    const isNear = known.length > 0 && distanceTo(place) <= Math.max(nearDeviations * deviation, nearShare * Math.abs(value));
    candidate[isNear ? groupOf[place]! : elsewhere]! += count;
  }
  return { stable, candidate };
}

/** The group of each of the counts, in their order: a new one begins where the next tenth of the sum does. */
function groupsOf(counts: readonly number[]): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let before = 0;
  let group = -1;
  let tenth = -1;
  return counts.map((count) => {
    // The middle of a count says to which tenth it belongs, so that a large one does not drag its neighbour along.
    const middle = Math.min(wanted - 1, Math.floor(((before + count / 2) / total) * wanted));
    before += count;
    if (middle !== tenth) group++;
    tenth = middle;
    return group;
  });
}
