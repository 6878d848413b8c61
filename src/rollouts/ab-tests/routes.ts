import { z } from "zod";
import { RegistryName } from "../../core/names.ts";
import { route, type Route } from "../../core/route.ts";
import { Rollout } from "../schemas.ts";
import type { AbTestService } from "./ab-test-service.ts";
import { AbTestOutcome, AbTestReport, NewAbTest } from "./schemas.ts";

const tag = "Rollouts";
const TestParams = z.strictObject({ test: z.string().max(64) });

/** Starting, reading and ending A/B tests. They are listed with the rollouts. */
export function abTestRoutes(tests: AbTestService): Route[] {
  return [
    route({
      method: "POST", path: "/api/models/:model/ab-tests", access: "deployer", on: { kind: "model", parameter: "model" }, tag,
      operationId: "startAbTest", summary: "Start an A/B test of versions beside the champion",
      description: "Each variant has fixed keys of the traffic until the test is stopped, has lasted its days, or fails too often.",
      params: z.strictObject({ model: RegistryName }), body: { kind: "json", schema: NewAbTest }, response: Rollout,
      handle: async ({ params, body, caller, now, auditAs }) => {
        const started = await tests.start(params.model, body, { actor: caller.actor, now });
        auditAs({ detail: { rollout: started.id, variants: body.variants, metric: body.metric } });
        return started;
      },
    }),
    route({
      method: "GET", path: "/api/ab-tests/:test", access: "viewer", on: "some", tag,
      operationId: "getAbTest", summary: "What is known of an A/B test: each variant, its difference to the control, and what it takes to conclude",
      params: TestParams, response: AbTestReport,
      handle: ({ params, caller }) => tests.report(caller, params.test),
    }),
    route({
      method: "POST", path: "/api/ab-tests/:test/stop", access: "deployer", on: "some", tag,
      operationId: "stopAbTest", summary: "End an A/B test; all traffic goes to the champion, or to the variant that is promoted",
      params: TestParams, response: AbTestReport,
      body: { kind: "json", schema: z.strictObject({ promote: z.string().max(128).optional().meta({ description: "Variant that becomes the champion" }), reason: z.string().max(1000).default("") }), optional: true },
      handle: async ({ params, body, caller, now, auditAs }) => {
        const report = await tests.stop(caller, params.test, { promote: body.promote ?? null, reason: body.reason }, { actor: caller.actor, now });
        auditAs({ object: `model:${report.rollout.model}`, detail: { rollout: report.rollout.id, promoted: body.promote ?? null } });
        return report;
      },
    }),
    route({
      method: "POST", path: "/api/ab-tests/:test/outcomes", access: "deployer", on: "some", audited: false, tag,
      operationId: "reportOutcomes", summary: "Report values of the test's metric for predictions, once or twice",
      description: "For a metric that the server does not measure by itself. The last value of a prediction counts; the same again changes nothing.",
      params: TestParams, body: { kind: "json", schema: z.strictObject({ outcomes: z.array(AbTestOutcome).min(1).max(5000) }) }, response: z.object({ received: z.number().int() }),
      handle: ({ params, body, caller, now }) => tests.addOutcomes(caller, params.test, body.outcomes, now),
    }),
  ];
}
