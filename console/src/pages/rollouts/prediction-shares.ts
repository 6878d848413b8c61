import { notANumberBucket as notANumber } from "../../../../src/rollouts/statistics/index.ts";
import { nameOrder } from "../../../../src/core/name-order.ts";
import type { ArmFigures } from "../../data/types.ts";
import { formatNumber } from "../../format.ts";

type Predictions = ArmFigures["predictions"];

/** Shares of each version over the same buckets or labels. */
export interface PredictionShares {
  labels: string[];
  stable: number[];
  candidate: number[];
}

const mostBuckets = 16;
const mostLabels = 12;
/** The share of values at either end that does not stretch the axis. */
const tail = 0.002;

/** Null where there is nothing of either, or they answer different kinds of things. */
export function predictionShares(stable: Predictions, candidate: Predictions): PredictionShares | null {
  if (stable === null || candidate === null) return null;
  if (stable.kind === "number" && candidate.kind === "number") return ofNumbers(stable.counts, candidate.counts);
  if (stable.kind === "label" && candidate.kind === "label") return ofLabels(stable, candidate);
  return null;
}

type Counts = readonly (readonly [bucket: number, count: number])[];

/**
 * Bars of equal width over where nearly all values lie; a bucket that reaches over two bars is shared out. Values of one sign over more than two
 * decades get bars that grow with their distance from zero.
 */
function ofNumbers(stable: Counts, candidate: Counts): PredictionShares | null {
  const numbers = [...stable, ...candidate].filter(([bucket]) => bucket !== notANumber).sort((a, b) => a[0] - b[0]);
  const hasNone = numbers.length < stable.length + candidate.length;
  if (numbers.length === 0 && !hasNone) return null;
  const edges = numbers.length === 0 ? [] : edgesOf(bucketLower(atShare(numbers, tail)), bucketLower(atShare(numbers, 1 - tail) + 1));
  const labels = edges.slice(0, -1).map((edge) => formatNumber(edge, 2));
  if (hasNone) labels.push("NaN");
  return { labels, stable: sharesOf(stable, edges, labels.length), candidate: sharesOf(candidate, edges, labels.length) };
}

/** The bucket below which a share of all counts lies. */
function atShare(sorted: Counts, share: number): number {
  const total = sorted.reduce((sum, [, count]) => sum + count, 0);
  let seen = 0;
  for (const [bucket, count] of sorted) if ((seen += count) >= share * total) return bucket;
  return sorted.at(-1)![0];
}

function edgesOf(low: number, high: number): number[] {
  const sides = Math.sign(low) === Math.sign(high) && low !== 0 ? high / low : 0;
  const isWide = sides > 100 || (sides > 0 && sides < 0.01);
  return Array.from({ length: mostBuckets + 1 }, (_, index) => (isWide ? low * sides ** (index / mostBuckets) : low + ((high - low) * index) / mostBuckets));
}

/** What lies beyond the first or the last edge counts for the bar beside it. */
function sharesOf(counts: Counts, edges: readonly number[], length: number): number[] {
  const shares = new Array<number>(length).fill(0);
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  for (const [bucket, count] of counts) {
    if (bucket === notANumber) {
      shares[length - 1]! += count / total;
      continue;
    }
    const [from, to] = [bucketLower(bucket), bucketLower(bucket + 1)];
    for (let bar = 0; bar < edges.length - 1; bar++) {
      const low = bar === 0 ? -Infinity : edges[bar]!;
      const high = bar === edges.length - 2 ? Infinity : edges[bar + 1]!;
      const part = Math.max(0, Math.min(high, to) - Math.max(low, from)) / (to - from);
      if (part > 0) shares[bar]! += (count / total) * part;
    }
  }
  return shares;
}

/** The end of a bucket that is nearer to minus infinity; see `signedBucket` of the statistics. Bucket 0 reaches from -1e-6 to 1e-6. */
export function bucketLower(bucket: number): number {
  if (bucket === 0) return -1e-6;
  return bucket > 0 ? 1e-6 * 1.1 ** (bucket - 1) : -1e-6 * 1.1 ** -bucket;
}

function ofLabels(stable: Extract<NonNullable<Predictions>, { kind: "label" }>, candidate: Extract<NonNullable<Predictions>, { kind: "label" }>): PredictionShares | null {
  const of = (side: typeof stable, label: string): number => side.counts[label] ?? 0;
  const totals = [stable, candidate].map((side) => Object.values(side.counts).reduce((sum, count) => sum + count, side.other));
  if (totals[0]! + totals[1]! === 0) return null;
  const all = [...new Set([...Object.keys(stable.counts), ...Object.keys(candidate.counts)])]
    .sort((a, b) => of(stable, b) + of(candidate, b) - of(stable, a) - of(candidate, a) || nameOrder(a, b));
  const labels = all.slice(0, mostLabels);
  const side = (which: typeof stable, total: number): number[] => {
    const shares = labels.map((label) => (total === 0 ? 0 : of(which, label) / total));
    return [...shares, total === 0 ? 0 : Math.max(0, 1 - shares.reduce((sum, share) => sum + share, 0))];
  };
  const [left, right] = [side(stable, totals[0]!), side(candidate, totals[1]!)];
  const hasOther = all.length > mostLabels || stable.other + candidate.other > 0;
  return { labels: hasOther ? [...labels, "other"] : labels, stable: hasOther ? left : left.slice(0, -1), candidate: hasOther ? right : right.slice(0, -1) };
}
