import { z } from "zod";
import type { Caller } from "../../core/caller.ts";
import { AppError } from "../../core/errors.ts";
import { missingObject, requireOn } from "../../core/request-gate.ts";
import { HttpAnswer, route, type Route, type RouteRequest } from "../../core/route.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { Signature } from "../../registry/index.ts";
import { errorBody } from "./error-text.ts";
import { counted, type InferenceDoor, type InferenceService } from "./inference-service.ts";
import { parseInvocation, writeInvocation } from "./invocations.ts";
import { parsePredictV1, writePredictV1 } from "./predict-v1.ts";
import { deadlineHeader, headerText } from "./request-headers.ts";
import { AnyModelParams, ModelParams, ModelStatusV1, VersionParams } from "./wire-schemas.ts";
import { maySee, visibleTo } from "./visible-models.ts";
import type { WireAnswer } from "./write-infer-response.ts";

const tag = "Scoring";

/** Of each route that predicts as TF Serving, KServe v1 and Vertex AI do. */
export const predictBasics = {
  method: "POST", access: "viewer", on: { kind: "model", parameter: "model" }, audited: false, tag, errorBody,
  description: "Rows as lists, values or objects by input or column. The header X-Slipway-Prediction-Id of the answer names the prediction.",
  body: { kind: "buffer", maxBytes: "inference", description: "`{\"instances\": [rows]}`, or TF Serving's `{\"inputs\": columns}`", example: { instances: [[0.5, 1.5]] } },
  response: { mediaType: "application/json", description: "`{\"predictions\": [rows]}`, or `{\"outputs\": columns}`" },
} as const;

interface ModelPath {
  model: string;
  version?: string;
}

/** A model of that name that is not served here but can be called, as its clients want it; null where there is none, or the caller may not call it. */
export type OtherModel = (caller: Caller, headers: RouteRequest<unknown, unknown, unknown>["headers"], name: string) => ({ id: string } & Record<string, unknown>) | null;

/** What TF Serving, KServe v1, Vertex AI, MLflow and SageMaker clients call. */
export function scoringRoutes(service: InferenceService, otherModel: OtherModel = () => null): Route[] {
  const predict = (request: RouteRequest<ModelPath, unknown, Buffer>): Promise<HttpAnswer> => predictV1(service, request.params, request);
  const statusBasics = { method: "GET", access: "viewer", on: { kind: "model", parameter: "model" }, tag, errorBody, response: ModelStatusV1 } as const;
  return [
    // The pattern ends the name at the colon; a doubled colon is a colon.
    route({ ...predictBasics, path: "/v1/models/:model([^:/]+)::predict", operationId: "predictV1", summary: "Predict", params: ModelParams, handle: predict }),
    route({
      ...predictBasics, path: "/v1/models/:model/versions/:version([^:/]+)::predict", operationId: "predictV1OfVersion", summary: "Predict, of one version",
      params: VersionParams, handle: predict,
    }),
    route({
      ...statusBasics, on: "some", path: "/v1/models/:model", operationId: "getModelV1", summary: "State of a model's versions; of a route of the gateway, or of PROVIDER/MODEL, the model as OpenAI's or Anthropic's clients want it", params: AnyModelParams,
      response: z.union([ModelStatusV1, z.looseObject({ id: z.string() })]),
      handle: async ({ params, caller, headers }) => {
        const { model } = params;
        if (await maySee(caller, service, model)) return statusV1(service, params);
        const other = otherModel(caller, headers, model);
        if (other === null) throw missingObject("model", model);
        return other;
      },
    }),
    route({
      ...statusBasics, path: "/v1/models/:model/versions/:version", operationId: "getModelV1OfVersion", summary: "State of one version", params: VersionParams,
      handle: ({ params }) => statusV1(service, params),
    }),
    route({
      method: "POST", path: "/invocations", access: "viewer", on: "some", audited: false, tag, operationId: "invoke", summary: "Predict, as MLflow and SageMaker call it", errorBody,
      description:
        "The header X-Slipway-Model names the model, X-Slipway-Version its version; without them the only model answers. " +
        "The header X-Slipway-Prediction-Id of the answer names the prediction.",
      body: {
        kind: "buffer", maxBytes: "inference", description: "dataframe_split, dataframe_records, instances or inputs as JSON, or text/csv with a header line",
        example: { dataframe_split: { columns: ["distance"], data: [[337]] } },
      },
      response: { mediaType: "application/json", description: "`{\"predictions\": [...]}`" },
      handle: (request) => invoke(service, request),
    }),
    route({
      method: "GET", path: "/ping", access: "public", tag, operationId: "ping", summary: "Requests are taken; 503 while they are not", errorBody,
      response: { mediaType: "text/plain", description: "An empty line" },
      handle: () => new HttpAnswer(service.ready() ? 200 : 503, { "Content-Type": "text/plain" }, "\n"),
    }),
  ];
}

