import { z } from "zod";
import { isSafeName, ModelName } from "../core/names.ts";

const Share = z.number().min(0).max(1);
const Seconds = z.number().min(0).max(31_536_000);
const GateName = z.string().refine(isSafeName, "letters, digits, dots, dashes and underscores");
/** What a gate that is not met does: `hold` waits for it, or for a person. */
const OnFailure = z.enum(["roll back", "hold"]).default("roll back");
const Command = z.array(z.string().min(1).max(4000)).min(1).max(100).meta({ description: "Program and arguments; no shell" });

/** Judged again and again while a phase lasts, from figures in memory, against the stable version in the same window. */
export const StepGate = z
  .discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("latency"), quantile: z.enum(["p50", "p95", "p99"]),
      maxMs: z.number().positive().nullable().default(100).meta({ description: "Absolute limit in milliseconds; null for none" }),
      maxRatio: z.number().min(1).nullable().default(1.5).meta({ description: "At most so many times that of the stable version; null for no such limit" }),
      fromMs: z.number().min(0).default(10).meta({ description: "Below it no ratio counts: a tiny model that has left the server's process for the rollout takes a few times as long, and nobody minds" }),
      onFailure: OnFailure,
    }),
    z.strictObject({
      kind: z.literal("errors"),
      maxRate: Share.nullable().default(0.001).meta({ description: "Absolute limit; null for none" }),
      compare: z.boolean().default(true).meta({ description: "Not more than the stable version, by an always-valid test" }),
      onFailure: OnFailure,
    }),
    z.strictObject({
      kind: z.literal("distribution"), output: z.string().max(500).nullable().default(null).meta({ description: "Output tensor; null for the prediction" }),
      maxDistance: z.number().positive().default(0.2).meta({ description: "Population stability index of the predictions against those of the stable version" }), onFailure: OnFailure,
    }),
    z.strictObject({
      kind: z.literal("paired"),
      maxDisagreement: Share.nullable().default(0.2).meta({ description: "Share of labels that differ on the same inputs" }),
      maxDifference: z.number().positive().nullable().default(0.5).meta({ description: "Mean absolute difference on the same inputs, in standard deviations of the stable version's answers" }),
      onFailure: OnFailure,
    }),
    z.strictObject({
      kind: z.literal("accuracy"), maxLoss: z.number().min(0).default(0).meta({ description: "How much worse than the stable version it may be: of accuracy for labels, of the mean absolute error, relative, for numbers" }),
      minTruths: z.number().int().min(1).default(100),
      required: z.boolean().default(false).meta({ description: "Hold until so many truths are known; without, the phase does not wait for truth that may come much later" }), onFailure: OnFailure,
    }),
    z.strictObject({
      kind: z.literal("metric"), name: GateName,
      sql: z.string().min(1).max(10_000).meta({ description: "One SELECT that answers one number, over `predictions`: the logged predictions of the version in this phase" }),
      min: z.number().nullable().default(null), max: z.number().nullable().default(null),
      maxRatio: z.number().positive().nullable().default(null).meta({ description: "At most so many times the stable version's" }),
      everySeconds: z.number().min(1).max(86_400).default(60), onFailure: OnFailure,
    }),
    z.strictObject({
      kind: z.literal("cost"),
      maxRatio: z.number().min(0).nullable().default(1.25).meta({ description: "Mean dollars of a call, at most so many times the stable version's; null for no such limit" }),
      maxDollars: z.number().positive().nullable().default(null).meta({ description: "Mean dollars of a call, at most; null for no such limit" }), onFailure: OnFailure,
    }),
    z.strictObject({
      kind: z.literal("score"), name: z.string().min(1).max(250).meta({ description: "Name of the feedback on traces; true counts as 1, false as 0" }),
      better: z.enum(["higher", "lower"]).default("higher"),
      maxLoss: z.number().min(0).default(0).meta({ description: "How much worse than the stable version's its mean may be, in the score's unit" }),
      minScores: z.number().int().min(1).default(100).meta({ description: "Of each, before anything is said" }),
      required: z.boolean().default(false).meta({ description: "Hold until there are so many; without, the phase does not wait for scores that may come much later" }), onFailure: OnFailure,
    }),
  ])
  .meta({ id: "StepGate" });
export type StepGate = z.infer<typeof StepGate>;

/** Done once, before a phase gets traffic. */
export const EntryCheck = z
  .discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("command"), name: GateName.default("integration-test"), command: Command,
      timeoutSeconds: z.number().int().min(1).max(86_400).default(600),
    }),
    z.strictObject({
      kind: z.literal("scan"), name: GateName.default("security-scan"), of: z.enum(["files", "endpoint", "image"]),
      command: Command.nullable().default(null).meta({ description: "A scanner; null for the checks that are built in (files and endpoint)" }),
      image: z.string().max(1000).nullable().default(null).meta({ description: "Reference of the image, for a scan of it" }),
      timeoutSeconds: z.number().int().min(1).max(86_400).default(600),
    }),
    z.strictObject({ kind: z.literal("approval"), name: GateName.default("approval"), timeoutSeconds: Seconds.default(604_800) }),
  ])
  .meta({ id: "EntryCheck" });
export type EntryCheck = z.infer<typeof EntryCheck>;

const RolloutPhaseName = z.enum(["shadow", "canary", "staged", "full"]).meta({ id: "RolloutPhaseName" });

