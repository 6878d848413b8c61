import type { Caller } from "../core/caller.ts";
import { AppError } from "../core/errors.ts";
import { requireOn } from "../core/request-gate.ts";
import type { RegistryService } from "../registry/index.ts";
import type { PredictionLog } from "./prediction-log.ts";
import type { PredictionExplanation } from "./schemas.ts";
import type { TruthStore } from "./truth-store.ts";

/** Everything that is known of one prediction. Throws PREDICTION_NOT_FOUND, also for those of models that the caller does not see. */
export async function explainPrediction(id: string, caller: Caller, parts: { log: PredictionLog; truth: TruthStore; registry: RegistryService }): Promise<PredictionExplanation> {
  const prediction = await parts.log.find(id);
  const missing = new AppError("PREDICTION_NOT_FOUND", `The log has no prediction ${id}.`);
  if (prediction === null) throw missing;
  requireOn(caller, "viewer", { kind: "model", name: prediction.model, team: await parts.registry.teamOf(prediction.model) }, missing);
  const [version, model, truth] = await Promise.all([
    parts.registry.version(prediction.model, prediction.version),
    parts.registry.model(prediction.model),
    parts.truth.read(id),
  ]);
  // One of a removed model, of whose name there is another now.
  if (prediction.time < model.createdAt) throw missing;
  const alias = Object.entries(model.aliases).find(([, number]) => number === prediction.version)?.[0] ?? null;
  return { prediction, contractDigest: version.contractDigest, alias, truth };
}
