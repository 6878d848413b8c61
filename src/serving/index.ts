export * from "./schemas.ts";
export type { ModelRunner, ModelRuntime, RunResult } from "./model-runtime.ts";
export type { LogTensor, PredictionEntry, PredictionFilter, PredictionLog } from "./prediction-log.ts";
export type { TruthStore } from "./truth-store.ts";
export type { ServingObserver, ServingSample } from "./serving-observer.ts";
export { ServingInference } from "./serving-inference.ts";
export { ServingService, type ServingParts } from "./serving-service.ts";
export { servingCommands } from "./commands.ts";
export { servingRoutes, type ServingRouteParts } from "./routes.ts";
