import { z } from "zod";

const Timestamp = z.number().int().nonnegative().meta({ description: "Milliseconds since 1970-01-01T00:00:00Z" });

/**
 * `queued`: waits for its turn. `running`: a replica holds it. `sleeping`: until `dueAt`, or for a signal. `compensating`:
 * its finished steps are being undone. The others are ends.
 */
export const RunState = z.enum(["queued", "running", "sleeping", "compensating", "succeeded", "failed", "cancelled"]).meta({ id: "RunState" });
export type RunState = z.infer<typeof RunState>;

export const RunError = z
  .object({ code: z.string(), message: z.string(), step: z.string().optional() })
  .meta({ id: "RunError" });
export type RunError = z.infer<typeof RunError>;

export const WorkflowRun = z
  .object({
    id: z.string(),
    workflow: z.string(),
    version: z.number().int(),
    state: RunState,
    input: z.unknown(),
    output: z.unknown().nullable(),
    error: RunError.nullable(),
    idempotencyKey: z.string().nullable(),
    /** Higher goes first. */
    priority: z.number().int(),
    concurrencyKey: z.string().nullable(),
    team: z.string(),
    owner: z.string().meta({ description: "The actor that started it" }),
    schedule: z.string().nullable(),
    createdAt: Timestamp,
    /** When it may be picked up next; null when only a signal wakes it, or it has ended. */
    dueAt: Timestamp.nullable(),
    startedAt: Timestamp.nullable(),
    endedAt: Timestamp.nullable(),
    cancelRequested: z.boolean(),
    progress: z.number().min(0).max(1).nullable(),
    progressNote: z.string().nullable(),
  })
  .meta({ id: "WorkflowRun" });
export type WorkflowRun = z.infer<typeof WorkflowRun>;

export const StepKind = z.enum(["function", "command", "sleep", "signal", "compensation"]).meta({ id: "StepKind" });
export type StepKind = z.infer<typeof StepKind>;

export const StepState = z.enum(["running", "retrying", "waiting", "succeeded", "failed"]).meta({ id: "StepState" });
export type StepState = z.infer<typeof StepState>;

export const WorkflowStep = z
  .object({
    step: z.string(),
    kind: StepKind,
    /** Order of completion, or of the start for those under way; from 1. */
    position: z.number().int(),
    state: StepState,
    attempts: z.number().int(),
    startedAt: Timestamp,
    endedAt: Timestamp.nullable(),
    /** When a sleep ends, a wait gives up, or the next attempt comes. */
    wakeAt: Timestamp.nullable(),
    result: z.unknown().nullable(),
    error: RunError.nullable(),
  })
  .meta({ id: "WorkflowStep" });
export type WorkflowStep = z.infer<typeof WorkflowStep>;

export const LogLine = z
  .object({ sequence: z.number().int(), step: z.string(), time: Timestamp, stream: z.enum(["log", "stdout", "stderr", "slipway"]), line: z.string() })
  .meta({ id: "WorkflowLogLine" });
export type LogLine = z.infer<typeof LogLine>;

export const StartRun = z
  .strictObject({
    input: z.unknown().default({}),
    idempotencyKey: z.string().min(1).max(200).optional(),
    priority: z.number().int().min(-100).max(100).default(0),
    /** The earliest time; now by default. */
    startAt: Timestamp.optional(),
    team: z.string().max(128).default("default"),
  })
  .meta({ id: "StartRun" });
export type StartRun = z.infer<typeof StartRun>;

export const SignalRequest = z
  .strictObject({
    /** The same id again sends nothing twice. */
    id: z.string().min(1).max(200).optional(),
    signal: z.string().min(1).max(200),
    /** Which of those that wait for it: what the run waits with. */
    key: z.string().max(200).default(""),
    /** An empty object by default: null is what a wait answers that gave up. */
    payload: z.unknown().default({}),
    /** Only runs of this team take it. */
    team: z.string().max(128).default("default"),
  })
  .meta({ id: "SignalRequest" });
export type SignalRequest = z.infer<typeof SignalRequest>;

/** `skip`: only the times to come. `once`: one run for all that was missed. `all`: one for each, the latest 100. */
export const MissedPolicy = z.enum(["skip", "once", "all"]).meta({ id: "MissedPolicy" });
export type MissedPolicy = z.infer<typeof MissedPolicy>;

export const ScheduleSpec = z
  .strictObject({
    workflow: z.string().min(1).max(128),
    cron: z.string().min(1).max(200).meta({ description: "Five fields: minute hour day month weekday" }),
    timeZone: z.string().min(1).max(64).default("UTC"),
    missed: MissedPolicy.default("once"),
    input: z.unknown().default({}),
    team: z.string().max(128).default("default"),
    paused: z.boolean().default(false),
  })
  .meta({ id: "ScheduleSpec" });
export type ScheduleSpec = z.infer<typeof ScheduleSpec>;

export const Schedule = z
  .object({
    name: z.string(),
    ...ScheduleSpec.shape,
    owner: z.string(),
    createdAt: Timestamp,
    nextAt: Timestamp.nullable(),
    lastAt: Timestamp.nullable(),
  })
  .meta({ id: "Schedule" });
export type Schedule = z.infer<typeof Schedule>;

export const WorkflowSummary = z
  .object({
    name: z.string(),
    version: z.number().int(),
    description: z.string(),
    /** JSON Schema of the input. */
    inputSchema: z.unknown(),
    concurrencyLimit: z.number().int().nullable(),
    /** Runs by state. */
    runs: z.record(z.string(), z.number().int()),
  })
  .meta({ id: "WorkflowSummary" });
export type WorkflowSummary = z.infer<typeof WorkflowSummary>;
