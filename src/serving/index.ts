export * from "./schemas.ts";
export type { ModelRunner, ModelRuntime, RunResult } from "./model-runtime.ts";
export type { LogTensor, PredictionEntry, PredictionFilter, PredictionLog } from "./prediction-log.ts";
export type { TruthStore } from "./truth-store.ts";
