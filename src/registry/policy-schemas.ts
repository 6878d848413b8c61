import { z } from "zod";
import { RegistryName, VersionNumber } from "../core/names.ts";
import { Fallback, RolloutPlan } from "./rollout-plan.ts";

const Timestamp = z.number().int().nonnegative().meta({ description: "Milliseconds since 1970-01-01T00:00:00Z" });

/** What people decided and may change; every field has a default. Each change makes a new revision. */
export const Policy = z
  .strictObject({
    serving: z
      .strictObject({
        runners: z.number().int().min(1).max(64).default(1).meta({ description: "Processes that run the model side by side" }),
        inline: z.enum(["auto", "never"]).default("auto").meta({ description: "auto: a measured-tiny model runs in the server's process" }),
        maxBatchRows: z.number().int().min(1).max(65_536).default(64),
        maxBatchDelayMs: z.number().min(0).max(10_000).default(0),
        maxQueueRows: z.number().int().min(1).max(10_000_000).default(4096),
        deadlineMs: z.number().int().min(1).max(3_600_000).default(30_000),
        maxRunMs: z.number().int().min(10).max(3_600_000).default(30_000).meta({ description: "A run that takes longer is stopped and its runner replaced" }),
        maxRowsPerRequest: z.number().int().min(1).max(10_000_000).default(100_000),
      })
      .prefault({}),
    cache: z
      .strictObject({
        enabled: z.boolean().default(false),
        ttlSeconds: z.number().min(0.001).max(86_400).default(60),
        maxEntries: z.number().int().min(1).max(1_000_000).default(10_000),
      })
      .prefault({}),
    log: z
      .strictObject({
        sampleRate: z.number().min(0).max(1).default(1),
        /** Columns or input tensors whose values never reach the log. */
        redact: z.array(z.string()).default([]),
        /** A tensor with more elements is logged by shape and digest only. */
        maxElements: z.number().int().min(0).max(10_000_000).default(4096),
        retentionDays: z.number().int().min(1).max(3650).default(90),
      })
      .prefault({}),
    objectives: z
      .strictObject({
        latencyP95Ms: z.strictObject({ warning: z.number().positive().default(100), critical: z.number().positive().default(200) }).prefault({}),
        errorRate: z.strictObject({ warning: z.number().min(0).max(1).default(0.001), critical: z.number().min(0).max(1).default(0.01) }).prefault({}),
        psi: z.strictObject({ warning: z.number().positive().default(0.1), critical: z.number().positive().default(0.2) }).prefault({}),
      })
      .prefault({}),
    monitoring: z
      .strictObject({
        windowMinutes: z.number().int().min(1).max(10_080).default(60).meta({ description: "Length of the live window that drift is computed over" }),
      })
      .prefault({}),
    evaluation: z
      .strictObject({
        dataset: z.string().max(128).nullable().default(null).meta({ description: "Name of the dataset that new versions are evaluated on; null for none" }),
        datasetVersion: z.number().int().min(1).nullable().default(null).meta({ description: "Null for its latest version" }),
        target: z.string().max(500).nullable().default(null).meta({ description: "Column that the model predicts; null for the dataset's own target" }),
        output: z.string().max(500).nullable().default(null).meta({ description: "Output tensor that holds the predictions; null where the outputs tell" }),
        task: z.enum(["auto", "classification", "regression", "forecast"]).default("auto").meta({ description: "forecast: rows are in order of time, and the trivial baseline is the value before" }),
        metric: z.enum(["auto", "accuracy", "log_loss", "auc", "mean_absolute_error", "mean_squared_error"]).default("auto"),
        baseline: VersionNumber.nullable().default(null).meta({ description: "Version that others are measured against; null for a trivial model: majority class, mean or the value before" }),
        confidence: z.number().min(0.5).max(0.9999).default(0.95).meta({ description: "Level of the confidence intervals of differences" }),
        maxRows: z.number().int().min(10).max(10_000_000).default(100_000).meta({ description: "Rows of the dataset that are used, from its beginning" }),
      })
      .prefault({}),
    rollout: RolloutPlan.prefault({}),
    fallback: Fallback.prefault({}),
  })
  .meta({ id: "Policy" });
export type Policy = z.infer<typeof Policy>;

export const PolicyRevision = z
  .object({ model: RegistryName, revision: z.number().int().nonnegative(), author: z.string(), changedAt: Timestamp, reason: z.string(), policy: Policy })
  .meta({ id: "PolicyRevision" });
export type PolicyRevision = z.infer<typeof PolicyRevision>;
