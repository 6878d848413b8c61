import type { Clock } from "../../core/clock.ts";
import { AppError, toAppError } from "../../core/errors.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { InferenceCall } from "../open-inference/inference-service.ts";
import { rowsOf } from "../batching/batch.ts";
import { cacheKey } from "../predictions/prediction-cache.ts";
import type { PredictionTiming } from "../schemas.ts";
import type { ServedModel } from "../served-model.ts";
import type { ServedVersion } from "./served-version.ts";
import { isAnswer } from "./version-blame.ts";

/** What came of asking one version. */
export interface VersionAttempt {
  outputs: Tensor[];
  /** `ok`, `cached` or the code of the failure. */
  outcome: string;
  failure: AppError | undefined;
  /** Of this attempt alone. */
  timing: PredictionTiming;
}

/** What is wrong with outputs; null when nothing is. */
export type OutputCheck = (outputs: readonly Tensor[]) => string | null;

/** A version that was asked, and what came of it. */
export interface Tried extends VersionAttempt {
  served: ServedVersion;
  /** What it had, in milliseconds. */
  limitMs: number;
  /** Its breaker let it be asked, and is to be told. */
  admitted: boolean;
}

/**
 * Asks a version, or its cache; never rejects. `check` says what is wrong with outputs that must not be let through: they become the
 * failure OUTPUT_INVALID and are not cached.
 */
export async function attempt(
  clock: Clock, model: ServedModel, served: ServedVersion, call: Pick<InferenceCall, "inputs" | "connection" | "now">, deadlineMs: number,
  check?: OutputCheck,
): Promise<VersionAttempt> {
  const startedAt = clock.monotonic();
  const timing: PredictionTiming = { queueUs: 0, runUs: 0, totalUs: 0, batchRows: 0 };
  let outputs: Tensor[] = [];
  let outcome = "ok";
  let failure: AppError | undefined;
  try {
    const cache = model.cacheOf(served.version.version);
    const key = cache === undefined ? "" : cacheKey(call.inputs);
    const cached = cache?.get(key, startedAt);
    if (cached !== undefined) {
      outcome = "cached";
      outputs = cached;
    } else {
      const result = await served.submit(call.inputs, deadlineMs, call.connection);
      timing.queueUs = Math.round(result.queueUs);
      timing.runUs = Math.round(result.runUs);
      timing.batchRows = result.batchRows;
      const problem = check?.(result.outputs) ?? null;
      if (problem !== null) throw new AppError("OUTPUT_INVALID", `Version ${served.version.version} of ${model.name} answered what its contract does not allow. ${problem}`);
      outputs = result.outputs;
      cache?.set(key, outputs, startedAt);
    }
  } catch (thrown) {
    failure = toAppError(thrown);
    outcome = failure.code;
  }
  timing.totalUs = Math.round((clock.monotonic() - startedAt) * 1000);
  if (outcome === "ok") served.latency.add(timing.totalUs);
  served.totals.answered(outcome, timing, model.policy.cache.enabled, call.now);
  return { outputs, outcome, failure, timing };
}

/** Tells a version's breaker what came of it. */
export function settleBreaker({ breaker }: ServedVersion, outcome: string, isFailure: boolean, now: number): void {
  if (breaker === undefined) return;
  if (isAnswer(outcome)) breaker.succeeded();
  else if (isFailure) breaker.failed(now);
  else breaker.released();
}

/** Rows of a request, as the version counts them. */
export function rowsIn(served: ServedVersion, { inputs }: Pick<InferenceCall, "inputs">): number {
  return rowsOf(inputs, served.version.contract.signature.batchable);
}
