import type { Generated } from "kysely";
import type { DatasetSchema } from "./datasets/dataset-schema.ts";
import type { GatewaySchema } from "./gateway/gateway-schema.ts";
import type { LedgerSchema } from "./ledger/ledger-schema.ts";
import type { RolloutSchema } from "./rollouts/rollout-schema.ts";
import type { TracingSchema } from "./tracing/tracing-schema.ts";
import type { TrackingSchema } from "./tracking/tracking-schema.ts";

/**
 * Tables as Kysely sees them. Times are milliseconds since 1970; names ending in `_json` hold JSON as text. Integers come
 * back as numbers (see `sqlInteger`). Only migrations change the tables; this file describes their latest state.
 */
export interface DatabaseSchema extends TrackingSchema, DatasetSchema, RolloutSchema, GatewaySchema, LedgerSchema, TracingSchema {
  models: ModelRow;
  model_versions: ModelVersionRow;
  version_digests: VersionDigestRow;
  blob_uploads: { digest: string; actor: string; uploaded_at: number };
  model_aliases: ModelAliasRow;
  policy_revisions: PolicyRevisionRow;
  truths: TruthRow;
  minute_statistics: MinuteStatisticsRow;
  replica_minutes: ReplicaMinuteRow;
  warmup_measurements: WarmupMeasurementRow;
  sequences: { name: string; value: number };
  teams: { name: string; description: string; created_at: number };
  users: UserRow;
  api_keys: ApiKeyRow;
  sessions: { hash: Uint8Array; actor: string; created_at: number; expires_at: number };
  setup_tokens: { hash: Uint8Array; created_at: number; expires_at: number };
  audit_entries: AuditEntryRow;
  audit_head: { id: number; sequence: number; hash: string };
  outbox: OutboxRow;
  webhooks: WebhookRow;
  /** How far each subscription has read the outbox. */
  subscriptions: { name: string; sequence: number };
  deliveries: DeliveryRow;
  workflow_runs: WorkflowRunRow;
  workflow_steps: WorkflowStepRow;
  workflow_logs: { run: string; sequence: number; step: string; time: number; stream: string; line: string };
  workflow_signals: { id: string; name: string; key: string; payload_json: string; received_at: number; taken_by: string | null };
  workflow_waits: { run: string; step: string; name: string; key: string };
  workflow_schedules: WorkflowScheduleRow;
  model_tags: { model: string; key: string; value: string };
  version_tags: { model: string; version: number; key: string; value: string };
  registry_changes: RegistryChangeRow;
  upstream_headers: { id: string; sealed: Uint8Array; artifact: string | null; created_at: number };
}

interface ModelRow {
  name: string;
  created_at: number;
  description: string;
  /** The number that the newest version took; the next one takes the one above, so numbers are never reused. */
  latest_version: number;
  team: Generated<string>;
  /** The actor that registered its first version. */
  owner: Generated<string>;
  /** NULL where nothing changed since a release that did not know it. */
  updated_at: number | null;
}

export interface ModelVersionRow {
  model: string;
  version: number;
  created_at: number;
  /** `sha256:` of the bytes of `contract_json`. */
  contract_digest: string;
  /** Canonical JSON. */
  contract_json: string;
  description: Generated<string>;
  /** `None`, `Staging`, `Production` or `Archived`. */
  stage: Generated<string>;
  status: Generated<string>;
  status_message: Generated<string>;
  /** The actor that registered it. */
  owner: Generated<string>;
  /** As its registrar gave it, such as `runs:/<run>/model`; empty for an uploaded file. */
  source: Generated<string>;
  run_link: Generated<string>;
  updated_at: number | null;
  run_id: string | null;
  logged_model: string | null;
}

/** Who changed a stage, an alias or a description, and why. */
export interface RegistryChangeRow {
  id: string;
  model: string;
  version: number | null;
  time: number;
  actor: string;
  change: string;
  before: string | null;
  after: string | null;
  reason: string;
}

/** How a version compared with a baseline and with the version in production on an evaluation set. */
/** Every blob that a version's contract names. */
interface VersionDigestRow {
  model: string;
  version: number;
  digest: string;
}

