export { SlipwayClient, type DeployOptions, type InferInput, type InferResult } from "./client/slipway-client.ts";
export { AppError, type Problem } from "./core/errors.ts";
export { errorCatalogue, type ErrorCode } from "./core/error-catalogue.ts";
export type { Contract, DeployResult, Model, ModelVersion, Policy, PolicyRevision, Signature, TensorSpec } from "./registry/index.ts";
export type { Prediction, PredictionExplanation, ServedVersion, StoredTruth, TruthRecord } from "./serving/index.ts";
export type { DriftReport, LiveFigures, ServingSeries } from "./monitoring/index.ts";
