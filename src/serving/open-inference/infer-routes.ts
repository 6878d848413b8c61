import type { z } from "zod";
import { AppError } from "../../core/errors.ts";
import { releaseMemory, releaseTensors } from "../../core/release-memory.ts";
import { HttpAnswer, route, type Route, type RouteRequest } from "../../core/route.ts";
import { errorBody } from "./error-text.ts";
import { shorter } from "./infer-request.ts";
import { counted, type InferenceService } from "./inference-service.ts";
import { modelConfig, modelMetadata, modelStatistics, serverMetadata } from "./model-metadata.ts";
import { parseInferRequest } from "./parse-infer-request.ts";
import { deadlineHeader, headerText } from "./request-headers.ts";
import { ModelMetadata, ModelParams, ModelReady, ModelStatistics, ServerMetadata, VersionParams } from "./wire-schemas.ts";
import { visibleTo } from "./visible-models.ts";
import { writeInferResponse } from "./write-infer-response.ts";

export const openInferenceTag = "Open Inference Protocol";

interface ModelPath {
  model: string;
  version?: string;
}

type VersionedDeclaration = Pick<Route, "method" | "access" | "audited" | "operationId" | "summary" | "description" | "body" | "response"> & {
  /** Behind the model or the version, such as `/infer`. */
  suffix: string;
  handle(request: RouteRequest<ModelPath, unknown, Buffer>): unknown;
};

/** The two routes of what the protocol offers for a model and for one of its versions. */
export function versionedRoutes(start: string, { suffix, ...declaration }: VersionedDeclaration): Route[] {
  const routeOf = (path: string, params: z.ZodType, operationId: string, summary: string): Route => ({
    ...declaration, path, params, on: { kind: "model", parameter: "model" }, operationId, summary, tag: openInferenceTag, errorBody,
  });
  return [
    routeOf(`${start}/:model${suffix}`, ModelParams, declaration.operationId, declaration.summary),
    routeOf(`${start}/:model/versions/:version${suffix}`, VersionParams, `${declaration.operationId}OfVersion`, `${declaration.summary}, of one version`),
  ];
}

/** Health, metadata and inference of the Open Inference Protocol, with Triton's configuration and statistics. */
export function inferRoutes(service: InferenceService, serverVersion: string): Route[] {
  return [...serverRoutes(service, serverVersion), ...modelRoutes(service)];
}

function serverRoutes(service: InferenceService, serverVersion: string): Route[] {
  const json = { mediaType: "application/json", description: "`{\"live\": true}` or `{\"ready\": true}`" };
  const health = (path: string, operationId: string, summary: string, handle: () => HttpAnswer) =>
    route({ method: "GET", path, access: "public", operationId, summary, tag: openInferenceTag, response: json, errorBody, handle });
  return [
    route({
      method: "GET", path: "/v2", access: "public", operationId: "getServerMetadata", summary: "The server and the extensions that it speaks",
      tag: openInferenceTag, response: ServerMetadata, errorBody, handle: () => serverMetadata(serverVersion),
    }),
    health("/v2/health/live", "getServerLive", "The process answers", () => jsonAnswer(200, { live: true })),
    health("/v2/health/ready", "getServerReady", "Requests are taken; 503 while they are not", () => {
      const ready = service.ready();
      return jsonAnswer(ready ? 200 : 503, { ready });
    }),
    route({
      method: "GET", path: "/v2/models/stats", access: "viewer", on: "some", operationId: "getStatistics", summary: "Counts and times of every loaded version",
      tag: openInferenceTag, response: ModelStatistics, errorBody, handle: async ({ caller }) => modelStatistics(await visibleTo(caller, service, await service.statistics())),
    }),
  ];
}

function modelRoutes(service: InferenceService): Route[] {
  const start = "/v2/models";
  return [
    ...versionedRoutes(start, {
      suffix: "/infer", method: "POST", access: "viewer", audited: false, operationId: "infer", summary: "Predict",
      description: "JSON, or JSON followed by binary data (header Inference-Header-Content-Length). The answer's parameter prediction_id names the prediction; its parameter arm, where versions share the traffic, which of them answered.",
      body: { kind: "buffer", maxBytes: "inference", description: "An inference request of the Open Inference Protocol", example: inferExample, alignedBehind: headerLengthHeader },
      response: { mediaType: "application/json", description: "An inference response; with binary data as application/octet-stream" },
      handle: (request) => infer(service, request),
    }),
    ...versionedRoutes(start, {
      suffix: "", method: "GET", access: "viewer", operationId: "getModelMetadata", summary: "Inputs and outputs of a model", response: ModelMetadata,
      handle: async ({ params }) => modelMetadata(await service.describe(params.model, params.version)),
    }),
    ...versionedRoutes(start, {
      suffix: "/ready", method: "GET", access: "viewer", operationId: "getModelReady", summary: "The model takes requests; 503 while it does not", response: ModelReady,
      handle: ({ params }) => readiness(service, params),
    }),
    ...versionedRoutes(start, {
      suffix: "/config", method: "GET", access: "viewer", operationId: "getModelConfig", summary: "Triton's model configuration",
      response: { mediaType: "application/json", description: "ModelConfig of Triton, as far as its tools read it" },
      handle: async ({ params }) => jsonAnswer(200, modelConfig(await service.describe(params.model, params.version))),
    }),
    ...versionedRoutes(start, {
      suffix: "/stats", method: "GET", access: "viewer", operationId: "getModelStatistics", summary: "Counts and times of a model", response: ModelStatistics,
      handle: async ({ params }) => modelStatistics(await service.statistics(params.model, params.version)),
    }),
  ];
}

/** Says where the JSON of a body ends and binary data begin. */
const headerLengthHeader = "inference-header-content-length";

const inferExample = {
  inputs: [{ name: "x", shape: [1, 2], datatype: "FP32", data: [0.5, 1.5] }],
};

async function infer(service: InferenceService, caller: RouteRequest<ModelPath, unknown, Buffer>): Promise<HttpAnswer> {
  const { params, body, headers, now } = caller;
  const { model, version } = params;
  const request = counted(service, model, () => parseInferRequest(body, headerText(headers, headerLengthHeader), service.signature(model, version)));
  const result = await service.infer({
    model, version, id: request.id ?? null, inputs: request.inputs, outputs: request.outputs?.map(({ name }) => name),
    deadlineMs: shorter(deadlineHeader(headers), request.timeoutMs), now, door: "rest", connection: caller, routingKey: request.routingKey,
  });
  const answer = writeInferResponse(result, request);
  if (result.inputsAreFree === true) {
    releaseTensors(request.inputs);
    releaseMemory(body as Buffer<ArrayBuffer>);
  }
  return new HttpAnswer(200, answer.headers, answer.chunks);
}

/** Throws why the model is not ready. */
function readiness(service: InferenceService, { model, version }: ModelPath): { name: string; ready: true } {
  if (!service.ready(model, version)) {
    service.signature(model, version);
    throw new AppError("VERSION_NOT_READY", `${model} does not take requests now.`, { retryAfterSeconds: 1 });
  }
  return { name: model, ready: true };
}

export function jsonAnswer(status: number, body: unknown): HttpAnswer {
  return new HttpAnswer(status, { "Content-Type": "application/json" }, JSON.stringify(body));
}
