import { counted } from "../../core/counted.ts";
import { AppError } from "../../core/errors.ts";
import { assertOutputs, outputProblem } from "./check-outputs.ts";
import { Fallbacks } from "./fallbacks.ts";
import type { InferenceCall, InferenceResult } from "../open-inference/inference-service.ts";
import type { PredictionRecords } from "../predictions/prediction-records.ts";
import type { ServedModel } from "../served-model.ts";
import type { ServedVersion } from "../versions/served-version.ts";
import type { AnswerParts } from "../serving-parts.ts";
import type { TracedPrediction } from "../predictions/traced-prediction.ts";
import { patienceMs, remainingMs, reserveMs } from "./time-limit.ts";
import type { ActiveRoute } from "../traffic/active-route.ts";
import type { RouteChoice } from "../traffic/assign.ts";
import { ShadowMirror } from "../traffic/shadow-mirror.ts";
import type { Assignment } from "../traffic/traffic-route.ts";
import { attempt, rowsIn, settleBreaker, type OutputCheck, type Tried } from "../versions/version-attempt.ts";
import { candidateTimeout, invalidOutput, isAnswer, isFailureBeside, isOwnFailure, isWorthAnother } from "../versions/version-blame.ts";

/** A request that was answered, or failed for good. */
interface Settled {
  failed: Tried | undefined;
  answer: Tried;
  /** Who answered, and who was to. */
  by: string;
  assigned: string;
  /** What such an answer takes the stable version. */
  usualMs: number | null;
  choice: RouteChoice | undefined;
}

/** A caller who left after this long, and ten times what stable needs, says something about the version. */
const longWaitMs = 1000;

/**
 * Answers for models where one version may stand in for another: those with a route, a fallback or a breaker. What a version fails at for
 * reasons of its own is answered by the stable version, then by the fallback model, then by the policy's default answer, in the same
 * request and within its deadline.
 */
export class GuardedAnswers {
  readonly #parts: AnswerParts;
  readonly #records: PredictionRecords;
  readonly #fallbacks: Fallbacks;
  readonly #mirror: ShadowMirror;

  constructor(parts: AnswerParts, records: PredictionRecords, modelOf: (name: string) => ServedModel | undefined) {
    this.#parts = parts;
    this.#records = records;
    this.#fallbacks = new Fallbacks(parts, records, modelOf, (model, served, call, limitMs) => this.#try(model, served, call, limitMs));
    this.#mirror = new ShadowMirror(parts, records);
  }

  /** Ends the shadow requests under way. */
  stop(): void {
    this.#mirror.stop();
  }