interface ModelAliasRow {
  model: string;
  alias: string;
  version: number;
  changed_at: number;
}

export interface PolicyRevisionRow {
  model: string;
  revision: number;
  author: string;
  changed_at: number;
  reason: string;
  policy_json: string;
}

export interface TruthRow {
  prediction_id: string;
  row_index: number;
  value_json: string;
  observed_at: number;
  received_at: number;
  corrections: number;
}

export interface MinuteStatisticsRow {
  model: string;
  version: number;
  minute: number;
  payload: Uint8Array;
}

/** Of one server among those that share the database. */
export interface ReplicaMinuteRow extends MinuteStatisticsRow {
  replica: string;
}

interface WarmupMeasurementRow {
  contract_digest: string;
  /** Kind of machine and runtime that was measured. */
  machine: string;
  measured_at: number;
  measures_json: string;
}

export interface UserRow {
  id: string;
  issuer: string;
  subject: string;
  name: string;
  email: string;
  grants_json: string;
  created_at: number;
  signed_in_at: number;
  disabled_at: number | null;
}

export interface ApiKeyRow {
  id: string;
  name: string;
  /** SHA-256 of the key's text. */
  hash: Uint8Array;
  /** Of the text that it had before its last rotation, and until when that still works. */
  former_hash: Uint8Array | null;
  former_until: number | null;
  /** Who rotated it to its present text, and to the one before; null for the text that its maker was given. */
  rotated_by: string | null;
  former_by: string | null;
  /** The first characters of the key, to tell keys apart. */
  hint: string;
  grants_json: string;
  team: string;
  created_by: string;
  created_at: number;
  expires_at: number | null;
  revoked_at: number | null;
  last_used_at: number | null;
}

export interface AuditEntryRow {
  sequence: number;
  time: number;
  actor: string;
  action: string;
  object: string;
  result: string;
  request_id: string;
  detail_json: string;
  previous_hash: string;
  hash: string;
}

export interface OutboxRow {
  sequence: number;
  id: string;
  type: string;
  /** `<kind>:<name>`; deliveries keep the order within one object. */
  object: string;
  team: string;
  actor: string;
  time: number;
  payload_json: string;
}

export interface WebhookRow {
  id: string;
  name: string;
  url: string;
  types_json: string;
  team: string;
  sealed_secret: Uint8Array;
  created_by: string;
  created_at: number;
  paused_at: number | null;
  /** How what it is sent looks: `standard`, or that of another product. */
  format: string;
  description: string;
  /** NULL where nothing changed since it was made. */
  updated_at: number | null;
  detail_json: string | null;
}

export interface DeliveryRow {
  subscription: string;
  sequence: number;
  object: string;
  state: string;
  attempts: number;
  next_attempt_at: number;
  lease_owner: string | null;
  lease_until: number | null;
  last_status: number | null;
  last_error: string | null;
  ended_at: number | null;
}

export interface WorkflowRunRow {
  id: string;
  workflow: string;
  version: number;
  idempotency_key: string | null;
  input_json: string;
  input_digest: string;
  state: string;
  priority: number;
  concurrency_key: string | null;
  team: string;
  owner: string;
  schedule: string | null;
  created_at: number;
  due_at: number;
  started_at: number | null;
  ended_at: number | null;
  lease_owner: string | null;
  lease_until: number;
  /** Goes up with every lease; a write with an older one is refused. */
  lease_epoch: number;
  cancel_requested: number;
  output_json: string | null;
  error_json: string | null;
  progress: number | null;
  progress_note: string | null;
  /** Leases in a row that ended without a word and without anything new in the journal, and how much was in it then. */
  crashes: number;
  crash_progress: number;
}

export interface WorkflowStepRow {
  run: string;
  step: string;
  kind: string;
  position: number;
  state: string;
  attempts: number;
  started_at: number;
  ended_at: number | null;
  wake_at: number | null;
  result_json: string | null;
  error_json: string | null;
}

export interface WorkflowScheduleRow {
  name: string;
  workflow: string;
  cron: string;
  time_zone: string;
  missed: string;
  input_json: string;
  team: string;
  owner: string;
  created_at: number;
  next_at: number | null;
  last_at: number | null;
  paused_at: number | null;
}
