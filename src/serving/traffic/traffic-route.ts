import { z } from "zod";
import { VersionNumber } from "../../core/names.ts";
import { TrafficSubject } from "../../core/traffic-subject.ts";

/** One version beside the stable one, with the keys that are its own. */
export const RouteArm = z.object({
  name: z.string().meta({ description: "`candidate` in a rollout; the variant's name in an A/B test" }),
  version: VersionNumber,
  /** Keys whose hash is in [from, to) are its own; a growing share moves `to` alone, so nobody moves back. */
  from: z.number().min(0).max(1),
  to: z.number().min(0).max(1),
});
export type RouteArm = z.infer<typeof RouteArm>;

/** How requests for a model that name no version are shared out. Swapped as a whole between two requests. */
export const TrafficRoute = z
  .object({
    model: TrafficSubject,
    /** Counts up with each change of the model's route; replicas report which one they have. */
    revision: z.number().int().nonnegative(),
    /** Rollout or A/B test that this is the route of. */
    rollout: z.string(),
    /** What figures of this route are kept under: they begin anew with each phase. */
    phase: z.string(),
    kind: z.enum(["rollout", "ab-test"]),
    /** Answers what no arm has, and what an arm fails at. */
    stable: VersionNumber,
    arms: z.array(RouteArm),
    /** Of the hash: another one for each rollout, so that assignments are independent of each other. */
    salt: z.string(),
    key: z.object({ header: z.string(), input: z.string().nullable() }),
    rules: z.array(z.object({ header: z.string(), equals: z.string().nullable(), arm: z.string().meta({ description: "Name of an arm, or `stable`" }) })),
    /** The arm's version is asked too, for comparison alone. */
    shadow: z.object({ arm: z.string(), version: VersionNumber, share: z.number().min(0).max(1), maxConcurrent: z.number(), maxPerSecond: z.number() }).nullable(),
    retryOnStable: z.boolean(),
    hard: z.object({ failures: z.number().int(), latencyMs: z.number().nullable() }),
    /** Loaded on every server, whether they have traffic or not. */
    warm: z.array(VersionNumber),
    keepWarmSeconds: z.number().min(0).optional().meta({ description: "How long the stable version stays loaded after the route has gone and another is the champion; by the policy where it is absent" }),
    /** Of an A/B test, what it counts. */
    test: z.record(z.string(), z.unknown()).optional(),
  })
  .meta({ id: "TrafficRoute" });
export type TrafficRoute = z.infer<typeof TrafficRoute>;

/** Why a request went where it went; part of the prediction's record. */
export const Assignment = z
  .object({
    rollout: z.string(),
    phase: z.string(),
    arm: z.string().meta({ description: "`stable` or the name of an arm" }),
    by: z.enum(["key", "draw", "rule"]).meta({ description: "key: hash of the caller's key; draw: hash of the prediction's id, for a request without a key" }),
    fraction: z.number().nullable().meta({ description: "The hash as a number from 0 to 1; null for a rule" }),
    /** Set on an answer that stable gave after the arm had failed. */
    failed: z.object({ arm: z.string(), version: VersionNumber, outcome: z.string(), totalUs: z.number() }).nullable(),
    /** Set on the record of a shadow answer: the prediction that the caller got. */
    shadowOf: z.string().nullable(),
  })
  .meta({ id: "Assignment" });
export type Assignment = z.infer<typeof Assignment>;
