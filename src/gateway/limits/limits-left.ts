import type { BucketLeft } from "./limit-store.ts";
import type { PartyKind, Wants } from "./limited-call.ts";

/** Of a call's limits of one measure the one that has least left. Whole numbers. */
export interface MeasureLeft {
  /** A minute's worth. */
  limit: number;
  remaining: number;
  /** Until it is full again, if nothing more is taken. */
  resetMs: number;
}

/** Null where nothing limits it. */
export interface LimitsLeft {
  requests: MeasureLeft | null;
  tokens: MeasureLeft | null;
}

/** Sums of fractions: what lacks less of a whole is not lacking. */
const tolerance = 1e-6;
/** Some thirty years: longer ones are as good as never, and are no moments that a date could name. */
const longestResetMs = 1e12;

/** `left`: of the call's buckets, in their order. `of`: whose limits count alone; all where it is not said. */
export function limitsLeft({ buckets, tokens }: Pick<Wants, "buckets" | "tokens">, left: readonly BucketLeft[], of?: PartyKind): LimitsLeft {
  let [leastRequests, leastTokens] = [-1, -1];
  for (let index = 0; index < buckets.length; index++) {
    if (of !== undefined && !buckets[index]!.bucket.id.startsWith(`${of}:`)) continue;
    const isTokens = tokens.includes(buckets[index]!.bucket);
    const least = isTokens ? leastTokens : leastRequests;
    if (least >= 0 && !isLess(left[index]!, left[least]!)) continue;
    if (isTokens) leastTokens = index;
    else leastRequests = index;
  }
  const measured = (index: number): MeasureLeft | null => (index < 0 ? null : measureOf(buckets[index]!.bucket.capacity, left[index]!));
  return { requests: measured(leastRequests), tokens: measured(leastTokens) };
}

/** What is left of a call's buckets when what it took of them is there again. */
export function leftWithout({ buckets }: Pick<Wants, "buckets">, left: readonly BucketLeft[]): BucketLeft[] {
  return buckets.map(({ bucket: { capacity, perMinute }, amount: own }, index) => {
    const { amount, fullInMs } = left[index]!;
    return { amount: Math.min(capacity, amount + own), fullInMs: Math.max(0, fullInMs - (own * 60_000) / perMinute) };
  });
}

/** Of two that have as much, the one that takes longer to be full. */
function isLess(one: BucketLeft, other: BucketLeft): boolean {
  return one.amount < other.amount || (one.amount === other.amount && one.fullInMs > other.fullInMs);
}

function measureOf(capacity: number, { amount, fullInMs }: BucketLeft): MeasureLeft {
  return { limit: Math.floor(capacity), remaining: Math.max(0, Math.floor(amount + tolerance)), resetMs: Math.min(longestResetMs, Math.max(0, Math.ceil(fullInMs - tolerance))) };
}
