import { z } from "zod";
import { isSafeName, ModelName, RegistryName, VersionNumber } from "../core/names.ts";
import { route, type Route } from "../core/route.ts";
import { DeployRequest, DeployResult, Model, ModelVersion, Policy, PolicyRevision, type RegistryService } from "../registry/index.ts";
import { explainPrediction, type VerdictAt } from "./predictions/explain.ts";
import type { PredictionLog } from "./predictions/prediction-log.ts";
import { Prediction, PredictionExplanation, PredictionId, ServedVersion, TruthRecord } from "./schemas.ts";
import type { ServingService } from "./serving-service.ts";
import { requireTruthOf } from "./predictions/truth-access.ts";
import type { TruthStore } from "./predictions/truth-store.ts";

const ModelParams = z.strictObject({ model: ModelName });
const AliasName = z.string().refine(isSafeName, "an alias such as champion");

const PredictionsQuery = z.strictObject({
  version: VersionNumber.optional(),
  outcome: z.enum(["ok", "error"]).optional(),
  before: PredictionId.optional(),
  shadow: z.enum(["true", "false"]).default("false").meta({ description: "With answers of versions that were asked for comparison alone, which nobody got" }),
  limit: z.coerce.number().int().min(1).max(500).default(50),
});

export interface ServingRouteParts {
  serving: ServingService;
  registry: RegistryService;
  log: PredictionLog;
  truth: TruthStore;
  /** Absent without rollouts. */
  verdictAt?: VerdictAt;
  /** Throws POLICY_INVALID for what only other modules can judge. */
  assertPolicy?: (policy: Policy) => Promise<void>;
}

