/** Tables of datasets and of what versions did on them; conventions as in database-schema.ts. */
export interface DatasetSchema {
  version_evaluations: VersionEvaluationRow;
  held_datasets: HeldDatasetRow;
  dataset_versions: DatasetVersionRow;
}

export interface VersionEvaluationRow {
  id: string;
  model: string;
  version: number;
  time: number;
  workflow_run: string | null;
  report_json: string;
  dataset_digest: string | null;
}

export interface HeldDatasetRow {
  name: string;
  description: string;
  team: string;
  owner: string;
  created_at: number;
  updated_at: number;
  latest_version: number;
}

export interface DatasetVersionRow {
  dataset: string;
  version: number;
  digest: string;
  bytes: number;
  format: string;
  rows: number;
  columns_json: string;
  profile_json: string;
  target: string | null;
  source: string;
  created_at: number;
  owner: string;
}
