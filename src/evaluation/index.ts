export * from "./schemas.ts";
export type { EvaluatedRegistry } from "./evaluation-plan.ts";
export { EvaluationService } from "./evaluation-service.ts";
export type { EvaluationStore } from "./evaluation-store.ts";
export { evaluationWorkflow } from "./evaluation-workflow.ts";
export type { LoadedModel, Predictor } from "./predictor.ts";
export { evaluationRoutes } from "./routes.ts";