  async infer(model: ServedModel, call: InferenceCall, trace: TracedPrediction | null): Promise<InferenceResult> {
    const { clock, ids } = this.#parts;
    const startedAt = clock.monotonic();
    const { route } = model;
    const stable = (route && model.versions.get(route.route.stable)) ?? model.activeVersion;
    const predictionId = ids.next("prediction");
    const choice = route?.assign(call, predictionId);
    const arm = choice?.arm ?? null;
    const candidate = arm === null ? undefined : model.versions.get(arm.version);
    const first = candidate?.state === "ready" ? candidate : stable;
    if (first === undefined) return this.#fallbacks.withoutVersion(model, call, predictionId, trace);
    assertOutputs(call.outputs, first.version);
    const deadlineMs = Math.min(call.deadlineMs ?? Infinity, model.policy.serving.deadlineMs);
    const ownMs = deadlineMs - this.#fallbacks.reserveMs(model, deadlineMs);
    let failed: Tried | undefined;
    let answer: Tried | undefined;
    if (route !== undefined && first === candidate) {
      const tried = await this.#tryArm(model, route, candidate, stable, call, ownMs);
      if (isAnswer(tried.outcome) || !isWorthAnother(tried.outcome) || !route.route.retryOnStable || stable === undefined || stable === candidate) answer = tried;
      else {
        failed = tried;
        if (trace !== null) tellAsked(trace, arm!.name, tried);
      }
    }
    const reserved = failed === undefined ? 0 : reserveMs(ownMs, stable!.latency.p99Ms);
    answer ??= await this.#try(model, stable!, call, failed === undefined ? ownMs : remainingMs(ownMs, clock.monotonic() - startedAt, reserved));
    const isRetry = failed !== undefined;
    if (trace !== null && isRetry) tellAsked(trace, "stable", answer);
    const by = answer.served === first && arm !== null && first === candidate ? arm.name : "stable";
    this.#settle(route, call, predictionId, { failed, answer, by, assigned: arm?.name ?? by, usualMs: stable?.latency.p99Ms ?? null, choice });
    const assignment = route === undefined || choice === undefined ? null : assignmentOf(route, choice, by, failed);
    const timing = isRetry ? { ...answer.timing, totalUs: Math.round((clock.monotonic() - startedAt) * 1000) } : answer.timing;
    const record = { now: call.now, requestId: call.id, rows: rowsIn(answer.served, call), outcome: answer.outcome, timing, inputs: call.inputs, outputs: answer.outputs, assignment, traceId: trace === null ? null : trace.traceId };
    trace?.tell({ predictionId, version: answer.served.version.version, rows: record.rows, outcome: answer.outcome, timing, arm: route === undefined ? null : by, rollout: route === undefined ? null : route.route.rollout });
    if (answer.failure !== undefined && isWorthAnother(answer.outcome)) {
      const leftMs = (): number => remainingMs(deadlineMs, clock.monotonic() - startedAt, deadlineMs - ownMs);
      const instead = await this.#fallbacks.answer(model, answer, call, predictionId, leftMs, assignment, trace);
      // The caller's id is the fallback's; the failure is kept under one of its own.
      await this.#records.write(model, answer.served.version, { id: instead === null ? predictionId : ids.next("prediction"), ...record });
      if (instead !== null) return instead;
      throw this.#fallbacks.failureOf(model, answer);
    }
    await this.#records.write(model, answer.served.version, { id: predictionId, ...record });
    if (answer.failure !== undefined) throw answer.failure;
    const { model: name, version } = answer.served.version;
    if (route === undefined) return { predictionId, model: name, version, outputs: answer.outputs };
    if (arm === null && answer.outcome === "ok") this.#mirror.offer(model, route, call, { predictionId, stable: answer.served, outputs: answer.outputs, timing, choice: choice!, trace });
    return { predictionId, model: name, version, outputs: answer.outputs, arm: by };
  }

