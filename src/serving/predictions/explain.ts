import type { Caller } from "../../core/caller.ts";
import { epochMs, type EpochMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { firstIdOf, timeOfId } from "../../core/ids.ts";
import { requireOn } from "../../core/request-gate.ts";
import type { RegistryService } from "../../registry/index.ts";
import type { PredictionLog } from "./prediction-log.ts";
import type { Prediction, PredictionExplanation, VerdictOfMoment } from "../schemas.ts";
import type { TruthStore } from "./truth-store.ts";

/** The last verdict on a rollout at a moment; null before the first one. */
export type VerdictAt = (rollout: string, time: EpochMs) => Promise<VerdictOfMoment | null>;

/** A shadow is asked when the answer is on its way, and its own answer is logged when it comes: not later than this. */
const shadowWithinMs = 120_000;

/** Everything that is known of one prediction. Throws PREDICTION_NOT_FOUND, also for those of models that the caller does not see. */
export async function explainPrediction(id: string, caller: Caller, parts: { log: PredictionLog; truth: TruthStore; registry: RegistryService; verdictAt?: VerdictAt }): Promise<PredictionExplanation> {
  const prediction = await parts.log.find(id);
  const missing = new AppError("PREDICTION_NOT_FOUND", `The log has no prediction ${id}.`);
  if (prediction === null) throw missing;
  requireOn(caller, "viewer", { kind: "model", name: prediction.model, team: await parts.registry.teamOf(prediction.model) }, missing);
  const { assignment } = prediction;
  const [version, model, truth, shadow, verdict] = await Promise.all([
    parts.registry.version(prediction.model, prediction.version),
    parts.registry.model(prediction.model),
    // Truth is sent for what the caller got; it is that of the shadow's answer too.
    parts.truth.read(assignment?.shadowOf ?? id),
    assignment === null || assignment.shadowOf !== null ? null : shadowOf(prediction, parts.log),
    assignment === null ? null : (parts.verdictAt?.(assignment.rollout, epochMs(prediction.time)) ?? null),
  ]);
  // One of a removed model, of whose name there is another now.
  if (prediction.time < model.createdAt) throw missing;
  const alias = Object.entries(model.aliases).find(([, number]) => number === prediction.version)?.[0] ?? null;
  return { prediction, contractDigest: version.contractDigest, alias, truth, shadow, verdict };
}

/** Looked for among the predictions of the next minutes alone: ids tell where these are. */
async function shadowOf({ id, model }: Prediction, log: PredictionLog): Promise<Prediction | null> {
  const before = firstIdOf("prediction", epochMs(timeOfId(id) + shadowWithinMs));
  const [shadow] = await log.list({ model, shadowOf: id, after: id, before, limit: 1 });
  return shadow ?? null;
}
