import type { Model, ModelVersion } from "../../../src/registry/schemas.ts";
import type { ServedVersion } from "../../../src/serving/schemas.ts";
import type { DriftLevel, LiveFigures } from "../../../src/monitoring/schemas.ts";

export type {
  ColumnProfile, ExampleTensor, Model, ModelVersion, NumericColumnProfile, ReferenceProfile, RegistryChange, Signature, Stage, TensorSpec,
} from "../../../src/registry/schemas.ts";
export type { LoggedTensor, Prediction, PredictionExplanation, PredictionTiming, ServedVersion, VersionState } from "../../../src/serving/schemas.ts";
export type { ColumnDrift, DriftLevel, DriftReport, LiveFigures, ServingInterval, ServingSeries } from "../../../src/monitoring/schemas.ts";
export type { Datatype } from "../../../src/core/tensor.ts";
export type { ApiKey, NewKey, SessionState, Team, User } from "../../../src/access/schemas.ts";
export type { AuditRecord } from "../../../src/access/audit-routes.ts";
export type { Grant, Role } from "../../../src/core/caller.ts";
export type { Delivery, DeliveryState, RecordedEvent, SubscriberStatus, WebhookStatus, WebhookWithSecret } from "../../../src/events/schemas.ts";
export type { DoctorResult } from "../../../src/doctor/schemas.ts";
export type { LogLine, RunState, Schedule, WorkflowRun, WorkflowStep, WorkflowSummary } from "../../../src/workflows/schemas.ts";
export type { Policy, PolicyRevision } from "../../../src/registry/policy-schemas.ts";
export type { ListedExperiment, RunView } from "../../../src/tracking/schemas.ts";
export type { DatasetFormat, DatasetRows, DatasetUse, DatasetVersion, DatasetVersionSummary, HeldDataset, LoggedDataset } from "../../../src/datasets/schemas.ts";
export type { Evaluation, EvaluationComparison, Rival } from "../../../src/evaluation/schemas.ts";
export type { Feedback as TraceFeedback, SpanView, TraceList, TraceMessage, TraceSession, TraceSummary, TraceView } from "../../../src/tracing/schemas.ts";

export type { AbTestReport, AbTestSpec } from "../../../src/rollouts/ab-tests/schemas.ts";
export type { ArmFigures, GateResult, NewRollout, PairedFigures, PhaseFigures, Rollout, RolloutStatus, RolloutSummary, Verdict as RolloutVerdict } from "../../../src/rollouts/schemas.ts";
export type { StartedOnRoute } from "../../../src/rollouts/gateway/schemas.ts";
export type { EntryCheck, RolloutPhase, RouteRule, StepGate } from "../../../src/registry/rollout-plan.ts";

/** One model in `GET /api/models`. */
export interface ModelEntry extends Model {
  served: ServedVersion[];
  live: LiveFigures | null;
  /** Of the champion. */
  drift: DriftLevel;
}

/** `GET /api/models/:model`. */
export interface ModelDetail {
  model: Model;
  /** Newest first. */
  versions: ModelVersion[];
  served: ServedVersion[];
}

/** `GET /api/server`. */
export interface ServerFacts {
  name: string;
  version: string;
  startedAt: number;
  httpPort: number;
  grpcPort: number;
  executionProviders: string[];
}

/** What `GET /api/live` sends every two seconds. */
export interface Tick {
  time: number;
  models: (LiveFigures & { model: string; version: string; active: boolean; queueRows: number })[];
}
