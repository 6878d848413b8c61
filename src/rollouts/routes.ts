import { z } from "zod";
import { RegistryName, VersionNumber } from "../core/names.ts";
import { route, type AccessTarget, type Route } from "../core/route.ts";
import { routeSubject, TrafficSubject } from "../core/traffic-subject.ts";
import type { RouteRollouts } from "./gateway/route-rollouts.ts";
import { NewRouteAbTest, NewRouteRollout, StartedOnRoute } from "./gateway/schemas.ts";
import type { RolloutService } from "./rollout-service.ts";
import { NewRollout, RollbackResult, Rollout, RolloutStatus, RolloutSummary, Verdict } from "./schemas.ts";

const tag = "Rollouts";
const ModelParams = z.strictObject({ model: RegistryName });
const RolloutParams = z.strictObject({ rollout: z.string().max(64) });
const Reason = z.string().max(1000).default("").meta({ description: "Why; kept with the change" });
const ofModel = { kind: "model", parameter: "model" } as const;
const pageSize = z.coerce.number().int().min(1).max(200).default(50);

/** What a person can ask of a rollout under way, with what it does. */
const requests = {
  promote: "Take the next phase now, past the gates",
  pause: "Let the traffic stay as it is; hard failures still end the rollout",
  resume: "Go on after a pause",
  approve: "Approve what waits for a person",
  abort: "Give all traffic back to the stable version at once, and end the rollout",
} as const;

/** Starting, watching and steering rollouts, and rolling back. */
export function rolloutRoutes(rollouts: RolloutService): Route[] {
  return [
    route({
      method: "GET", path: "/api/rollouts", access: "viewer", on: "some", tag,
      operationId: "listRollouts", summary: "Rollouts and A/B tests, newest first",
      query: z.strictObject({ model: TrafficSubject.optional(), open: z.enum(["true", "false"]).optional(), before: z.string().max(64).optional(), limit: pageSize }),
      response: z.object({ rollouts: z.array(RolloutSummary), next: z.string().nullable().meta({ description: "`before` of the next page; null at the end" }) }),
      handle: ({ query: { open, ...query }, caller }) => rollouts.list(caller, { ...query, ...(open === undefined ? {} : { open: open === "true" }) }),
    }),
    route({
      method: "GET", path: "/api/rollouts/:rollout", access: "viewer", on: "some", tag,
      operationId: "getRollout", summary: "A rollout with its route, figures, checks and servers",
      params: RolloutParams, response: RolloutStatus,
      handle: ({ params, caller }) => rollouts.statusOf(caller, params.rollout),
    }),
    route({
      method: "GET", path: "/api/rollouts/:rollout/verdicts", access: "viewer", on: "some", tag,
      operationId: "listVerdicts", summary: "Verdicts of a rollout with the numbers that made them, newest first",
      params: RolloutParams, query: z.strictObject({ before: z.string().max(64).optional(), limit: pageSize }),
      response: z.object({ verdicts: z.array(Verdict), next: z.string().nullable() }),
      handle: ({ params, query, caller }) => rollouts.verdicts(caller, params.rollout, query),
    }),
    route({
      method: "POST", path: "/api/models/:model/rollouts", access: "deployer", on: ofModel, tag,
      operationId: "startRollout", summary: "Start a rollout of a version",
      description: "By the plan of the model's policy, or the one given. It goes on by itself, whichever server ends; a version that takes or answers something else than the champion is refused.",
      params: ModelParams, body: { kind: "json", schema: NewRollout, optional: true }, response: Rollout,
      handle: async ({ params, body, caller, now, auditAs }) => {
        const started = await rollouts.start(params.model, body, { actor: caller.actor, now });
        auditAs({ detail: { rollout: started.id, candidate: started.candidate, stable: started.stable } });
        return started;
      },
    }),
    ...steeringRoutes(rollouts, ofModels),
  ];
}

/** What rollouts are of, as paths name it. */
interface Subjects {
  base: string;
  schema: z.ZodType;
  on: AccessTarget;
  /** In operation ids. */
  id: "Model" | "Route";
  what: string;
  /** What a rollback does beside ending a rollout. */
  rollback: string;
  subjectOf(params: unknown): string;
}

