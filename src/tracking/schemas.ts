import { z } from "zod";

const Timestamp = z.number().int().meta({ description: "Milliseconds since 1970-01-01T00:00:00Z; of runs and metrics as their client gave it" });

export const Lifecycle = z.enum(["active", "deleted"]);
export type Lifecycle = z.infer<typeof Lifecycle>;

export const RunStatus = z.enum(["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]);
export type RunStatus = z.infer<typeof RunStatus>;

export const Tag = z.object({ key: z.string(), value: z.string() });
export type Tag = z.infer<typeof Tag>;

export const Experiment = z
  .object({
    /** A decimal number as text; "0" is the experiment that is always there. */
    id: z.string(),
    name: z.string(),
    artifactLocation: z.string().meta({ description: "Where artifacts of its runs go, as clients are told" }),
    lifecycle: Lifecycle,
    createdAt: Timestamp,
    updatedAt: Timestamp,
    tags: z.array(Tag),
    team: z.string().meta({ description: "Whose it is; it stays" }),
    owner: z.string().meta({ description: "Actor that made it" }),
  })
  .meta({ id: "Experiment" });
export type Experiment = z.infer<typeof Experiment>;

/** An experiment as a list shows it. */
export const ListedExperiment = Experiment.extend({
  runs: z.number().int().nonnegative().meta({ description: "Of a deleted experiment those that were deleted with it" }),
  lastRunAt: Timestamp.nullable().meta({ description: "When the run that started last did so, or ended; null where there is none" }),
  lastUser: z.string().nullable().meta({ description: "Who that run is of, as its client said" }),
}).meta({ id: "ListedExperiment" });
export type ListedExperiment = z.infer<typeof ListedExperiment>;

/** One value of a metric. `value` may be NaN and infinite. */
export const Metric = z.object({
  key: z.string(),
  value: z.number(),
  timestamp: Timestamp,
  step: z.number().int(),
  /** The logged model that it tells about, where it is about one. */
  model: z.string().optional(),
  datasetName: z.string().optional(),
  datasetDigest: z.string().optional(),
});
export type Metric = z.infer<typeof Metric>;

export const Dataset = z
  .object({
    name: z.string(),
    digest: z.string().meta({ description: "As its client computed it" }),
    sourceType: z.string(),
    source: z.string(),
    schema: z.string().optional().meta({ description: "JSON" }),
    profile: z.string().optional().meta({ description: "JSON" }),
  })
  .meta({ id: "Dataset" });
export type Dataset = z.infer<typeof Dataset>;

export const DatasetInput = z.object({ dataset: Dataset, tags: z.array(Tag) });
export type DatasetInput = z.infer<typeof DatasetInput>;

export const ModelOutput = z.object({ model: z.string(), step: z.number().int() });
export type ModelOutput = z.infer<typeof ModelOutput>;

export const Run = z
  .object({
    id: z.string(),
    experiment: z.string(),
    name: z.string(),
    user: z.string(),
    status: RunStatus,
    startTime: Timestamp,
    endTime: Timestamp.nullable(),
    lifecycle: Lifecycle,
    artifactUri: z.string(),
    /** The latest value of each metric: that of the greatest step, then timestamp, then value. By key. */
    metrics: z.array(Metric),
    /** By key. */
    params: z.array(Tag),
    /** By key. */
    tags: z.array(Tag),
    datasets: z.array(DatasetInput),
    /** Logged models that it read. */
    modelInputs: z.array(z.string()),
    /** Logged models that it made. */
    modelOutputs: z.array(ModelOutput),
  })
  .meta({ id: "Run" });
export type Run = z.infer<typeof Run>;

export const LoggedModelStatus = z.enum(["LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"]);
export type LoggedModelStatus = z.infer<typeof LoggedModelStatus>;

export const LoggedModel = z
  .object({
    /** `m-` and 32 hexadecimal digits. */
    id: z.string(),
    experiment: z.string(),
    name: z.string(),
    artifactUri: z.string(),
    createdAt: Timestamp,
    updatedAt: Timestamp,
    status: LoggedModelStatus,
    modelType: z.string(),
    sourceRun: z.string().nullable(),
    params: z.array(Tag),
    tags: z.array(Tag),
    /** With the run that logged each. */
    metrics: z.array(Metric.extend({ run: z.string() })),
  })
  .meta({ id: "LoggedModel" });
export type LoggedModel = z.infer<typeof LoggedModel>;

/** Which life the things found may have. */
export type View = "active" | "deleted" | "all";

/** How runs are shown: what the console has in its address, kept under a name. */
export const RunView = z
  .object({
    id: z.string(),
    experiment: z.string(),
    name: z.string(),
    view: z.object({
      filter: z.string().max(10_000).default(""),
      order: z.string().max(600).default(""),
      /** Such as `metrics.loss`, `params.depth`, `tags.team`, `attributes.status`. */
      columns: z.array(z.string().max(300)).max(200).default([]),
      /** A column whose values group the rows; empty for none. */
      group: z.string().max(300).default(""),
      /** Keys of the metrics that are charted. */
      charts: z.array(z.string().max(250)).max(100).default([]),
    }),
    owner: z.string(),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  })
  .meta({ id: "RunView" });
export type RunView = z.infer<typeof RunView>;

export type { Page, SearchCondition, SearchField, SearchOrder } from "../core/search-condition.ts";
