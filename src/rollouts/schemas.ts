import { z } from "zod";
import { VersionNumber } from "../core/names.ts";
import { TrafficSubject } from "../core/traffic-subject.ts";
import { RolloutPlan, StepGate } from "../registry/index.ts";
import { TrafficRoute } from "../serving/index.ts";

const Timestamp = z.number().int().nonnegative().meta({ description: "Milliseconds since 1970-01-01T00:00:00Z" });

/**
 * preparing: loads, warms up, does the checks of the phase. running: gates are judged. paused: by a person; traffic stays as it is.
 * Ended: succeeded (the candidate has all traffic and the alias), rolled back (by a gate or a hard failure), aborted (by a person), failed (could not be carried out).
 */
export const RolloutState = z.enum(["preparing", "running", "paused", "succeeded", "rolled back", "aborted", "failed"]).meta({ id: "RolloutState" });
export type RolloutState = z.infer<typeof RolloutState>;
export const openStates: readonly RolloutState[] = ["preparing", "running", "paused"];

export const Decision = z.enum(["promote", "roll back", "hold"]).meta({ id: "RolloutDecision" });
export type Decision = z.infer<typeof Decision>;

/** What somebody asked of a rollout that has not been carried out yet. */
export const RolloutRequest = z.object({
  action: z.enum(["promote", "pause", "resume", "abort", "trip", "stop"]).meta({ description: "trip: a server saw hard failures. stop: of an A/B test" }),
  by: z.string(), at: Timestamp, reason: z.string(),
  phase: z.number().int().optional().meta({ description: "Of promote: the phase that is over by it" }),
  failed: z.boolean().optional().meta({ description: "Of trip: the rollout could not be carried out, and ends as failed" }),
  stop: z
    .object({
      promote: z.string().nullable().meta({ description: "Variant that becomes the champion" }),
      champion: z.string().nullable().meta({ description: "The version that was it when this was asked" }),
      why: z.string().meta({ description: "The words that were given with it" }),
      server: z.string().meta({ description: "The server that carries it out; another one does where it is gone" }),
    })
    .optional(),
});
export type RolloutRequest = z.infer<typeof RolloutRequest>;

export const Rollout = z
  .object({
    id: z.string().meta({ example: "rol_01ktz…" }),
    model: TrafficSubject,
    team: z.string(),
    kind: z.enum(["rollout", "ab-test"]),
    /** Has the traffic that no arm has, and takes it all back. */
    stable: VersionNumber,
    candidate: VersionNumber.meta({ description: "The version that is rolled out; of an A/B test, its first variant" }),
    state: RolloutState,
    plan: RolloutPlan.meta({ description: "As it was at the start: a later change of the policy is for later rollouts" }),
    phase: z.number().int().meta({ description: "Index of the present phase of the plan; -1 before the first" }),
    phaseSince: Timestamp.nullable(),
    startedAt: Timestamp,
    startedBy: z.string(),
    endedAt: Timestamp.nullable(),
    reason: z.string().meta({ description: "Why it is in its state; empty where there is nothing to say" }),
    request: RolloutRequest.nullable(),
    workflowRun: z.string().nullable(),
    salt: z.string(),
    /** Of an A/B test only. */
    test: z.record(z.string(), z.unknown()).nullable(),
  })
  .meta({ id: "Rollout" });
export type Rollout = z.infer<typeof Rollout>;

/** Counts of values in buckets that do not depend on the data: [bucket, count] in ascending order of buckets. */
const SparseCounts = z.array(z.tuple([z.number().int(), z.number().int()]));
/** Count, mean and sum of squared deviations (Welford). */
const Moments = z.object({ count: z.number(), mean: z.number(), m2: z.number() });
const Values = z.record(z.string(), Moments);

