import { AppError } from "../core/errors.ts";
import type { RegistryService } from "../registry/index.ts";
import type { PredictionLog } from "./prediction-log.ts";
import type { PredictionExplanation } from "./schemas.ts";
import type { TruthStore } from "./truth-store.ts";

/** Everything that is known of one prediction. Throws PREDICTION_NOT_FOUND. */
export async function explainPrediction(id: string, parts: { log: PredictionLog; truth: TruthStore; registry: RegistryService }): Promise<PredictionExplanation> {
  const prediction = await parts.log.find(id);
  if (prediction === null) throw new AppError("PREDICTION_NOT_FOUND", `The log has no prediction ${id}.`);
  const [version, model, truth] = await Promise.all([
    parts.registry.version(prediction.model, prediction.version),
    parts.registry.model(prediction.model),
    parts.truth.read(id),
  ]);
  const alias = Object.entries(model.aliases).find(([, number]) => number === prediction.version)?.[0] ?? null;
  return { prediction, contractDigest: version.contractDigest, alias, truth };
}
