import { z } from "zod";
import { RegistryName, VersionNumber } from "../core/names.ts";

const Timestamp = z.number().int().nonnegative().meta({ description: "Milliseconds since 1970-01-01T00:00:00Z" });
const Metrics = z.record(z.string(), z.number()).meta({ description: "Each metric of the task on all rows, by name" });

export const EvaluationMetric = z.enum(["accuracy", "log_loss", "auc", "mean_absolute_error", "mean_squared_error"]);
export type EvaluationMetric = z.infer<typeof EvaluationMetric>;

/** What a version is measured against: another version, or the simplest model of all. */
export const Rival = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("version"), version: VersionNumber }),
  z.object({ kind: z.literal("majority_class"), label: z.string() }),
  z.object({ kind: z.literal("mean"), value: z.number() }),
  z.object({ kind: z.literal("last_value") }),
]);
export type Rival = z.infer<typeof Rival>;

export const EvaluationComparison = z
  .object({
    role: z.enum(["baseline", "champion"]),
    rival: Rival,
    metrics: Metrics,
    rows: z.number().int().meta({ description: "Rows that both predicted" }),
    difference: z.number().meta({ description: "The version's metric less the rival's" }),
    interval: z.object({ low: z.number(), high: z.number(), confidence: z.number() }).meta({ description: "Of the difference, paired by row" }),
    method: z.enum(["paired_t", "delong"]),
    verdict: z.enum(["better", "worse", "undecided"]).meta({ description: "undecided: the interval holds 0" }),
  })
  .meta({ id: "EvaluationComparison" });
export type EvaluationComparison = z.infer<typeof EvaluationComparison>;

/** A version on an evaluation set, beside its baseline and the version that was champion then. */
export const Evaluation = z
  .object({
    id: z.string(),
    model: RegistryName,
    version: VersionNumber,
    time: Timestamp,
    workflowRun: z.string().nullable(),
    dataset: z.object({ name: z.string(), version: z.number().int(), digest: z.string(), rows: z.number().int().meta({ description: "Rows that were used" }), target: z.string() }),
    task: z.enum(["classification", "regression", "forecast"]),
    metric: EvaluationMetric,
    higherIsBetter: z.boolean(),
    metrics: Metrics,
    comparisons: z.array(EvaluationComparison).meta({ description: "With the baseline first. The champion is the version that this one replaced where it is the champion itself; it is missing where there was none" }),
    notes: z.array(z.string()),
  })
  .meta({ id: "Evaluation" });
export type Evaluation = z.infer<typeof Evaluation>;

/** Input of the workflow `evaluate`. What is not said is by the model's policy. */
export const EvaluationRequest = z
  .strictObject({
    model: RegistryName,
    version: VersionNumber,
    dataset: z.string().max(128).optional(),
    datasetVersion: z.number().int().min(1).optional(),
    baseline: VersionNumber.optional(),
  })
  .meta({ id: "EvaluationRequest" });
export type EvaluationRequest = z.infer<typeof EvaluationRequest>;
