import { AppError, toAppError } from "../../core/errors.ts";
import { defaultAnswer } from "./default-answer.ts";
import type { InferenceCall, InferenceResult } from "../open-inference/inference-service.ts";
import type { PredictionRecords } from "../predictions/prediction-records.ts";
import type { ServedModel } from "../served-model.ts";
import type { ServedVersion } from "../versions/served-version.ts";
import type { AnswerParts } from "../serving-parts.ts";
import type { TracedPrediction } from "../predictions/traced-prediction.ts";
import { reserveMs } from "./time-limit.ts";
import type { Assignment } from "../traffic/traffic-route.ts";
import { rowsIn, settleBreaker, type Tried } from "../versions/version-attempt.ts";
import { isAnswer, isOwnFailure } from "../versions/version-blame.ts";

type Try = (model: ServedModel, served: ServedVersion, call: InferenceCall, limitMs: number) => Promise<Tried>;

/** Outcome, in the prediction log, of a request that got the policy's default answer. */
const defaultOutcome = "default";

/** What answers when the version that should cannot: the policy's fallback model, then its default answer. */
export class Fallbacks {
  readonly #parts: AnswerParts;
  readonly #records: PredictionRecords;
  readonly #modelOf: (name: string) => ServedModel | undefined;
  readonly #try: Try;

  constructor(parts: AnswerParts, records: PredictionRecords, modelOf: (name: string) => ServedModel | undefined, tryVersion: Try) {
    this.#parts = parts;
    this.#records = records;
    this.#modelOf = modelOf;
    this.#try = tryVersion;
  }

  /** Milliseconds of a deadline that are kept for it. */
  reserveMs(model: ServedModel, deadlineMs: number): number {
    const { fallback } = model.policy;
    if (fallback.model !== null) return reserveMs(deadlineMs, this.#championOf(fallback.model)?.latency.p99Ms ?? null);
    return fallback.answer === null ? 0 : reserveMs(deadlineMs, 0);
  }

  /** Null where nothing can stand in. `leftMs` tells what is left of the deadline. */
  async answer(model: ServedModel, failed: Tried, call: InferenceCall, predictionId: string, leftMs: () => number, assignment: Assignment | null, trace: TracedPrediction | null): Promise<InferenceResult | null> {
    const other = await this.#fromModel(model, call, predictionId, leftMs(), trace);
    if (other !== null) return other;
    const { answer } = model.policy.fallback;
    if (answer === null) return null;
    const { version } = failed.served;
    const rows = rowsIn(failed.served, call);
    const outputs = defaultAnswer(answer, version.contract.signature, rows);
    if (outputs.length === 0) return null;
    await this.#records.write(model, version, {
      id: predictionId, now: call.now, requestId: call.id, rows, outcome: defaultOutcome, timing: failed.timing, inputs: call.inputs, outputs, assignment, traceId: trace === null ? null : trace.traceId,
    });
    trace?.tell({ predictionId, version: version.version, rows, outcome: defaultOutcome, timing: failed.timing, arm: "default answer", rollout: assignment?.rollout ?? null });
    return { predictionId, model: version.model, version: version.version, outputs, arm: "default answer" };
  }

  /** Of a model that has no version in memory to be asked. Throws VERSION_NOT_READY, MODEL_UNAVAILABLE. */
  async withoutVersion(model: ServedModel, call: InferenceCall, predictionId: string, trace: TracedPrediction | null): Promise<InferenceResult> {
    const other = await this.#fromModel(model, call, predictionId, Math.min(call.deadlineMs ?? Infinity, model.policy.serving.deadlineMs), trace);
    if (other !== null) return other;
    model.resolve(undefined);
    throw new AppError("MODEL_UNAVAILABLE", `${model.name} has no version that could answer.`, { retryAfterSeconds: 1 });
  }

  /** What the caller is told when nothing could stand in. */
  failureOf(model: ServedModel, { failure, served }: Tried): AppError {
    const error = failure ?? toAppError(undefined);
    const { fallback } = model.policy;
    if (fallback.model === null && fallback.answer === null) return error;
    // What the model refuses is the caller's to mend: no fallback took it either.
    if (error.status < 500) return error;
    const message = `Version ${served.version.version} of ${model.name} cannot answer now (${error.code}), and neither can its fallback.`;
    return new AppError("MODEL_UNAVAILABLE", message, { cause: error, retryAfterSeconds: error.retryAfterSeconds ?? 1 });
  }

  async #fromModel(model: ServedModel, call: InferenceCall, predictionId: string, limitMs: number, trace: TracedPrediction | null): Promise<InferenceResult | null> {
    const { model: name } = model.policy.fallback;
    const other = name === null ? undefined : this.#modelOf(name);
    const served = other?.activeVersion;
    if (other === undefined || served === undefined || !takesInputs(served, call)) return null;
    const { version } = served;
    // What it does not take would go into its batches, beside requests that do not have it.
    const inputs = call.inputs.filter((input) => version.contract.signature.inputs.some(({ name }) => name === input.name));
    const tried = await this.#try(other, served, { ...call, inputs }, limitMs);
    const { outcome, timing, outputs } = tried;
    if (tried.admitted) settleBreaker(served, outcome, isOwnFailure(outcome, limitMs, served.latency.p99Ms), this.#parts.clock.monotonic());
    const rows = rowsIn(served, { inputs });
    this.#parts.observer.answered({ version, time: call.now, rows, outcome, timing, inputs });
    trace?.asked({ as: "fallback", model: version.model, version: version.version, outcome, failure: tried.failure, timing });
    if (!isAnswer(outcome)) return null;
    await this.#records.write(other, version, { id: predictionId, now: call.now, requestId: call.id, rows, outcome, timing, inputs, outputs, assignment: null, traceId: trace === null ? null : trace.traceId });
    trace?.tell({ predictionId, version: version.version, rows, outcome, timing, arm: "fallback model", rollout: null });
    return { predictionId, model: version.model, version: version.version, outputs, arm: "fallback model" };
  }

  #championOf(name: string): ServedVersion | undefined {
    return this.#modelOf(name)?.activeVersion;
  }
}

/** The fallback may have been deployed anew since the policy was written. */
function takesInputs({ version }: ServedVersion, { inputs }: InferenceCall): boolean {
  const specs = version.contract.signature.inputs;
  return specs.every((spec) => inputs.some(({ name, datatype }) => name === spec.name && datatype === spec.datatype));
}
