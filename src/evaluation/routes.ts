import { z } from "zod";
import { RegistryName, VersionNumber } from "../core/names.ts";
import { route, type Route } from "../core/route.ts";
import { WorkflowRun } from "../workflows/index.ts";
import type { EvaluationService } from "./evaluation-service.ts";
import { Evaluation, EvaluationRequest } from "./schemas.ts";

const tag = "Evaluation";
const VersionParams = z.strictObject({ model: RegistryName, version: VersionNumber });
const ofModel = { kind: "model", parameter: "model" } as const;

/** Starting evaluations of a version and reading them. */
export function evaluationRoutes(evaluations: EvaluationService): Route[] {
  return [
    route({
      method: "POST", path: "/api/models/:model/versions/:version/evaluations", access: "contributor", on: ofModel, tag,
      operationId: "evaluateVersion", summary: "Evaluate a version beside its baseline and the champion",
      description: "Starts a run of the workflow `evaluate`. What the body does not say is by the model's policy.",
      params: VersionParams, body: { kind: "json", schema: EvaluationRequest.omit({ model: true, version: true }), optional: true },
      response: z.object({ run: WorkflowRun }),
      handle: async ({ params, body, caller, auditAs }) => {
        const run = await evaluations.start(caller, { ...params, ...body });
        auditAs({ detail: { version: params.version, run: run.id } });
        return { run };
      },
    }),
    route({
      method: "GET", path: "/api/models/:model/versions/:version/evaluations", access: "viewer", on: ofModel, tag,
      operationId: "listEvaluations", summary: "Evaluations of a version, newest first",
      description: "With the newest run for the version: it tells of an evaluation that is under way, and why one failed.",
      params: VersionParams, query: z.strictObject({ limit: z.coerce.number().int().min(1).max(100).default(20) }),
      response: z.object({ evaluations: z.array(Evaluation), run: WorkflowRun.nullable() }),
      handle: ({ params: { model, version }, query }) => evaluations.list(model, version, query.limit),
    }),
    route({
      method: "GET", path: "/api/evaluations/:evaluation", access: "viewer", on: "some", tag,
      operationId: "getEvaluation", summary: "One evaluation",
      params: z.strictObject({ evaluation: z.string().max(64) }), response: Evaluation,
      handle: ({ params, caller }) => evaluations.find(caller, params.evaluation),
    }),
  ];
}
