import type { Tensor } from "../core/tensor.ts";
import type { Contract } from "../registry/index.ts";

/** A version that runs beside what serves callers. */
export interface LoadedModel {
  /** Outputs of the model for one batch. Throws MODEL_RUN_FAILED, RUNNER_CRASHED. */
  predict(inputs: readonly Tensor[]): Promise<Tensor[]>;
  /** Ends it; answers when its memory is returned. */
  close(): Promise<void>;
}

/** Loads versions to be evaluated, whether they serve or not. */
export interface Predictor {
  /** One process for the version, killed when the signal aborts. Throws VERSION_FAILED, BLOB_NOT_FOUND, and why its environment cannot be made. */
  load(contract: Contract, signal: AbortSignal): Promise<LoadedModel>;
}
