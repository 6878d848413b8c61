import { z } from "zod";
import { RouteSettings } from "../../gateway/index.ts";
import { NewAbTest } from "../ab-tests/schemas.ts";
import { Rollout } from "../schemas.ts";
import { RouteRolloutPlan } from "./route-plan.ts";

/** What of a route's settings is tried: all of them, or what is different. */
const tried = {
  settings: RouteSettings.optional().meta({ description: "All settings of the route as they would be" }),
  change: z.record(z.string(), z.unknown()).optional().meta({ description: "Instead of `settings`: what is different from the present ones, as a JSON merge patch, such as {\"systemPrompt\": \"...\"}; null takes something away" }),
  revision: z.number().int().min(1).optional().meta({ description: "Instead of both: a revision that the route had, or a draft" }),
};

export const NewRouteRollout = z
  .strictObject({
    ...tried,
    canary: z.number().gt(0).max(100).optional().meta({ description: "Percent of the canary phase, instead of the plan's" }),
    plan: RouteRolloutPlan.optional().meta({ description: "Instead of canary 5%, staged 25% and full with gates of latency, errors and cost; without that of cost where no model of either side has a price" }),
    reason: z.string().max(1000).default(""),
  })
  .meta({ id: "NewRouteRollout" });
export type NewRouteRollout = z.infer<typeof NewRouteRollout>;

const variant = NewAbTest.shape.variants.unwrap().omit({ version: true }).extend(tried);
export const NewRouteAbTest = NewAbTest.omit({ variants: true, covariate: true, keyInput: true })
  .extend({
    variants: z.array(variant).min(1).max(20).meta({ description: "Settings beside the present ones, which are the control" }),
    metric: z.string().min(1).max(250).meta({ description: "`cost` (dollars of a call), `latency` (milliseconds), or the name of a score that is given to traces" }),
  })
  .meta({ id: "NewRouteAbTest" });
export type NewRouteAbTest = z.infer<typeof NewRouteAbTest>;

export const StartedOnRoute = Rollout.extend({ notes: z.array(z.string()).meta({ description: "What of the tried settings does not hold before they are the route's own, such as a guardrail that they lack, and what the plan leaves out or waits for because models have no price" }) }).meta({ id: "StartedOnRoute" });
export type StartedOnRoute = z.infer<typeof StartedOnRoute>;

/** One of the three ways to say what is tried. */
export type TriedSettings = Pick<NewRouteRollout, "settings" | "change" | "revision">;
