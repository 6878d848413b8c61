import type { EpochMs } from "../../core/clock.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { ModelVersion } from "../../registry/index.ts";
import type { RouteChoice } from "./assign.ts";
import type { TrafficRoute } from "./traffic-route.ts";

/** One attempt of a version at a routed request; one that stable had to repeat makes two of them. */
export interface ArmSample {
  route: TrafficRoute;
  /** `stable` or the name of an arm. */
  arm: string;
  version: ModelVersion;
  predictionId: string;
  time: EpochMs;
  rows: number;
  /** `ok`, `cached` or an error code; `INVALID_OUTPUT` and `CANDIDATE_TIMEOUT` where the answer was not let through. */
  outcome: string;
  /** Whether the version is to blame, and not the caller or a full queue of both. */
  isFailure: boolean;
  latencyUs: number;
  inputs: readonly Tensor[];
  outputs: readonly Tensor[];
  /** Stable answered this request because an arm had failed: it was not assigned to it. */
  isRetry: boolean;
  /** How the request was assigned, and the hash of its key. */
  choice?: Pick<RouteChoice, "by" | "fraction">;
}

/** Both answers to one request. */
export interface PairedSample {
  route: TrafficRoute;
  /** Id of the answer that the caller got. */
  predictionId: string;
  time: EpochMs;
  rows: number;
  stable: { version: ModelVersion; outputs: readonly Tensor[]; latencyUs: number };
  /** Outputs are empty unless the outcome is `ok`. */
  shadow: { arm: string; version: ModelVersion; outputs: readonly Tensor[]; latencyUs: number; outcome: string; isFailure: boolean };
}

/**
 * Who watches how the versions of a route do. Calls are made on the request path, or right after the answer: they must be cheap and
 * never throw. Only models with a route are told of.
 */
export interface TrafficObserver {
  answered(sample: ArmSample): void;
  paired(sample: PairedSample): void;
  /** A shadow request was left out because too many were under way, or came too fast. */
  shadowSkipped(route: TrafficRoute): void;
}

/** Tells two of everything. */
export function bothObservers(first: TrafficObserver, second: TrafficObserver): TrafficObserver {
  return {
    answered(sample) {
      first.answered(sample);
      second.answered(sample);
    },
    paired(sample) {
      first.paired(sample);
      second.paired(sample);
    },
    shadowSkipped(route) {
      first.shadowSkipped(route);
      second.shadowSkipped(route);
    },
  };
}
