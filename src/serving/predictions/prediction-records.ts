import type { EpochMs } from "../../core/clock.ts";
import { fractionOfId } from "../../core/ids.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { ModelVersion } from "../../registry/index.ts";
import { logTensors } from "./log-entry.ts";
import type { PredictionTiming } from "../schemas.ts";
import type { ServedModel } from "../served-model.ts";
import { logFailure, type ServingParts } from "../serving-parts.ts";
import type { Assignment } from "../traffic/traffic-route.ts";

/** What one request came to, before the policy says what of it may be written down. */
export interface AnsweredRequest {
  id: string;
  /** The one that decides whether it is in the sample; another's for a record that belongs to it. */
  sampledBy?: string;
  now: EpochMs;
  requestId: string | null;
  rows: number;
  outcome: string;
  timing: PredictionTiming;
  inputs: readonly Tensor[];
  outputs: readonly Tensor[];
  assignment: Assignment | null;
  traceId: string | null;
}

/** Writes answers to the prediction log as the model's policy says: sampled, redacted, shortened. */
export class PredictionRecords {
  readonly #parts: Pick<ServingParts, "observer" | "log" | "logger">;

  constructor(parts: Pick<ServingParts, "observer" | "log" | "logger">) {
    this.#parts = parts;
  }

  /** Answers when it is with the operating system. Never rejects. */
  async write(model: ServedModel, version: ModelVersion, { id, sampledBy, now, inputs, outputs, ...request }: AnsweredRequest): Promise<void> {
    const policy = model.policy.log;
    if (policy.sampleRate < 1 && fractionOfId(sampledBy ?? id) >= policy.sampleRate) return;
    const { signature } = version.contract;
    try {
      await this.#parts.log.append({
        id, time: now, model: version.model, version: version.version, ...request,
        inputs: logTensors(inputs, signature.inputs, policy),
        outputs: logTensors(outputs, signature.outputs, policy),
      });
    } catch (error) {
      // A full disk must not stop predictions; the metric and the log say that the record has a gap.
      this.#parts.observer.unlogged(version);
      logFailure(this.#parts.logger, "prediction.not_logged", version.model, error);
    }
  }
}