/** What one version did in one phase on one server, or on all together: all parts can be added up. */
export const ArmFigures = z
  .object({
    arm: z.string(),
    version: VersionNumber,
    requests: z.number().int().meta({ description: "Assigned to it; its answers as a shadow, in a phase without weight" }),
    rows: z.number().int(),
    /** By outcome, those that the version is to blame for. */
    failures: z.record(z.string(), z.number().int()),
    limited: z.object({ calls: z.number().int(), own: z.number().int() }).optional().meta({ description: "Of a route: calls that met a rate limit or a used up quota of its providers and are in no other figure, and those of them where the account that answered for stable had none. Absent where there are none" }),
    /** Requests of another arm that it answered. */
    retries: z.number().int(),
    latencyUs: SparseCounts,
    /** Numbers that it predicted, by signed logarithmic bucket; or labels. */
    predictions: z.union([z.object({ kind: z.literal("number"), counts: SparseCounts, moments: Moments }), z.object({ kind: z.literal("label"), counts: z.record(z.string(), z.number().int()), other: z.number().int() }), z.null()]),
    /** Error of each prediction whose truth is known: 0 or 1 for labels, the absolute difference for numbers. */
    errors: Moments,
    values: Values.optional().meta({ description: "Of a route: dollars of a call as `cost`, and scores as `score NAME`. Absent where there are none" }),
  })
  .meta({ id: "ArmFigures" });
export type ArmFigures = z.infer<typeof ArmFigures>;

/** Answers of two versions to the same inputs. */
export const PairedFigures = z
  .object({
    arm: z.string(), pairs: z.number().int(), skipped: z.number().int(),
    disagreements: z.number().int().meta({ description: "Rows whose labels differ" }), labels: z.number().int(),
    /** Of rows: candidate less stable, and its absolute value. */
    difference: Moments, absoluteDifference: Moments,
    /** Shadow latency less that of the stable version, in microseconds. */
    latencyUs: Moments,
    values: Values.optional().meta({ description: "Of a route: dollars of the shadow call less those of the answered one as `cost`, and those of the answered one as `stable cost`" }),
  })
  .meta({ id: "PairedFigures" });
export type PairedFigures = z.infer<typeof PairedFigures>;

/** What the sample ratio is judged by: requests of one key are assigned once, so the key counts once. */
export const AssignedUnits = z
  .object({
    halvings: z.number().int().meta({ description: "Keys are counted in one of 2^halvings: 0 while all are known" }),
    keys: z.record(z.string(), z.number().int()).meta({ description: "Different keys by arm" }),
    drawn: z.record(z.string(), z.number().int()).meta({ description: "Requests without a key by arm" }),
  })
  .meta({ id: "AssignedUnits" });
export type AssignedUnits = z.infer<typeof AssignedUnits>;

/** Of the calls that an arm was given, those that met a rate limit or a used up quota of its providers. */
export const LimitsMet = z.object({ calls: z.number().int(), of: z.number().int() }).meta({ id: "LimitsMet" });
export type LimitsMet = z.infer<typeof LimitsMet>;

export const PhaseFigures = z
  .object({
    arms: z.array(ArmFigures), paired: z.array(PairedFigures), assigned: AssignedUnits.optional().meta({ description: "Absent where nothing was assigned by a hash" }),
    stableLimits: LimitsMet.optional().meta({ description: "Of a route: what stable met in the last phase that left it traffic. Absent in phases that do, and where the candidate met no limit" }),
  })
  .meta({ id: "PhaseFigures" });
export type PhaseFigures = z.infer<typeof PhaseFigures>;

/** Hashes of keys, each once, by arm: all that are below the threshold (of 2^32). */
export const KeyHashes = z.object({ threshold: z.number(), hashes: z.record(z.string(), z.array(z.number())) });
export type KeyHashes = z.infer<typeof KeyHashes>;

/** Figures as servers write them: with the hashes of keys, so that a key that two servers saw counts once. */
export const ReplicaFigures = PhaseFigures.omit({ assigned: true, stableLimits: true }).extend({ assigned: z.object({ keys: KeyHashes, drawn: AssignedUnits.shape.drawn }).optional() });
export type ReplicaFigures = z.infer<typeof ReplicaFigures>;

