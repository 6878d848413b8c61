/** Tables of experiments, runs and logged models; see `database-schema.ts` for the conventions. `is_nan` is 1 where the value is NaN, and `value` 0 then. */
export interface TrackingSchema {
  experiments: ExperimentRow;
  experiment_tags: { experiment: number; key: string; value: string };
  runs: RunRow;
  run_params: RunTextRow;
  run_tags: RunTextRow;
  metrics: MetricRow;
  latest_metrics: MetricRow & { experiment: number };
  datasets: DatasetRow;
  /** Datasets that runs read; `context` is the tag mlflow.data.context. */
  run_datasets: { run: number; name: string; digest: string; experiment: number; tags_json: string; context: string | null };
  /** Logged models that runs read (`input`) or made (`output`). */
  run_models: { run: number; direction: string; model: string; step: number };
  logged_models: LoggedModelRow;
  logged_model_params: { model: string; key: string; value: string };
  logged_model_tags: { model: string; key: string; value: string };
  logged_model_metrics: LoggedModelMetricRow;
  run_views: RunViewRow;
}

export interface ExperimentRow {
  id: number;
  name: string;
  artifact_location: string;
  lifecycle: string;
  created_at: number;
  updated_at: number;
  team: string;
  owner: string;
}

export interface RunRow {
  /** What other tables name it by: it grows with time, so that rows of one run and of its neighbours lie together. */
  number: number;
  /** 32 hexadecimal digits, what clients know. */
  id: string;
  experiment: number;
  name: string;
  user_name: string;
  status: string;
  start_time: number;
  end_time: number | null;
  lifecycle: string;
  artifact_uri: string;
  created_at: number;
  owner: string;
}

/** `experiment` is that of the run, so that one index finds and sorts the runs of an experiment. The index holds the first 100 characters of `value`. */
export interface RunTextRow {
  run: number;
  key: string;
  value: string;
  experiment: number;
}

export interface MetricRow {
  run: number;
  key: string;
  value: number;
  is_nan: number;
  timestamp: number;
  step: number;
}

export interface DatasetRow {
  experiment: number;
  name: string;
  digest: string;
  source_type: string;
  source: string;
  schema_text: string | null;
  profile_text: string | null;
  created_at: number;
}

export interface LoggedModelRow {
  id: string;
  experiment: number;
  name: string;
  artifact_uri: string;
  created_at: number;
  updated_at: number;
  status: string;
  model_type: string;
  source_run: string | null;
  deleted_at: number | null;
}

export interface LoggedModelMetricRow {
  model: string;
  key: string;
  run: string;
  /** Empty where the value is about no dataset. */
  dataset_name: string;
  dataset_digest: string;
  value: number;
  is_nan: number;
  timestamp: number;
  step: number;
}

/** A saved view of the runs of an experiment: filter, columns, order, charts, as the console wrote it. */
export interface RunViewRow {
  id: string;
  experiment: number;
  name: string;
  view_json: string;
  owner: string;
  created_at: number;
  updated_at: number;
}
