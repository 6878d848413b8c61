import { z } from "zod";
import type { DatasetInput, Experiment, LoggedModel, Metric, Run, Tag } from "../tracking/index.ts";

/** Entities as MLflow's messages have them; what is empty is left out, as protobuf's JSON does. */
const WireTag = z.object({ key: z.string(), value: z.string() });
const WireNumber = z.union([z.number(), z.enum(["NaN", "Infinity", "-Infinity"])]);
const Int64 = z.number().int();

export const WireMetric = z
  .object({
    key: z.string(), value: WireNumber, timestamp: Int64, step: Int64,
    run_id: z.string().optional(), model_id: z.string().optional(), dataset_name: z.string().optional(), dataset_digest: z.string().optional(),
  })
  .meta({ id: "MlflowMetric" });
export type WireMetric = z.infer<typeof WireMetric>;

export const WireExperiment = z
  .object({
    experiment_id: z.string(), name: z.string(), artifact_location: z.string(), lifecycle_stage: z.enum(["active", "deleted"]),
    last_update_time: Int64, creation_time: Int64, tags: z.array(WireTag).optional(),
  })
  .meta({ id: "MlflowExperiment" });

export const WireRunInfo = z
  .object({
    run_id: z.string(), run_uuid: z.string(), run_name: z.string(), experiment_id: z.string(), user_id: z.string(), status: z.string(),
    start_time: Int64, end_time: Int64.optional(), artifact_uri: z.string(), lifecycle_stage: z.enum(["active", "deleted"]),
  })
  .meta({ id: "MlflowRunInfo" });

const WireDatasetInput = z.object({
  tags: z.array(WireTag).optional(),
  dataset: z.object({
    name: z.string(), digest: z.string(), source_type: z.string(), source: z.string(), schema: z.string().optional(), profile: z.string().optional(),
  }),
});

export const WireRun = z
  .object({
    info: WireRunInfo,
    data: z.object({ metrics: z.array(WireMetric).optional(), params: z.array(WireTag).optional(), tags: z.array(WireTag).optional() }),
    inputs: z.object({ dataset_inputs: z.array(WireDatasetInput).optional(), model_inputs: z.array(z.object({ model_id: z.string() })).optional() }),
    outputs: z.object({ model_outputs: z.array(z.object({ model_id: z.string(), step: Int64 })).optional() }).optional(),
  })
  .meta({ id: "MlflowRun" });

export const WireLoggedModel = z
  .object({
    info: z.object({
      model_id: z.string(), experiment_id: z.string(), name: z.string(), creation_timestamp_ms: Int64, last_updated_timestamp_ms: Int64,
      artifact_uri: z.string(), status: z.string(), model_type: z.string().optional(), source_run_id: z.string().optional(), tags: z.array(WireTag).optional(),
    }),
    data: z.object({ params: z.array(WireTag).optional(), metrics: z.array(WireMetric).optional() }),
  })
  .meta({ id: "MlflowLoggedModel" });

/** `undefined` for an empty list: JSON leaves it out. */
export function filled<Item>(items: readonly Item[]): Item[] | undefined {
  return items.length === 0 ? undefined : [...items];
}

function tagsOf(tags: readonly Tag[]): Tag[] | undefined {
  return filled(tags.map(({ key, value }) => ({ key, value })));
}

/** JSON has neither NaN nor infinities: their names as text. */
function wireNumber(value: number): z.infer<typeof WireNumber> {
  return Number.isFinite(value) ? value : (String(value) as "NaN" | "Infinity" | "-Infinity");
}

export function wireMetric({ key, value, timestamp, step, model, datasetName, datasetDigest, run }: Metric & { run?: string }): WireMetric {
  return { key, value: wireNumber(value), timestamp, step, run_id: run, model_id: model, dataset_name: datasetName, dataset_digest: datasetDigest };
}

export function wireExperiment(experiment: Experiment): z.infer<typeof WireExperiment> {
  const { id, name, artifactLocation, lifecycle, updatedAt, createdAt, tags } = experiment;
  return {
    experiment_id: id, name, artifact_location: artifactLocation, lifecycle_stage: lifecycle, last_update_time: updatedAt, creation_time: createdAt, tags: tagsOf(tags),
  };
}

export function wireRunInfo(run: Run): z.infer<typeof WireRunInfo> {
  const { id, name, experiment, user, status, startTime, endTime, artifactUri, lifecycle } = run;
  return {
    run_id: id, run_uuid: id, run_name: name, experiment_id: experiment, user_id: user, status,
    start_time: startTime, end_time: endTime ?? undefined, artifact_uri: artifactUri, lifecycle_stage: lifecycle,
  };
}

function wireDatasetInput({ dataset, tags }: DatasetInput): z.infer<typeof WireDatasetInput> {
  const { name, digest, sourceType, source, schema, profile } = dataset;
  return { tags: tagsOf(tags), dataset: { name, digest, source_type: sourceType, source, schema, profile } };
}

export function wireRun(run: Run): z.infer<typeof WireRun> {
  const outputs = filled(run.modelOutputs.map(({ model, step }) => ({ model_id: model, step })));
  return {
    info: wireRunInfo(run),
    data: { metrics: filled(run.metrics.map(wireMetric)), params: tagsOf(run.params), tags: tagsOf(run.tags) },
    inputs: { dataset_inputs: filled(run.datasets.map(wireDatasetInput)), model_inputs: filled(run.modelInputs.map((model) => ({ model_id: model }))) },
    outputs: outputs === undefined ? undefined : { model_outputs: outputs },
  };
}

export function wireLoggedModel(model: LoggedModel): z.infer<typeof WireLoggedModel> {
  const { id, experiment, name, createdAt, updatedAt, artifactUri, status, modelType, sourceRun, tags, params, metrics } = model;
  return {
    info: {
      model_id: id, experiment_id: experiment, name, creation_timestamp_ms: createdAt, last_updated_timestamp_ms: updatedAt, artifact_uri: artifactUri, status,
      model_type: modelType, source_run_id: sourceRun ?? "", tags: tagsOf(tags),
    },
    data: { params: tagsOf(params), metrics: filled(metrics.map((metric) => wireMetric({ ...metric, model: id }))) },
  };
}