/** What a gate said, with the numbers that made it: enough to work it out again. */
export const GateResult = z
  .object({
    gate: z.string().meta({ description: "Such as `latency p99`, `errors`, `metric revenue`, `sample ratio`, `hard failures`, `time`, `samples`" }),
    spec: StepGate.nullable().meta({ description: "Null for those that every phase has" }),
    result: z.enum(["pass", "fail", "no data", "undecided"]),
    candidate: z.number().nullable(),
    stable: z.number().nullable(),
    limit: z.number().nullable(),
    /** Always-valid bounds of what is compared, where there are such. */
    interval: z.tuple([z.number(), z.number()]).nullable(),
    detail: z.string().meta({ description: "In words" }),
  })
  .meta({ id: "GateResult" });
export type GateResult = z.infer<typeof GateResult>;

export const Verdict = z
  .object({
    id: z.string(),
    rollout: z.string(),
    phase: z.number().int(),
    time: Timestamp,
    decision: Decision,
    reason: z.string(),
    /** Seconds since the phase began, without those that it was paused. */
    seconds: z.number(),
    gates: z.array(GateResult),
    figures: PhaseFigures,
    by: z.string().nullable().default(null).meta({ description: "The person who decided past the gates, by promoting or pausing; null for the gates' own decision" }),
    /** Values that were asked of elsewhere, such as those of SQL metrics: name, and of each arm the number. */
    metrics: z.array(z.object({ name: z.string(), candidate: z.number().nullable(), stable: z.number().nullable() })),
  })
  .meta({ id: "RolloutVerdict" });
export type Verdict = z.infer<typeof Verdict>;

/** A server on the database, and which routes it has. */
export const Replica = z.object({ id: z.string(), seenAt: Timestamp, routes: z.record(z.string(), z.number().int()).meta({ description: "Model to revision" }) }).meta({ id: "Replica" });
export type Replica = z.infer<typeof Replica>;

export const NewRollout = z
  .strictObject({
    version: VersionNumber.optional().meta({ description: "The newest version when absent" }),
    canary: z.number().gt(0).max(100).optional().meta({ description: "Percent of the canary phase, instead of the plan's" }),
    plan: RolloutPlan.optional().meta({ description: "Instead of the policy's" }),
    reason: z.string().max(1000).default(""),
  })
  .meta({ id: "NewRollout" });
export type NewRollout = z.infer<typeof NewRollout>;

export const RolloutStatus = z
  .object({
    rollout: Rollout,
    route: TrafficRoute.nullable(),
    /** Of the present phase, of all servers. */
    figures: PhaseFigures,
    latest: Verdict.nullable(),
    replicas: z.array(z.object({ id: z.string(), revision: z.number().int().nullable(), seenAt: Timestamp, live: z.boolean() })),
    /** Checks and approvals that wait, or were done. */
    checks: z.array(z.object({ phase: z.number().int(), name: z.string(), kind: z.string(), state: z.enum(["pending", "running", "passed", "failed", "waits for approval"]), detail: z.string() })),
  })
  .meta({ id: "RolloutStatus" });
export type RolloutStatus = z.infer<typeof RolloutStatus>;

/** A rollout in a list. */
export const RolloutSummary = Rollout.extend({ latest: Verdict.pick({ time: true, decision: true, reason: true }).nullable().meta({ description: "Newest verdict" }) }).meta({ id: "RolloutSummary" });
export type RolloutSummary = z.infer<typeof RolloutSummary>;

/** What a rollback did. */
export const RollbackResult = z
  .object({
    model: TrafficSubject,
    champion: VersionNumber.meta({ description: "The version that has the traffic now" }),
    before: VersionNumber.nullable().meta({ description: "The champion that it replaced; null where the champion stayed and a rollout ended" }),
    rollout: Rollout.nullable().meta({ description: "The rollout that was ended" }),
  })
  .meta({ id: "RollbackResult" });
export type RollbackResult = z.infer<typeof RollbackResult>;
