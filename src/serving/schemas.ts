import { z } from "zod";
import { ModelName, VersionNumber } from "../core/names.ts";
import { ExampleTensor } from "../registry/index.ts";
import { Assignment } from "./traffic/traffic-route.ts";

/** With the other schemas for a process that reads the prediction log and nothing else of the module. */
export { Assignment };

const Timestamp = z.number().int().nonnegative().meta({ description: "Milliseconds since 1970-01-01T00:00:00Z" });

export const PredictionId = z
  .string()
  .regex(/^prd_[0-9a-hjkmnp-tv-z]{26}$/, "a prediction id such as prd_01ktz… (30 characters)")
  .meta({ id: "PredictionId" });
export type PredictionId = z.infer<typeof PredictionId>;

export const PredictionTiming = z
  .object({
    queueUs: z.number().meta({ description: "Microseconds in the queue" }),
    runUs: z.number().meta({ description: "Microseconds in the model, of the whole batch" }),
    totalUs: z.number().meta({ description: "Microseconds from the parsed request to the answer" }),
    batchRows: z.number().int().meta({ description: "Rows of the batch in which it ran" }),
  })
  .meta({ id: "PredictionTiming" });
export type PredictionTiming = z.infer<typeof PredictionTiming>;

/** A tensor as it was logged: values, or only what they hash to when policy redacts or shortens them. */
export const LoggedTensor = z
  .object({
    ...ExampleTensor.shape,
    data: ExampleTensor.shape.data.nullable(),
    /** SHA-256 of the little-endian bytes; present when `data` is null because the tensor was too large. */
    digest: z.string().optional(),
    redacted: z.boolean().optional(),
  })
  .meta({ id: "LoggedTensor" });
export type LoggedTensor = z.infer<typeof LoggedTensor>;

/** `ok`, `cached`, or the code of the error that the caller got. */
export const Outcome = z.string().meta({ id: "Outcome", example: "ok" });

export const Prediction = z
  .object({
    id: PredictionId,
    time: Timestamp,
    model: ModelName,
    version: VersionNumber,
    /** The caller's own id, echoed. */
    requestId: z.string().nullable(),
    rows: z.number().int(),
    outcome: Outcome,
    timing: PredictionTiming,
    inputs: z.array(LoggedTensor),
    outputs: z.array(LoggedTensor),
    /** Null where the model had no route, or the caller named the version. */
    assignment: Assignment.nullable().meta({ description: "Why it went to this version; null where nothing was rolled out or tested" }),
    traceId: z.string().nullable().meta({ description: "The trace that has its span; null where it has none. A trace may have been let go by sampling or age" }),
  })
  .meta({ id: "Prediction" });
export type Prediction = z.infer<typeof Prediction>;

export const TruthRecord = z
  .strictObject({
    predictionId: PredictionId,
    /** Row within the request that the truth belongs to. */
    row: z.number().int().min(0).default(0),
    value: z.union([z.number(), z.string().max(1000), z.boolean()]),
    /** When the truth came to be; the time of arrival when absent. */
    observedAt: Timestamp.optional(),
  })
  .meta({ id: "TruthRecord" });
export type TruthRecord = z.infer<typeof TruthRecord>;

export const StoredTruth = z
  .object({
    predictionId: PredictionId,
    row: z.number().int(),
    value: z.union([z.number(), z.string(), z.boolean()]),
    observedAt: Timestamp,
    receivedAt: Timestamp,
    /** How often a different value replaced the first one. */
    corrections: z.number().int(),
  })
  .meta({ id: "StoredTruth" });
export type StoredTruth = z.infer<typeof StoredTruth>;

/** What was said of a rollout last when a prediction was made. */
export const VerdictOfMoment = z
  .object({
    id: z.string(),
    time: Timestamp,
    decision: z.string().meta({ description: "promote, roll back or hold" }),
    reason: z.string(),
    gates: z.array(z.object({ gate: z.string(), result: z.string(), candidate: z.number().nullable(), stable: z.number().nullable(), limit: z.number().nullable(), detail: z.string() })),
  })
  .meta({ id: "VerdictOfMoment" });
export type VerdictOfMoment = z.infer<typeof VerdictOfMoment>;

/** What `slipway why` answers; later capabilities add fields. */
export const PredictionExplanation = z
  .object({
    prediction: Prediction,
    /** Digest of the contract under which it was made. */
    contractDigest: z.string(),
    /** Where the version stands now: `champion`, another alias, or null. */
    alias: z.string().nullable(),
    truth: z.array(StoredTruth),
    /** Null where no version was asked beside it, or its answer has not been logged. */
    shadow: Prediction.nullable().meta({ description: "What the version under comparison answered to the same request; nobody got it" }),
    verdict: VerdictOfMoment.nullable().meta({ description: "Of the rollout that assigned it, the last before it; null before the first" }),
  })
  .meta({ id: "PredictionExplanation" });
export type PredictionExplanation = z.infer<typeof PredictionExplanation>;

export const VersionState = z
  .enum(["loading", "ready", "away", "failed", "draining", "unloaded"])
  .meta({ id: "VersionState", description: "away: loaded, and what answers for it elsewhere cannot be asked; it is ready by itself when that is back" });
export type VersionState = z.infer<typeof VersionState>;

/** One served version, as the console and `/v2/repository/index` see it. */
export const ServedVersion = z
  .object({
    model: ModelName,
    version: VersionNumber,
    state: VersionState,
    reason: z.string().nullable().meta({ description: "Why it failed or is away" }),
    active: z.boolean(),
    placement: z.enum(["inline", "runner"]),
    executionProvider: z.string().meta({ example: "cpu" }),
    runners: z.object({ wanted: z.number().int(), ready: z.number().int(), restarts: z.number().int() }),
    queueRows: z.number().int(),
    breaker: z.enum(["closed", "open", "half-open"]).nullable().meta({ description: "Circuit breaker: closed = asked, open = asked no more for a time, half-open = one request tries it; null without one" }),
    /** Milliseconds of one run by batch size, as measured at warm-up. */
    warmup: z.array(z.object({ rows: z.number().int(), milliseconds: z.number() })),
  })
  .meta({ id: "ServedVersion" });
export type ServedVersion = z.infer<typeof ServedVersion>;