/** Slipway's own routes of serving; those of the Open Inference Protocol are beside. */
export function servingRoutes(parts: ServingRouteParts): Route[] {
  const { serving, registry, log, truth, verdictAt, assertPolicy } = parts;
  return [
    route({
      method: "POST",
      path: "/api/models/:model/versions",
      access: "deployer",
      // The model may be new: whose it is or becomes is judged by the registry.
      on: "some",
      operationId: "deployVersion",
      summary: "Deploy uploaded files, or a server that exists, as a new version",
      description: "The version is read, tried and profiled, registered, loaded, warmed and only then given the traffic.",
      tag: "Registry",
      params: ModelParams,
      body: { kind: "json", schema: DeployRequest },
      response: DeployResult,
      handle: async ({ params, body, caller, now, auditAs }) => {
        const facts = { object: `model:${params.model}`, detail: whatIsDeployed(body) };
        auditAs(facts);
        const result = await serving.deploy(params.model, body, caller, now);
        auditAs({ ...facts, detail: { ...facts.detail, version: result.version.version, created: result.created, active: result.active } });
        return result;
      },
    }),
    route({
      method: "GET",
      path: "/api/models/:model",
      access: "viewer",
      on: { kind: "model", parameter: "model" },
      operationId: "getModel",
      summary: "A model with its versions and what is loaded of them",
      tag: "Registry",
      params: z.strictObject({ model: RegistryName }),
      response: z.object({ model: Model, versions: z.array(ModelVersion), served: z.array(ServedVersion) }),
      handle: async ({ params }) => ({
        model: await registry.model(params.model),
        versions: await registry.versions(params.model),
        // One that was registered, and never served, is unknown to serving.
        served: serving.modelNames.includes(params.model) ? serving.views(params.model) : [],
      }),
    }),
    route({
      method: "PUT",
      path: "/api/models/:model/aliases/:alias",
      access: "deployer",
      on: { kind: "model", parameter: "model" },
      operationId: "setAlias",
      summary: "Point an alias at a version",
      description: "`champion` is the version that callers get who name none: it is loaded and warmed before the traffic moves, without a failed request.",
      tag: "Registry",
      params: z.strictObject({ model: RegistryName, alias: AliasName }),
      body: { kind: "json", schema: z.strictObject({ version: VersionNumber, reason: z.string().max(1000).optional() }) },
      response: Model,
      handle: async ({ params, body, caller: { actor }, now, auditAs }) => {
        const { version, reason } = body;
        auditAs({ detail: { alias: params.alias, version, ...(reason === undefined ? {} : { reason }) } });
        if (params.alias === "champion") await serving.activate(params.model, version, actor, reason);
        else await registry.setAlias(params.model, params.alias, version, { actor, now, ...(reason === undefined ? {} : { reason }) });
        return registry.model(params.model);
      },
    }),
    route({
      method: "PUT",
      path: "/api/models/:model/policy",
      access: "deployer",
      on: { kind: "model", parameter: "model" },
      operationId: "changePolicy",
      summary: "Write a new revision of the policy",
      description: "`revision` is the one that was read; when somebody changed the policy in between, the answer is 409. The answer comes when the change is in effect, new runners included.",
      tag: "Registry",
      params: ModelParams,
      body: { kind: "json", schema: z.strictObject({ revision: z.number().int().min(0), reason: z.string().min(1).max(1000), policy: Policy }) },
      response: PolicyRevision,
      handle: async ({ params, body, caller, now, auditAs }) => {
        auditAs({ detail: { revision: body.revision + 1, reason: body.reason } });
        await assertPolicy?.(body.policy);
        return serving.changePolicy({ model: params.model, revision: body.revision + 1, author: caller.actor, changedAt: now, reason: body.reason, policy: body.policy });
      },
    }),
    route({
      method: "GET",
      path: "/api/models/:model/predictions",
      access: "viewer",
      on: { kind: "model", parameter: "model" },
      operationId: "listPredictions",
      summary: "Logged predictions, newest first",
      tag: "Predictions",
      params: ModelParams,
      query: PredictionsQuery,
      response: z.object({ predictions: z.array(Prediction) }),
      handle: async ({ params, query }) => {
        const { createdAt } = await registry.model(params.model);
        const predictions = await log.list({ model: params.model, ...query, shadow: query.shadow === "true" });
        // A model of the same name that was there before may have been another team's.
        return { predictions: predictions.filter(({ time }) => time >= createdAt) };
      },
    }),
    route({
      method: "GET",
      path: "/api/predictions/:id",
      access: "viewer",
      on: "some",
      operationId: "explainPrediction",
      summary: "What one prediction was: inputs, version, contract, timing, outcome, truth, and why it went where it went",
      tag: "Predictions",
      params: z.strictObject({ id: PredictionId }),
      response: PredictionExplanation,
      handle: ({ params, caller }) => explainPrediction(params.id, caller, { log, truth, registry, ...(verdictAt === undefined ? {} : { verdictAt }) }),
    }),
    route({
      method: "POST",
      path: "/api/truth",
      access: "contributor",
      on: "some",
      audited: false,
      operationId: "sendTruth",
      summary: "Send ground truth by prediction id, in any order, once or twice",
      description: "Whoever is contributor of the whole server may send it for any id; others for logged predictions of models where they are.",
      tag: "Predictions",
      body: { kind: "json", schema: z.strictObject({ records: z.array(TruthRecord).min(1).max(10_000) }), maxBytes: 8 << 20 },
      response: z.object({ added: z.number().int(), corrected: z.number().int(), unchanged: z.number().int() }),
      handle: async ({ body, caller, now, auditAs }) => {
        await requireTruthOf(caller, body.records, { log, registry });
        const written = await truth.write(body.records, now);
        // What is added is data like predictions; what was known and is another now changes what was said of a model.
        if (written.corrected > 0) auditAs({ detail: written });
        return written;
      },
    }),
  ];
}

/** For the audit log; the headers of a server upstream are secrets. */
function whatIsDeployed({ artifact, source, upstream }: DeployRequest): Record<string, unknown> {
  if (upstream !== undefined) return { upstream: upstream.url, protocol: upstream.protocol };
  return artifact === undefined ? { source } : { artifact };
}
