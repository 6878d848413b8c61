import { describeIssue } from "../../core/describe-issue.ts";
import { AppError } from "../../core/errors.ts";
import { route, type Route } from "../../core/route.ts";
import { errorBody } from "./error-text.ts";
import { jsonAnswer, openInferenceTag, versionedRoutes } from "./infer-routes.ts";
import type { InferenceService } from "./inference-service.ts";
import { repositoryIndex } from "./model-metadata.ts";
import { loadVersion, unloadVersion } from "./repository-control.ts";
import { visibleTo } from "./visible-models.ts";
import { RepositoryIndex, RepositoryRequest } from "./wire-schemas.ts";

/** Clients send these bodies without a content type, and empty ones too. */
const body = { kind: "buffer", maxBytes: 1 << 20, description: "Empty, or a JSON object with parameters" } as const;

/** The model repository extension: what is there, load, unload. */
export function repositoryRoutes(service: InferenceService): Route[] {
  const start = "/v2/repository/models";
  const response = { mediaType: "application/json", description: "`{}` when it is done" };
  return [
    route({
      method: "POST", path: "/v2/repository/index", access: "viewer", on: "some", audited: false, operationId: "indexRepository", summary: "Every version and its state; with ready, those that serve",
      tag: openInferenceTag, body, response: RepositoryIndex, errorBody,
      handle: async ({ body: bytes, caller }) => repositoryIndex(await visibleTo(caller, service, await service.index()), parseControl(bytes).ready ?? false),
    }),
    ...versionedRoutes(start, {
      suffix: "/load", method: "POST", access: "deployer", operationId: "loadModel", summary: "Load a model", body, response,
      handle: async ({ params, body: bytes }) => jsonAnswer(200, await loadVersion(service, params.model, parametersOf(bytes, params.version))),
    }),
    ...versionedRoutes(start, {
      suffix: "/unload", method: "POST", access: "deployer", operationId: "unloadModel", summary: "Finish what was accepted and unload a model", body, response,
      handle: async ({ params, body: bytes }) => jsonAnswer(200, await unloadVersion(service, params.model, parametersOf(bytes, params.version))),
    }),
  ];
}

function parametersOf(bytes: Buffer, version: string | undefined): Map<string, unknown> {
  const parameters = new Map<string, unknown>(Object.entries(parseControl(bytes).parameters ?? {}));
  if (version !== undefined) parameters.set("version", version);
  return parameters;
}

function parseControl(bytes: Buffer): RepositoryRequest {
  let value: unknown = {};
  try {
    if (bytes.length > 0) value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new AppError("INVALID_JSON", "The body is not valid JSON.", { cause });
  }
  const parsed = RepositoryRequest.safeParse(value, { error: describeIssue });
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => ({ path: path.join("."), message }));
  throw new AppError("INVALID_REQUEST", "The body is not a request of the repository extension.", { problems });
}