  /** Asks an arm with what stable does not need of the time; what it answers is looked at before anybody gets it. */
  async #tryArm(model: ServedModel, { route }: ActiveRoute, served: ServedVersion, stable: ServedVersion | undefined, call: InferenceCall, ownMs: number): Promise<Tried> {
    const mayRetry = route.retryOnStable && stable !== undefined;
    const keptMs = mayRetry ? ownMs - reserveMs(ownMs, stable.latency.p99Ms) : ownMs;
    // An answer later than that counts as a failure anyway: rather have it from stable.
    const limitMs = Math.min(keptMs, mayRetry ? (route.hard.latencyMs ?? patienceMs(stable.latency.p99Ms)) : Infinity);
    const { signature } = served.version.contract;
    const held = (stable ?? served).version.contract.signature;
    const tried = served.isDead
      ? refused(served, new AppError("RUNNER_CRASHED", `The process of version ${served.version.version} of ${model.name} died; another one starts.`))
      : await this.#try(model, served, call, limitMs, (outputs) => outputProblem(outputs, signature, call.inputs, held));
    if (tried.outcome === "DEADLINE_EXCEEDED") tried.outcome = candidateTimeout;
    if (tried.outcome === "OUTPUT_INVALID") tried.outcome = invalidOutput;
    return tried;
  }

  async #try(model: ServedModel, served: ServedVersion, call: InferenceCall, limitMs: number, check?: OutputCheck): Promise<Tried> {
    const { clock } = this.#parts;
    const { breaker } = served;
    if (breaker !== undefined && !breaker.admits(clock.monotonic())) {
      const waitSeconds = Math.max(1, Math.ceil(breaker.waitMs(clock.monotonic()) / 1000));
      const message = `Version ${served.version.version} of ${served.version.model} failed ${counted(breaker.limits.failures, "time")} in a row and is left alone for ${waitSeconds} s.`;
      return refused(served, new AppError("MODEL_UNAVAILABLE", message, { retryAfterSeconds: waitSeconds }));
    }
    return Object.assign(await attempt(clock, model, served, call, limitMs, check), { served, limitMs, admitted: breaker !== undefined });
  }

  /** Says who is to blame, to breakers and to those who watch: once both have been asked, for an input that no version takes is nobody's fault. */
  #settle(route: ActiveRoute | undefined, call: InferenceCall, predictionId: string, { failed, answer, by, assigned, usualMs, choice }: Settled): void {
    if (failed !== undefined) this.#tell(route, call, predictionId, failed, assigned, isBlamed(failed, answer, call, usualMs), false, choice);
    const wasTooLong = answer.outcome === "CALLER_GONE" && by !== "stable" && answer.timing.totalUs / 1000 >= Math.max(longWaitMs, 10 * (usualMs ?? 0));
    this.#tell(route, call, predictionId, answer, by, wasTooLong || isOwnFailure(answer.outcome, answer.limitMs, usualMs), failed !== undefined, choice);
  }

  #tell(route: ActiveRoute | undefined, call: InferenceCall, predictionId: string, tried: Tried, arm: string, isFailure: boolean, isRetry: boolean, choice: RouteChoice | undefined): void {
    const { served, outcome, timing, outputs } = tried;
    const { version } = served;
    if (tried.admitted) settleBreaker(served, outcome, isFailure, this.#parts.clock.monotonic());
    const rows = rowsIn(served, call);
    this.#parts.observer.answered({ version, time: call.now, rows, outcome, timing, inputs: call.inputs });
    if (route === undefined) return;
    this.#parts.traffic.answered({
      route: route.route, arm, version, predictionId, time: call.now, rows, outcome, isFailure, latencyUs: timing.totalUs, inputs: call.inputs, outputs, isRetry,
      ...(choice === undefined ? {} : { choice }),
    });
  }
}

function tellAsked(trace: TracedPrediction, as: string, { served, outcome, failure, timing }: Tried): void {
  trace.asked({ as, model: served.version.model, version: served.version.version, outcome, failure, timing });
}

/** Whether an arm failed at what stable could do. */
function isBlamed(failed: Tried, answer: Tried, call: InferenceCall, usualMs: number | null): boolean {
  if (!isAnswer(answer.outcome)) return false;
  // Stable is not held to it otherwise; where it answers such numbers too, they are what the model answers.
  if (failed.outcome === invalidOutput && outputProblem(answer.outputs, answer.served.version.contract.signature, call.inputs, answer.served.version.contract.signature) !== null) return false;
  return isFailureBeside(failed.outcome, failed.limitMs, usualMs);
}

/** As if it had been asked. */
function refused(served: ServedVersion, failure: AppError): Tried {
  return { served, outputs: [], outcome: failure.code, failure, timing: { queueUs: 0, runUs: 0, totalUs: 0, batchRows: 0 }, limitMs: 0, admitted: false };
}

function assignmentOf({ route }: ActiveRoute, { by, fraction }: RouteChoice, arm: string, failed: Tried | undefined): Assignment {
  const attempted = failed && { arm: failedArm(route.arms, failed), version: failed.served.version.version, outcome: failed.outcome, totalUs: failed.timing.totalUs };
  return { rollout: route.rollout, phase: route.phase, arm, by, fraction, failed: attempted ?? null, shadowOf: null };
}

function failedArm(arms: readonly { name: string; version: string }[], { served }: Tried): string {
  return arms.find(({ version }) => version === served.version.version)?.name ?? served.version.version;
}
