export * from "./schemas.ts";
export type { EvaluationStore } from "./evaluation-store.ts";
