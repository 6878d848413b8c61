import type { EpochMs } from "../../core/clock.ts";
import type { RouteChoice, TrafficRoute } from "../../serving/index.ts";

export type MetLimit = "shared" | "own";

/** How one revision of a route's settings did at one call; a call that stable had to answer for an arm makes two of them. */
export interface SplitSample {
  /** Its `model` is `route:NAME`. */
  route: TrafficRoute;
  /** `stable` or the name of an arm. */
  arm: string;
  revision: string;
  /** Of the caller's call: the same for an arm that failed and for stable that answered in its place. */
  callId: string;
  traceId: string;
  time: EpochMs;
  /** `ok`, `cached` or an error code; `CANDIDATE_TIMEOUT` where an arm's time was over. */
  outcome: string;
  /** Whether the settings are to blame, and not the caller or what holds for both. */
  isFailure: boolean;
  /** A provider had no room for it (a rate limit, a used up quota), which is no failure: `own` where the account that answered the same call for stable is none of those that had none. */
  limit?: MetLimit | undefined;
  /** Stable answered because an arm had failed: the call was not assigned to it. */
  isRetry: boolean;
  /** Until the whole answer was there. */
  latencyUs: number;
  /** US dollars; null where the price is not known. */
  costDollars: number | null;
  /** How the call was assigned, and the hash of its key; absent for a retry. */
  choice?: Pick<RouteChoice, "by" | "fraction">;
}

/** Both answers to one call. */
export interface SplitPair {
  route: TrafficRoute;
  callId: string;
  time: EpochMs;
  stable: { revision: string; latencyUs: number; costDollars: number | null };
  shadow: { arm: string; revision: string; latencyUs: number; costDollars: number | null; outcome: string; isFailure: boolean; /** Its `limit` is `own`. */ isLimited?: boolean; traceId: string };
}

/** Who watches how the revisions of routes do. Calls are made right after an answer: they must be cheap and never throw. Only routes that are split are told of. */
export interface SplitObserver {
  answered(sample: SplitSample): void;
  paired(pair: SplitPair): void;
  /** A shadow call was left out: too many were under way, they came too fast, or the budget had no room. */
  skipped(route: TrafficRoute): void;
}
