import type { EpochMs } from "../../core/clock.ts";

/** One number that is asked of what a version predicted in a phase of a rollout. */
export interface MetricQuestion {
  /** One SELECT over `predictions`: a row for each row of each logged request. */
  sql: string;
  model: string;
  version: string;
  rollout: string;
  /** What figures of the phase are kept under. */
  phase: string;
  /** Whether answers that the version gave as a shadow count too. */
  withShadows: boolean;
  /** Predictions made in [from, to]. */
  from: EpochMs;
  to: EpochMs;
}

/** Answers SQL of users over the prediction log, apart from everything else. */
export interface MetricSource {
  /** Throws INVALID_PARAMETER unless it is one SELECT that can be read. Names of columns are looked at when it is run. */
  check(sql: string): Promise<void>;
  /**
   * Null when there are no rows, or the answer is NULL, NaN or infinite. Throws INVALID_PARAMETER for what `check` refuses, for names that do not exist and for an answer
   * that is not one number; PREDICTION_LOG_UNAVAILABLE when it takes too long or too much memory; SHUTTING_DOWN.
   */
  ask(question: MetricQuestion): Promise<number | null>;
  close(): Promise<void>;
}