const ofModels: Subjects = {
  base: "/api/models/:model", schema: ModelParams, on: ofModel, id: "Model", what: "model",
  rollback: "Ends a rollout that is under way. Without one, the alias champion and the stage Production go back to the former version, or to `to`.",
  subjectOf: (params) => ModelParams.parse(params).model,
};

const RouteParams = z.strictObject({ route: RegistryName });
const ofRoute = { kind: "route", parameter: "route" } as const;
const ofRoutes: Subjects = {
  base: "/api/gateway/routes/:route", schema: RouteParams, on: ofRoute, id: "Route", what: "route",
  rollback: "Ends a rollout that is under way. Without one, the settings that answered before are the route's again, or those of the revision `to`.",
  subjectOf: (params) => routeSubject(RouteParams.parse(params).route),
};

/** Rollouts and A/B tests of the settings of routes of the gateway. */
export function routeRolloutRoutes(rollouts: RolloutService, starts: RouteRollouts): Route[] {
  return [
    route({
      method: "POST", path: "/api/gateway/routes/:route/rollouts", access: "deployer", on: ofRoute, tag,
      operationId: "startRouteRollout", summary: "Roll other settings of a route out",
      description: "What is tried is kept as a draft: it has its share of the calls, and becomes the route's settings when every phase passed.",
      params: RouteParams, body: { kind: "json", schema: NewRouteRollout }, response: StartedOnRoute,
      handle: async ({ params, body, caller, now, auditAs }) => {
        const started = await starts.start(params.route, body, { actor: caller.actor, now }, caller);
        auditAs({ detail: { rollout: started.id, candidate: started.candidate, stable: started.stable } });
        return started;
      },
    }),
    route({
      method: "POST", path: "/api/gateway/routes/:route/ab-tests", access: "deployer", on: ofRoute, tag,
      operationId: "startRouteAbTest", summary: "Start an A/B test of settings of a route beside the present ones",
      description: "Each variant has fixed keys of the calls until the test is stopped, has lasted its days, or fails too often.",
      params: RouteParams, body: { kind: "json", schema: NewRouteAbTest }, response: StartedOnRoute,
      handle: async ({ params, body, caller, now, auditAs }) => {
        const started = await starts.startTest(params.route, body, { actor: caller.actor, now }, caller);
        auditAs({ detail: { rollout: started.id, metric: body.metric } });
        return started;
      },
    }),
    ...steeringRoutes(rollouts, ofRoutes),
  ];
}

/** Watching and steering the rollout of one model or route. */
function steeringRoutes(rollouts: RolloutService, { base, schema, on, id, what, rollback, subjectOf }: Subjects): Route[] {
  return [
    route({
      method: "GET", path: `${base}/rollout`, access: "viewer", on, tag,
      operationId: `get${id}Rollout`, summary: `The rollout of a ${what} that is under way, or the latest`,
      params: schema, response: RolloutStatus,
      handle: ({ params }) => rollouts.statusOfModel(subjectOf(params)),
    }),
    ...Object.entries(requests).map(([action, summary]) =>
      route({
        method: "POST", path: `${base}/rollout/${action}`, access: "deployer", on, tag,
        operationId: `${action}${id === "Model" ? "" : id}Rollout`, summary,
        params: schema, body: { kind: "json", schema: z.strictObject({ reason: Reason }), optional: true }, response: Rollout,
        handle: async ({ params, body, caller, now, auditAs }) => {
          const rollout = await rollouts[action as keyof typeof requests](subjectOf(params), { actor: caller.actor, now, reason: body.reason });
          auditAs({ detail: { rollout: rollout.id, ...(body.reason === "" ? {} : { reason: body.reason }) } });
          return rollout;
        },
      }),
    ),
    route({
      method: "POST", path: `${base}/rollback`, access: "deployer", on, tag,
      operationId: id === "Model" ? "rollBack" : `rollBack${id}`, summary: "Give the traffic back to what had it before",
      description: rollback,
      params: schema, body: { kind: "json", schema: z.strictObject({ to: VersionNumber.optional(), reason: Reason }), optional: true }, response: RollbackResult,
      handle: async ({ params, body: { to, reason }, caller, now, auditAs }) => {
        const result = await rollouts.rollback(subjectOf(params), to ?? null, { actor: caller.actor, now, reason });
        auditAs({ detail: { champion: result.champion, before: result.before, rollout: result.rollout?.id ?? null } });
        return result;
      },
    }),
  ];
}
