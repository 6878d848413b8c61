import { notANumberBucket as notANumber } from "../../../../src/rollouts/statistics/index.ts";
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

/** Null where there is nothing of either, or they answer different kinds of things. */
export function predictionShares(stable: Predictions, candidate: Predictions): PredictionShares | null {
  if (stable === null || candidate === null) return null;
  if (stable.kind === "number" && candidate.kind === "number") return ofNumbers(stable.counts, candidate.counts);
  if (stable.kind === "label" && candidate.kind === "label") return ofLabels(stable, candidate);
  return null;
}

type Counts = readonly (readonly [number, number])[];

/** Neighbouring buckets are put together until there are few enough to be read. */
function ofNumbers(stable: Counts, candidate: Counts): PredictionShares | null {
  const numbers = [...stable, ...candidate].map(([bucket]) => bucket).filter((bucket) => bucket !== notANumber);
  const hasNone = [...stable, ...candidate].some(([bucket]) => bucket === notANumber);
  if (numbers.length === 0 && !hasNone) return null;
  const [first, last] = numbers.length === 0 ? [0, -1] : [Math.min(...numbers), Math.max(...numbers)];
  const step = Math.max(1, Math.ceil((last - first + 1) / mostBuckets));
  const groups = Math.ceil((last - first + 1) / step);
  const labels = Array.from({ length: groups }, (_, index) => formatNumber(bucketLower(first + index * step), 2));
  if (hasNone) labels.push("NaN");
  const place = (bucket: number): number => (bucket === notANumber ? groups : Math.floor((bucket - first) / step));
  return { labels, stable: sharesOf(stable, place, labels.length), candidate: sharesOf(candidate, place, labels.length) };
}

function sharesOf(counts: Counts, place: (bucket: number) => number, length: number): number[] {
  const shares = new Array<number>(length).fill(0);
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  for (const [bucket, count] of counts) shares[place(bucket)]! += count / total;
  return shares;
}

/** The end of a bucket that is nearer to minus infinity; see `signedBucket` of the statistics. */
export function bucketLower(bucket: number): number {
  if (bucket === 0) return 0;
  return bucket > 0 ? 1e-6 * 1.1 ** (bucket - 1) : -1e-6 * 1.1 ** -bucket;
}

function ofLabels(stable: Extract<NonNullable<Predictions>, { kind: "label" }>, candidate: Extract<NonNullable<Predictions>, { kind: "label" }>): PredictionShares | null {
  const of = (side: typeof stable, label: string): number => side.counts[label] ?? 0;
  const totals = [stable, candidate].map((side) => Object.values(side.counts).reduce((sum, count) => sum + count, side.other));
  if (totals[0]! + totals[1]! === 0) return null;
  const all = [...new Set([...Object.keys(stable.counts), ...Object.keys(candidate.counts)])]
    .sort((a, b) => of(stable, b) + of(candidate, b) - of(stable, a) - of(candidate, a) || a.localeCompare(b));
  const labels = all.slice(0, mostLabels);
  const side = (which: typeof stable, total: number): number[] => {
    const shares = labels.map((label) => (total === 0 ? 0 : of(which, label) / total));
    return [...shares, total === 0 ? 0 : Math.max(0, 1 - shares.reduce((sum, share) => sum + share, 0))];
  };
  const [left, right] = [side(stable, totals[0]!), side(candidate, totals[1]!)];
  const hasOther = all.length > mostLabels || stable.other + candidate.other > 0;
  return { labels: hasOther ? [...labels, "other"] : labels, stable: hasOther ? left : left.slice(0, -1), candidate: hasOther ? right : right.slice(0, -1) };
}
