import type { EpochMs } from "../core/clock.ts";
import type { Tensor } from "../core/tensor.ts";
import type { ModelVersion } from "../registry/index.ts";
import type { PredictionTiming } from "./schemas.ts";

/** One answered request, as monitoring sees it. */
export interface ServingSample {
  version: ModelVersion;
  time: EpochMs;
  rows: number;
  /** `ok`, `cached` or an error code. */
  outcome: string;
  timing: PredictionTiming;
  inputs: readonly Tensor[];
}

/** What serving tells to whoever watches. Calls are made on the request path and must be cheap and never throw. */
export interface ServingObserver {
  answered(sample: ServingSample): void;
  /** A batch went through a runner. */
  ran(version: ModelVersion, rows: number, runUs: number): void;
  /** A request never reached the model: bad input, unknown version. */
  refused(model: string, code: string): void;
  /** A prediction was answered but could not be written to the log. */
  unlogged(version: ModelVersion): void;
}
