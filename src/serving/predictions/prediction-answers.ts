import { toAppError } from "../../core/errors.ts";
import { rowsOf } from "../batching/batch.ts";
import { assertOutputs } from "../answers/check-outputs.ts";
import { GuardedAnswers } from "../answers/guarded-answers.ts";
import type { InferenceCall, InferenceResult } from "../open-inference/inference-service.ts";
import { PredictionRecords } from "./prediction-records.ts";
import type { ServedModel } from "../served-model.ts";
import type { AnswerParts } from "../serving-parts.ts";
import type { TracedPrediction } from "./traced-prediction.ts";
import { attempt } from "../versions/version-attempt.ts";

/** Answers single requests: from the cache or a runner, counted, observed and written to the prediction log. */
export class PredictionAnswers {
  readonly #parts: AnswerParts;
  readonly #records: PredictionRecords;
  readonly #guarded: GuardedAnswers;

  /** `modelOf` finds the models that stand in for others. */
  constructor(parts: AnswerParts, modelOf: (name: string) => ServedModel | undefined) {
    this.#parts = parts;
    this.#records = new PredictionRecords(parts);
    this.#guarded = new GuardedAnswers(parts, this.#records, modelOf);
  }

  /** Ends what nobody waits for. */
  stop(): void {
    this.#guarded.stop();
  }

  /** Throws INVALID_INPUT, VERSION_NOT_READY, MODEL_UNAVAILABLE and what the model failed with. */
  infer(model: ServedModel, call: InferenceCall): Promise<InferenceResult> {
    const trace = this.#parts.tracing?.begin(call) ?? null;
    return trace === null ? this.#answer(model, call, null) : this.#traced(model, call, trace);
  }

  async #traced(model: ServedModel, call: InferenceCall, trace: TracedPrediction): Promise<InferenceResult> {
    try {
      const result = await this.#answer(model, call, trace);
      trace.end(undefined);
      return result;
    } catch (thrown) {
      trace.end(toAppError(thrown));
      throw thrown;
    }
  }

  async #answer(model: ServedModel, call: InferenceCall, trace: TracedPrediction | null): Promise<InferenceResult> {
    // Who names a version gets that one and no other.
    if (model.isGuarded && call.version === undefined) return this.#guarded.infer(model, call, trace);
    const { clock, ids } = this.#parts;
    const served = model.resolve(call.version);
    const { version } = served;
    const rows = rowsOf(call.inputs, version.contract.signature.batchable);
    assertOutputs(call.outputs, version);
    const predictionId = ids.next("prediction");
    const { outcome, timing, outputs, failure } = await attempt(clock, model, served, call, Math.min(call.deadlineMs ?? Infinity, model.policy.serving.deadlineMs));
    this.#parts.observer.answered({ version, time: call.now, rows, outcome, timing, inputs: call.inputs });
    trace?.tell({ predictionId, version: version.version, rows, outcome, timing, arm: null, rollout: null });
    await this.#records.write(model, version, { id: predictionId, now: call.now, requestId: call.id, rows, outcome, timing, inputs: call.inputs, outputs, assignment: null, traceId: trace === null ? null : trace.traceId });
    if (failure !== undefined) throw failure;
    // The run is over, the observers have counted and the record is written.
    return { predictionId, model: version.model, version: version.version, outputs, inputsAreFree: true };
  }
}
