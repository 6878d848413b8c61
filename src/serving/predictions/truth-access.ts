import { mayOnServer, type Caller } from "../../core/caller.ts";
import { AppError, type Problem } from "../../core/errors.ts";
import { requireOn } from "../../core/request-gate.ts";
import type { RegistryService } from "../../registry/index.ts";
import type { PredictionLog } from "./prediction-log.ts";
import type { TruthRecord } from "../schemas.ts";

/** Searches of the log that run at once. */
const searchesAtOnce = 8;
const maxProblems = 64;

/**
 * Throws unless the caller may send truth for all of the records: PREDICTION_NOT_FOUND, with each, for predictions that are
 * not in the log or belong to models that it does not see; FORBIDDEN. Who has the role on the whole server is not asked
 * for predictions: those may have been left out of the log by sampling.
 */
export async function requireTruthOf(caller: Caller, records: readonly TruthRecord[], parts: { log: PredictionLog; registry: RegistryService }): Promise<void> {
  if (mayOnServer(caller, "contributor")) return;
  const ids = [...new Set(records.map(({ predictionId }) => predictionId))];
  const missing = new Set<string>();
  const next = ids.values();
  const search = async (): Promise<void> => {
    for (const id of next) {
      // The request is refused whole by now: more searches would tell nobody anything.
      if (missing.size >= maxProblems) return;
      const prediction = await parts.log.find(id);
      const notFound = new AppError("PREDICTION_NOT_FOUND", id);
      try {
        const name = prediction?.model ?? "";
        requireOn(caller, "contributor", { kind: "model", name, team: prediction === null ? null : await parts.registry.teamOf(name) }, notFound);
      } catch (error) {
        if (error !== notFound) throw error;
        missing.add(id);
      }
    }
  };
  await Promise.all(Array.from({ length: searchesAtOnce }, search));
  if (missing.size === 0) return;
  const problems = records.flatMap(({ predictionId }, index): Problem[] =>
    missing.has(predictionId) ? [{ path: `records[${index}].predictionId`, message: `the log has no prediction ${predictionId}` }] : [],
  );
  throw new AppError("PREDICTION_NOT_FOUND", `The log has no prediction for ${problems.length}${missing.size >= maxProblems ? " or more" : ""} of the records.`, { problems: problems.slice(0, maxProblems) });
}
