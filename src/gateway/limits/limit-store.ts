type MaybePromise<Value> = Value | Promise<Value>;

/** A token bucket: full at `capacity`, refilled evenly. */
export interface Bucket {
  /** Such as `key:key_01...:requests`. */
  id: string;
  capacity: number;
  perMinute: number;
}

export interface BucketWant {
  bucket: Bucket;
  /** May be more than the capacity: then it is taken from a full bucket, which goes below 0. */
  amount: number;
}

/** Calls under way. */
export interface Slot {
  id: string;
  most: number;
}

export type Taken = { taken: true } | { taken: false; /** The one that lacks most. */ id: string; waitMs: number };

/** A bucket after a decision. */
export interface BucketLeft {
  /** Below 0 where it is in debt. */
  amount: number;
  /** Until it is full again, if nothing more is taken. */
  fullInMs: number;
}

/** `left`: of each bucket, in the order in which they were asked for. */
export type TakenFrom = Taken & { left: readonly BucketLeft[] };

/** `left`: as in TakenFrom; not told where a slot refused, which is asked first. */
export type Entered = { taken: true; left: readonly BucketLeft[] } | (Extract<Taken, { taken: false }> & { left: readonly BucketLeft[] | null });

/**
 * Rates and concurrency of all callers, in this process or of all replicas (with the store's own clock). `limit-store.conformance.ts` holds what both promise. The embedded one answers without
 * waiting.
 */
export interface LimitStore {
  /** All or nothing: what one bucket refuses is taken from none. Who wants 0 learns what is left, and takes nothing. */
  take(wants: readonly BucketWant[]): MaybePromise<TakenFrom>;
  /** Corrects estimates: positive amounts are taken whatever is there, negative ones given back, never above the capacity. */
  adjust(wants: readonly BucketWant[]): MaybePromise<void>;
  /**
   * A place in each slot and, where these have one, what is wanted of buckets, as `take` gives it; all or nothing, and one question for a store that is far away. The ticket ends by itself after `leaseMs` where its holder dies;
   * `renew` lengthens it.
   */
  enter(ticket: string, slots: readonly Slot[], leaseMs: number, wants?: readonly BucketWant[]): MaybePromise<Entered>;
  renew(ticket: string, leaseMs: number): MaybePromise<void>;
  leave(ticket: string): MaybePromise<void>;
}
