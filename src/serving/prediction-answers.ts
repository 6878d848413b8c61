import { AppError, toAppError } from "../core/errors.ts";
import { fractionOfId } from "../core/ids.ts";
import type { Tensor } from "../core/tensor.ts";
import type { ModelVersion } from "../registry/index.ts";
import { rowsOf } from "./batch.ts";
import { logTensors } from "./log-entry.ts";
import type { InferenceCall, InferenceResult } from "./open-inference/inference-service.ts";
import { cacheKey } from "./prediction-cache.ts";
import type { PredictionTiming } from "./schemas.ts";
import type { ServedModel } from "./served-model.ts";
import { logFailure, type ServingParts } from "./serving-parts.ts";

/** Answers single requests: from the cache or a runner, counted, observed and written to the prediction log. */
export class PredictionAnswers {
  readonly #parts: Pick<ServingParts, "clock" | "ids" | "observer" | "log" | "logger">;

  constructor(parts: Pick<ServingParts, "clock" | "ids" | "observer" | "log" | "logger">) {
    this.#parts = parts;
  }

  /** Throws INVALID_INPUT, VERSION_NOT_READY and what the model failed with. */
  async infer(model: ServedModel, call: InferenceCall): Promise<InferenceResult> {
    const { clock, ids } = this.#parts;
    const startedAt = clock.monotonic();
    const served = model.resolve(call.version);
    const { version } = served;
    const rows = rowsOf(call.inputs, version.contract.signature.batchable);
    assertOutputs(call.outputs, version);
    const predictionId = ids.next("prediction");
    const timing: PredictionTiming = { queueUs: 0, runUs: 0, totalUs: 0, batchRows: 0 };
    let outputs: Tensor[] = [];
    let outcome = "ok";
    let failure: AppError | undefined;
    try {
      const cache = model.cacheOf(version.version);
      const key = cache === undefined ? "" : cacheKey(call.inputs);
      const cached = cache?.get(key, startedAt);
      if (cached !== undefined) {
        outcome = "cached";
        outputs = cached;
      } else {
        const deadlineMs = Math.min(call.deadlineMs ?? Infinity, model.policy.serving.deadlineMs);
        const result = await served.submit(call.inputs, deadlineMs, call.connection);
        timing.queueUs = Math.round(result.queueUs);
        timing.runUs = Math.round(result.runUs);
        timing.batchRows = result.batchRows;
        outputs = result.outputs;
        cache?.set(key, outputs, startedAt);
      }
    } catch (thrown) {
      failure = toAppError(thrown);
      outcome = failure.code;
    }
    timing.totalUs = Math.round((clock.monotonic() - startedAt) * 1000);
    served.totals.answered(outcome, timing, model.policy.cache.enabled, call.now);
    this.#parts.observer.answered({ version, time: call.now, rows, outcome, timing, inputs: call.inputs });
    await this.#log(predictionId, call, model, version, rows, outcome, timing, outputs);
    if (failure !== undefined) throw failure;
    return { predictionId, model: version.model, version: version.version, outputs };
  }

  async #log(
    id: string, call: InferenceCall, model: ServedModel, version: ModelVersion, rows: number, outcome: string, timing: PredictionTiming, outputs: readonly Tensor[],
  ): Promise<void> {
    const policy = model.policy.log;
    if (policy.sampleRate < 1 && fractionOfId(id) >= policy.sampleRate) return;
    const { signature } = version.contract;
    try {
      await this.#parts.log.append({
        id, time: call.now, model: version.model, version: version.version, requestId: call.id, rows, outcome, timing,
        inputs: logTensors(call.inputs, signature.inputs, policy),
        outputs: logTensors(outputs, signature.outputs, policy),
      });
    } catch (error) {
      // A full disk must not stop predictions; the metric and the log say that the record has a gap.
      this.#parts.observer.unlogged(version);
      logFailure(this.#parts.logger, "prediction.not_logged", version.model, error);
    }
  }
}

function assertOutputs(names: readonly string[] | undefined, version: ModelVersion): void {
  const unknown = names?.filter((name) => !version.contract.signature.outputs.some((output) => output.name === name)) ?? [];
  if (unknown.length === 0) return;
  const known = version.contract.signature.outputs.map((output) => output.name).join(", ");
  throw new AppError("INVALID_INPUT", `The model has no output named ${unknown.map((name) => JSON.stringify(name)).join(", ")}; it has ${known}.`);
}
