import type { Evaluation } from "./schemas.ts";

/** Evaluations of versions. Every write is durable when it has answered. Adapters prove themselves with `evaluation-store.conformance.ts`. */
export interface EvaluationStore {
  /** Writes model.version.evaluated. One of the same id is left as it is. Throws MODEL_NOT_FOUND, VERSION_NOT_FOUND. */
  add(evaluation: Evaluation, by: { actor: string }): Promise<void>;
  find(id: string): Promise<Evaluation | null>;
  /** Newest first. */
  list(model: string, version: string, limit: number): Promise<Evaluation[]>;
}
