/**
 * Which difference is looked for. `greater`: that the candidate's value is greater (it is worse, where less is better);
 * the interval then has a lower bound only. One question per side: a one-sided look at level alpha is wrong in at most alpha.
 */
export type Side = "two-sided" | "greater" | "less";

/**
 * empty: an arm has nothing yet. too-few: fewer than the minimum, under which the mathematics do not hold. no-variance: all values
 * of both arms are alike, so there is no measure of chance. identical: every pair was the same in both versions. not-finite:
 * a sum left the range of doubles. An answer without data is never a pass and never a failure.
 */
export type NoDataReason = "empty" | "too-few" | "no-variance" | "identical" | "not-finite";

export interface NoData {
  readonly status: "no-data";
  readonly reason: NoDataReason;
}

/**
 * What is known of a value, valid however often one looks and whenever one stops: over the whole time the interval misses the
 * true value with probability `alpha` at most. `low` or `high` is null where there is no bound.
 */
export interface SequentialEstimate {
  readonly status: "estimated";
  readonly estimate: number;
  readonly low: number | null;
  readonly high: number | null;
  /** Always-valid p-value of the null value (none, unless the options name one): it may be compared with alpha at every look. */
  readonly pValue: number;
  /** pValue <= alpha */
  readonly significant: boolean;
  readonly alpha: number;
  readonly side: Side;
}

export type SequentialResult = SequentialEstimate | NoData;

/** What all sequential tests ask. */
export interface SequentialOptions {
  /** Chance, over all looks together, of seeing what is not there; 0.05 unless given. */
  readonly alpha?: number;
  readonly side?: Side;
  /** The value that is tested: 0 for differences, 1 for ratios unless given. A tolerance, for a test of being worse by more than it. */
  readonly nullValue?: number;
}

export const defaultAlpha = 0.05;

export function noData(reason: NoDataReason): NoData {
  return { status: "no-data", reason };
}

/** The sequential estimate with everything that follows from bounds and p-value; "not-finite" where a number is not one. */
export function estimated(estimate: number, low: number | null, high: number | null, pValue: number, alpha: number, side: Side): SequentialResult {
  const bounded = (bound: number | null): number | null => (bound === null || !Number.isFinite(bound) ? null : bound);
  if (!Number.isFinite(estimate) || Number.isNaN(pValue) || Number.isNaN(low) || Number.isNaN(high)) return noData("not-finite");
  const p = Math.min(1, Math.max(0, pValue));
  return {
    status: "estimated", estimate, low: side === "less" ? null : bounded(low), high: side === "greater" ? null : bounded(high), pValue: p,
    significant: p <= alpha, alpha, side,
  };
}

/**
 * What is known after one more look: the smallest p-value and the narrowest bounds so far, which always-valid ones keep their
 * promise for. Not for figures that were reset in between. Where the bounds no longer meet, the value itself has moved and
 * the newest bounds stand alone; a significance that was reached stays reached.
 */
export function carryForward(previous: SequentialResult | null, current: SequentialResult): SequentialResult {
  if (previous === null || previous.status === "no-data" || current.status === "no-data") return current;
  const low = previous.low === null || current.low === null ? current.low : Math.max(previous.low, current.low);
  const high = previous.high === null || current.high === null ? current.high : Math.min(previous.high, current.high);
  const meet = low === null || high === null || low <= high;
  const pValue = Math.min(previous.pValue, current.pValue);
  return { ...current, low: meet ? low : current.low, high: meet ? high : current.high, pValue, significant: pValue <= current.alpha };
}

/** What has bounds: a sequential estimate, a ratio of rates, a quantile or a ratio of two. */
interface Bounded {
  readonly status: "estimated";
  readonly low: number | null;
  readonly high: number | null;
}

/** Where the true value lies beside a limit: `over` and `within` are each wrong in at most alpha of all rollouts. */
export type LimitVerdict = "over" | "within" | "undecided" | "no-data";

/** `over`: the value is above the limit, beyond chance. `within`: it is not above. `undecided` takes more samples. */
export function againstLimit(result: Bounded | NoData, limit: number): LimitVerdict {
  if (result.status === "no-data") return "no-data";
  if (result.low !== null && result.low > limit) return "over";
  return result.high !== null && result.high <= limit ? "within" : "undecided";
}