export const RolloutPhase = z
  .strictObject({
    phase: RolloutPhaseName,
    weight: Share.meta({ description: "Share of the traffic that the candidate answers" }),
    shadow: Share.default(0).meta({ description: "Share of the stable version's requests that the candidate is asked too, for comparison alone" }),
    minSeconds: Seconds.default(0),
    minSamples: z.number().int().min(0).max(1_000_000_000).default(0).meta({ description: "Answers, or shadow answers, of the candidate" }),
    maxSeconds: Seconds.nullable().default(null).meta({ description: "After that long without a verdict it is rolled back; null to hold for ever" }),
    checks: z.array(EntryCheck).max(20).default([]),
    gates: z.array(StepGate).max(50).default([
      { kind: "latency", quantile: "p95", maxMs: 100, maxRatio: 1.5, fromMs: 10, onFailure: "roll back" },
      { kind: "latency", quantile: "p99", maxMs: 100, maxRatio: 2, fromMs: 10, onFailure: "roll back" },
      { kind: "errors", maxRate: 0.001, compare: true, onFailure: "roll back" },
      { kind: "distribution", output: null, maxDistance: 0.2, onFailure: "hold" },
      { kind: "paired", maxDisagreement: 0.2, maxDifference: 0.5, onFailure: "hold" },
      { kind: "accuracy", maxLoss: 0.02, minTruths: 100, required: false, onFailure: "roll back" },
    ]),
  })
  .meta({ id: "RolloutPhase" });
export type RolloutPhase = z.infer<typeof RolloutPhase>;

/** When a request goes to one side whatever its key is. The first rule that holds counts. */
export const RouteRule = z
  .strictObject({
    header: z.string().regex(/^[a-z0-9-]{1,100}$/, "the name of a header in small letters"),
    equals: z.string().max(1000).nullable().default(null).meta({ description: "Null: whatever its value" }),
    to: z.enum(["stable", "candidate"]),
  })
  .meta({ id: "RouteRule" });
export type RouteRule = z.infer<typeof RouteRule>;

/** What the candidate may do before it is taken from the traffic at once, whatever time and samples are asked for. */
const HardLimits = z.strictObject({
  failures: z.number().int().min(1).max(1_000_000).default(3).meta({ description: "Requests of a phase where it failed, answered with something invalid or spent its time, and the stable version would have answered" }),
  latencyMs: z.number().positive().nullable().default(null).meta({ description: "An answer slower than this counts as such a request, and stable answers it; null for one second, or twenty times the stable version's 99th percentile where that is longer" }),
});

export const RolloutPlan = z
  .strictObject({
    startOn: z.array(z.enum(["registered", "evaluated better", "staging", "challenger"])).default([])
      .meta({ description: "What starts a rollout by itself: a new version; one that was evaluated better than the champion; its stage Staging; its alias challenger" }),
    phases: z.array(RolloutPhase).min(1).max(20).refine((phases) => phases.every(({ weight }, index) => weight >= (phases[index - 1]?.weight ?? 0)), "no phase may have less weight than the one before").prefault([
      { phase: "shadow", weight: 0, shadow: 1, minSeconds: 600, minSamples: 200 },
      { phase: "canary", weight: 0.05, shadow: 0.05, minSeconds: 3600, minSamples: 500 },
      { phase: "staged", weight: 0.25, minSeconds: 3600, minSamples: 2000 },
      { phase: "full", weight: 1, minSeconds: 600 },
    ]),
    key: z
      .strictObject({
        header: z.string().regex(/^[a-z0-9-]{1,100}$/, "the name of a header in small letters").default("slipway-key"),
        input: z.string().max(500).nullable().default(null).meta({ description: "Input tensor or column whose first value is the key where the header is not there" }),
      })
      .prefault({})
      .meta({ description: "What keeps a caller with one version. Without a key each request is drawn by itself." }),
    rules: z.array(RouteRule).max(100).default([]),
    alpha: z.number().gt(0).max(0.5).default(0.05).meta({ description: "Chance that a gate which compares fails for two versions that are alike, over the whole phase" }),
    hard: HardLimits.prefault({}),
    retryOnStable: z.boolean().default(true),
    shadow: z
      .strictObject({
        maxConcurrent: z.number().int().min(1).max(10_000).default(4).meta({ description: "Shadow requests under way at once on a server; what comes beyond is not mirrored" }),
        maxPerSecond: z.number().positive().max(1_000_000).default(50),
      })
      .prefault({}),
    keepWarmSeconds: Seconds.default(3600).meta({ description: "How long the former version stays loaded after it was replaced" }),
  })
  .meta({ id: "RolloutPlan" });
export type RolloutPlan = z.infer<typeof RolloutPlan>;

/** What answers when the version that should cannot. In this order: fallback model, answer, error 503. */
export const Fallback = z
  .strictObject({
    model: ModelName.nullable().default(null).meta({ description: "A model of the same team with the same inputs and outputs; its champion answers" }),
    answer: z.record(z.string(), z.array(z.union([z.number(), z.string(), z.boolean()]))).nullable().default(null)
      .meta({ description: "Of each output, the values of one row; every row of the request gets them" }),
    breaker: z
      .strictObject({
        failures: z.number().int().min(1).max(1_000_000).default(20).meta({ description: "Failures in a row until a version is asked no more" }),
        openSeconds: z.number().min(0.1).max(86_400).default(10).meta({ description: "Until one request tries it again" }),
      })
      .nullable()
      .default(null)
      .meta({ description: "Circuit breaker of each version; null for none" }),
  })
  .meta({ id: "Fallback" });
export type Fallback = z.infer<typeof Fallback>;
