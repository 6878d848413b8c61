import { outputProblem } from "../answers/check-outputs.ts";
import type { CallConnection, InferenceCall } from "../open-inference/inference-service.ts";
import type { PredictionRecords } from "../predictions/prediction-records.ts";
import type { PredictionTiming } from "../schemas.ts";
import type { ServedModel } from "../served-model.ts";
import type { ServedVersion } from "../versions/served-version.ts";
import { logFailure, type AnswerParts } from "../serving-parts.ts";
import type { TracedPrediction } from "../predictions/traced-prediction.ts";
import { patienceMs } from "../answers/time-limit.ts";
import { attempt, rowsIn, type OutputCheck, type VersionAttempt } from "../versions/version-attempt.ts";
import { candidateTimeout, invalidOutput, isFailureBeside } from "../versions/version-blame.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { ActiveRoute } from "./active-route.ts";
import type { RouteChoice } from "./assign.ts";
import type { TrafficRoute } from "./traffic-route.ts";

/** A request that stable answered. */
export interface Mirrored {
  predictionId: string;
  stable: ServedVersion;
  outputs: readonly Tensor[];
  timing: PredictionTiming;
  choice: RouteChoice;
  /** Null for a request without a span. */
  trace: TracedPrediction | null;
}

type Shadow = NonNullable<TrafficRoute["shadow"]>;

/**
 * Asks a version what another one has just answered, for comparison alone. It begins when the caller's answer is on its way, and what it
 * comes to is seen by nobody but those who compare. Where too many are under way, they come too fast, or the stable version has a queue,
 * a request is not mirrored, and counted.
 */
export class ShadowMirror {
  readonly #parts: AnswerParts;
  readonly #records: PredictionRecords;
  readonly #underWay = new Set<AbortController>();
  #stopped = false;

  constructor(parts: AnswerParts, records: PredictionRecords) {
    this.#parts = parts;
    this.#records = records;
  }

  /** Never throws and never waits. */
  offer(model: ServedModel, route: ActiveRoute, call: InferenceCall, mirrored: Mirrored): void {
    const shadow = route.shadowFor(mirrored.predictionId);
    if (shadow === null || this.#stopped) return;
    const served = model.versions.get(shadow.version);
    if (served === undefined || served.state !== "ready") return;
    if (mirrored.stable.queueRows > 0 || served.isDead || !route.shadowGate.enters(this.#parts.clock.monotonic())) return this.#parts.traffic.shadowSkipped(route.route);
    // Of the call only what is needed stays: its connection is not kept alive. Inputs are views of the body, which nobody writes to or uses again.
    const { inputs, id, now } = call;
    setImmediate(() => {
      void this.#ask(model, route, shadow, served, { inputs, id, now }, mirrored)
        .catch((error: unknown) => logFailure(this.#parts.logger, "shadow.failed", model.name, error))
        .finally(() => route.shadowGate.leave());
    });
  }

  /** Ends what is under way. */
  stop(): void {
    this.#stopped = true;
    for (const controller of this.#underWay) controller.abort();
  }

  async #ask(model: ServedModel, { route }: ActiveRoute, shadow: Shadow, served: ServedVersion, call: Pick<InferenceCall, "inputs" | "id" | "now">, mirrored: Mirrored): Promise<void> {
    const { predictionId, stable, choice, trace } = mirrored;
    const { version } = served;
    // As long as an arm is waited for: one that hangs is to be found out as soon here, and not when every place has waited for the whole deadline.
    const limitMs = Math.min(model.policy.serving.deadlineMs, route.hard.latencyMs ?? patienceMs(stable.latency.p99Ms));
    const rows = rowsIn(served, call);
    const held = stable.version.contract.signature;
    const problemOf: OutputCheck = (outputs) => outputProblem(outputs, version.contract.signature, call.inputs, held);
    const tried = await this.#attempt(model, served, call, limitMs, problemOf);
    if (tried === null || tried.outcome === "QUEUE_FULL" || tried.outcome === "VERSION_NOT_READY") return this.#parts.traffic.shadowSkipped(route);
    const outcome = tried.outcome === "DEADLINE_EXCEEDED" ? candidateTimeout : tried.outcome === "OUTPUT_INVALID" ? invalidOutput : tried.outcome;
    const isFailure = isFailureBeside(outcome, limitMs, stable.latency.p99Ms) && !(outcome === invalidOutput && outputProblem(mirrored.outputs, held, call.inputs, held) !== null);
    this.#parts.traffic.paired({
      route, predictionId, time: call.now, rows,
      stable: { version: stable.version, outputs: mirrored.outputs, latencyUs: mirrored.timing.totalUs },
      shadow: { arm: shadow.arm, version, outputs: tried.outputs, latencyUs: tried.timing.totalUs, outcome: outcome === "cached" ? "ok" : outcome, isFailure },
    });
    const id = this.#parts.ids.next("prediction");
    trace?.asked({ as: "shadow", model: model.name, version: version.version, outcome, failure: tried.failure, timing: tried.timing, predictionId: id });
    await this.#records.write(model, version, {
      id, sampledBy: predictionId, now: call.now, requestId: call.id, rows, outcome, timing: tried.timing, inputs: call.inputs, outputs: tried.outputs,
      assignment: { rollout: route.rollout, phase: route.phase, arm: shadow.arm, by: choice.by, fraction: choice.fraction, failed: null, shadowOf: predictionId },
      traceId: trace === null ? null : trace.traceId,
    });
  }

  /** Null when it was ended from here. */
  async #attempt(
    model: ServedModel, served: ServedVersion, call: Pick<InferenceCall, "inputs" | "now">, limitMs: number, check: OutputCheck,
  ): Promise<VersionAttempt | null> {
    if (this.#stopped) return null;
    const controller = new AbortController();
    this.#underWay.add(controller);
    const connection: CallConnection = { signal: controller.signal, headers: {} };
    try {
      const tried = await attempt(this.#parts.clock, model, served, { inputs: call.inputs, now: call.now, connection }, limitMs, check);
      return tried.outcome === "CALLER_GONE" ? null : tried;
    } finally {
      this.#underWay.delete(controller);
    }
  }
}
