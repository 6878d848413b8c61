/**
 * Tables as Kysely sees them. Times are milliseconds since 1970; names ending in `_json` hold JSON as text. Integers come
 * back as numbers (see `sqlInteger`). Only migrations change the tables; this file describes their latest state.
 */
export interface DatabaseSchema {
  models: ModelRow;
  model_versions: ModelVersionRow;
  version_digests: VersionDigestRow;
  model_aliases: ModelAliasRow;
  policy_revisions: PolicyRevisionRow;
  truths: TruthRow;
  minute_statistics: MinuteStatisticsRow;
  warmup_measurements: WarmupMeasurementRow;
}

interface ModelRow {
  name: string;
  created_at: number;
  description: string;
  /** The number that the newest version took; the next one takes the one above, so numbers are never reused. */
  latest_version: number;
}

export interface ModelVersionRow {
  model: string;
  version: number;
  created_at: number;
  /** `sha256:` of the bytes of `contract_json`. */
  contract_digest: string;
  /** Canonical JSON. */
  contract_json: string;
}

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

interface WarmupMeasurementRow {
  contract_digest: string;
  /** Kind of machine and runtime that was measured. */
  machine: string;
  measured_at: number;
  measures_json: string;
}
