import { nanoDollars } from "../../ledger/index.ts";
import type { RouteChoice } from "../../serving/index.ts";
import { safeHeader } from "../calls/answer-headers.ts";
import type { CallEnding } from "../calls/call-ending.ts";
import type { CallRecord } from "../calls/call-record.ts";
import type { RouteSplit } from "./route-splits.ts";
import type { MetLimit, SplitSample } from "./split-observer.ts";
import type { SplittableCall } from "./splittable-call.ts";
import { outcomeOf } from "./trial-outcome.ts";

/** A call, and the arm that it is with. */
export interface AssignedCall {
  split: RouteSplit;
  call: SplittableCall;
  choice: RouteChoice;
  /** `stable` or the name of an arm. */
  arm: string;
  revision: string;
}

export const stableArm = "stable";

/** Writes down with a call which settings it is carried out with: in its trace, and in what its caller is told. */
export function mark(record: CallRecord, { split, arm, revision, choice }: Pick<AssignedCall, "split" | "arm" | "revision"> & Partial<Pick<AssignedCall, "choice">>): void {
  const { rollout, phase } = split.active.route;
  Object.assign(record.attributes, { "slipway.rollout": rollout, "slipway.phase": phase, "slipway.arm": arm, "slipway.revision": revision });
  if (choice !== undefined && choice.fraction !== null) record.attributes["slipway.unit"] = `${choice.by === "key" ? "key" : "draw"} ${choice.fraction}`;
  record.headers = { "X-Slipway-Revision": revision, "X-Slipway-Arm": safeHeader(arm) };
}

export function sampleOf(
  { split, call, choice, arm, revision }: AssignedCall, record: CallRecord, ending: CallEnding, told: { isFailure: boolean; limit?: MetLimit | undefined; isRetry?: boolean; isLate?: boolean; ms?: number },
): SplitSample {
  return {
    route: split.active.route, arm, revision, callId: call.id, traceId: record.attribution.traceId, time: call.context.now, outcome: told.limit === undefined ? outcomeOf(ending, told.isLate) : "PROVIDER_LIMITED", isFailure: told.isFailure && told.limit === undefined, isRetry: told.isRetry === true, ...(told.limit === undefined ? {} : { limit: told.limit }),
    latencyUs: microseconds(told.ms ?? ending.totalMs), costDollars: dollars(ending.cost), choice: { by: choice.by, fraction: choice.fraction },
  };
}

export function microseconds(ms: number): number {
  return Math.round(ms * 1000);
}

export function dollars(nano: number | null): number | null {
  return nano === null ? null : nano / nanoDollars;
}