export async function predictV1(service: InferenceService, model: ModelPath, caller: RouteRequest<unknown, unknown, Buffer>): Promise<HttpAnswer> {
  let columnar = false;
  const parse = (signature: Signature): Tensor[] => {
    const request = parsePredictV1(caller.body, signature);
    columnar = request.columnar;
    return request.inputs;
  };
  return score(service, model, caller, "v1", parse, (outputs) => writePredictV1(outputs, { columnar }));
}

async function invoke(service: InferenceService, caller: RouteRequest<unknown, unknown, Buffer>): Promise<HttpAnswer> {
  const { body, headers } = caller;
  const version = headerText(headers, "x-slipway-version");
  const named = headerText(headers, "x-slipway-model") ?? (await onlyModel(service, caller.caller));
  requireOn(caller.caller, "viewer", { kind: "model", name: named, team: await service.teamOf(named) });
  const parse = (signature: Signature): Tensor[] => parseInvocation(body, headerText(headers, "content-type"), signature);
  return score(service, { model: named, ...(version === undefined ? {} : { version }) }, caller, "invocations", parse, writeInvocation);
}

async function score(
  service: InferenceService, { model, version }: ModelPath, caller: RouteRequest<unknown, unknown, Buffer>, door: InferenceDoor,
  parse: (signature: Signature) => Tensor[], write: (outputs: readonly Tensor[]) => WireAnswer,
): Promise<HttpAnswer> {
  const inputs = counted(service, model, () => parse(service.signature(model, version)));
  const result = await service.infer({
    model, version, id: null, inputs, outputs: undefined, deadlineMs: deadlineHeader(caller.headers), now: caller.now, door, connection: caller, routingKey: undefined,
  });
  const answer = write(result.outputs);
  const headers: Record<string, string> = { ...answer.headers, "X-Slipway-Prediction-Id": result.predictionId };
  // Here the body has no place for them.
  if (result.arm !== undefined) Object.assign(headers, { "X-Slipway-Version": result.version, "X-Slipway-Arm": result.arm });
  return new HttpAnswer(200, headers, answer.chunks);
}

/** For containers that serve one model, where nobody names it. */
async function onlyModel(service: InferenceService, caller: Caller): Promise<string> {
  const models = new Set((await visibleTo(caller, service, await service.index())).map(({ model }) => model));
  if (models.size === 1) return [...models][0]!;
  if (models.size === 0) throw new AppError("MODEL_NOT_FOUND", "No model is deployed.");
  throw new AppError("INVALID_REQUEST", `There are ${models.size} models; name one in the header X-Slipway-Model.`);
}

const tensorFlowStates = { loading: "LOADING", ready: "AVAILABLE", failed: "END", draining: "UNLOADING", unloaded: "END" } as const;

/** What KServe v1 (name, ready) and TF Serving (model_version_status) answer, in one. */
async function statusV1(service: InferenceService, { model, version }: ModelPath) {
  const entries = (await service.index()).filter((entry) => entry.model === model && (version === undefined || entry.version === version));
  if (entries.length === 0) {
    service.signature(model, version);
    throw missingObject("model", model);
  }
  return {
    name: model,
    ready: service.ready(model, version),
    model_version_status: entries.map((entry) => ({
      version: entry.version,
      state: tensorFlowStates[entry.state],
      status: entry.state === "failed" ? { error_code: "UNKNOWN", error_message: entry.reason ?? "" } : { error_code: "OK", error_message: "" },
    })),
  };
}
