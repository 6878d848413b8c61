import { z } from "zod";
import { ModelName, VersionNumber } from "../core/names.ts";

const Timestamp = z.number().int().nonnegative().meta({ description: "Milliseconds since 1970-01-01T00:00:00Z" });

/** What one version did in one interval. Latencies are of whole requests, in milliseconds; null where nothing was measured. */
export const ServingInterval = z
  .object({
    from: Timestamp,
    seconds: z.number(),
    requests: z.number().int(),
    rows: z.number().int(),
    errors: z.number().int(),
    cacheHits: z.number().int(),
    p50Ms: z.number().nullable(),
    p95Ms: z.number().nullable(),
    p99Ms: z.number().nullable(),
    minMs: z.number().nullable(),
    maxMs: z.number().nullable(),
    queueP95Ms: z.number().nullable(),
    batches: z.number().int(),
    meanBatchRows: z.number().nullable(),
    maxQueueRows: z.number().int(),
  })
  .meta({ id: "ServingInterval" });
export type ServingInterval = z.infer<typeof ServingInterval>;

export const ServingSeries = z
  .object({
    model: ModelName,
    versions: z.array(
      z.object({
        version: VersionNumber,
        /** All of the asked time in one. */
        total: ServingInterval,
        intervals: z.array(ServingInterval),
      }),
    ),
  })
  .meta({ id: "ServingSeries" });
export type ServingSeries = z.infer<typeof ServingSeries>;

export const DriftLevel = z.enum(["none", "moderate", "major", "unknown"]).meta({ id: "DriftLevel" });
export type DriftLevel = z.infer<typeof DriftLevel>;

export const ColumnDrift = z
  .object({
    column: z.string(),
    input: z.string(),
    kind: z.enum(["numeric", "categorical"]),
    /** Population stability index of the live window against the reference; null while the window is empty. */
    psi: z.number().nullable(),
    /** PSI that this many rows show by chance in 5% of windows without any drift. */
    noise: z.number().nullable(),
    level: DriftLevel,
    rows: z.number().int(),
    missing: z.number().int(),
    /** Share of each bucket in reference and live window, in the order of `labels`. */
    labels: z.array(z.string()),
    reference: z.array(z.number()),
    live: z.array(z.number()),
  })
  .meta({ id: "ColumnDrift" });
export type ColumnDrift = z.infer<typeof ColumnDrift>;

export const DriftReport = z
  .object({
    model: ModelName,
    version: VersionNumber,
    from: Timestamp,
    to: Timestamp,
    rows: z.number().int(),
    level: DriftLevel,
    /** Why there is no figure, such as a version without reference data. */
    reason: z.string().nullable(),
    columns: z.array(ColumnDrift),
  })
  .meta({ id: "DriftReport" });
export type DriftReport = z.infer<typeof DriftReport>;

/** Figures of the last minute; rates are null without requests. */
export const LiveFigures = z
  .object({
    requestsPerSecond: z.number(),
    errorRate: z.number().nullable(),
    cacheHitRate: z.number().nullable(),
    p50Ms: z.number().nullable(),
    p95Ms: z.number().nullable(),
    p99Ms: z.number().nullable(),
  })
  .meta({ id: "LiveFigures" });
export type LiveFigures = z.infer<typeof LiveFigures>;
