export { SlipwayClient, type DeployOptions, type InferInput, type InferResult } from "./client/slipway-client.ts";
export type { AbTestsClient } from "./client/ab-tests-client.ts";
export type { DatasetsClient } from "./client/datasets-client.ts";
export type { GatewayClient } from "./client/gateway-client.ts";
export type { KeysClient } from "./client/keys-client.ts";
export type { RolloutsClient } from "./client/rollouts-client.ts";
export type { TracesClient } from "./client/traces-client.ts";
export type { WorkflowsClient } from "./client/workflows-client.ts";
export type { ChatChunk, ChatCompletion, ChatQuestion, ChatUsage } from "./core/stream-chat.ts";
export { AppError, type Problem } from "./core/errors.ts";
export { errorCatalogue, type ErrorCode } from "./core/error-catalogue.ts";
export type { ApiKey, NewKey } from "./access/index.ts";
export type { Contract, DeployResult, Model, ModelVersion, Policy, PolicyRevision, Signature, TensorSpec } from "./registry/index.ts";
export type { DatasetColumn, DatasetFile, DatasetRows, DatasetUse, DatasetVersion, DatasetVersionSummary, HeldDataset } from "./datasets/index.ts";
export type { AbTestReport, NewAbTest, NewRollout, RollbackResult, Rollout, RolloutStatus, RolloutSummary, Verdict } from "./rollouts/index.ts";
export type { Prediction, PredictionExplanation, ServedVersion, StoredTruth, TruthRecord } from "./serving/index.ts";
export type { AddedRow, Feedback, GivenFeedback, TraceList, TraceSearchQuery, TraceSession, TraceSummary, TraceView } from "./tracing/index.ts";
export type { DriftReport, LiveFigures, ServingSeries } from "./monitoring/index.ts";
export {
  workflow, type CommandResult, type CommandSpec, type LogLine, type RetryPolicy, type RunEvent, type RunState, type Schedule, type StepContext, type StepOptions,
  type WorkflowContext, type WorkflowDefinition, type WorkflowRun, type WorkflowStep,
} from "./workflows/index.ts";
/** For the schemas of workflows' inputs. */
export { z } from "zod";
