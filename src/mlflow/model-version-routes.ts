import { z } from "zod";
import type { Caller } from "../core/caller.ts";
import type { EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { isOfAnotherHost } from "../core/local-path.ts";
import { HttpAnswer, type Route } from "../core/route.ts";
import { isPrompt, type ModelCatalog, type ModelVersion, type RegistryTag, type SourceRequest } from "../registry/index.ts";
import { modelVersionFilter, modelVersionOrder } from "./filter/index.ts";
import { mlflowRoute } from "./mlflow-route.ts";
import { readPageToken, writePageToken } from "./page-token.ts";
import { objectOf, Tags } from "./registered-model-routes.ts";
import { inMlflowWords, modelName, versionNumber, WireVersion, wireVersion, withoutPrompts } from "./registry-wire.ts";
import { boolean, int64, list, message, presentText, queryMessage, requiredText, text } from "./request-fields.ts";
import { resultLimit } from "./wire-limits.ts";

const tag = "MLflow";
const Nothing = z.object({});
const OneVersion = z.object({ model_version: WireVersion });
const Named = { name: modelName, version: requiredText };
/** Text of prompts comes in a tag. */
const versionBytes = 4 << 20;

export interface ModelVersionRouteParts {
  catalog: ModelCatalog;
  /** A logged model that the caller may see. Throws LOGGED_MODEL_NOT_FOUND. */
  loggedModel: (caller: Caller, id: string) => Promise<{ artifactUri: string; sourceRun: string | null; tags: readonly RegistryTag[] }>;
  /** Whether paths of shared folders are sources. */
  takesLocalPaths: () => boolean;
  tagLoggedModel: (caller: Caller, id: string, tags: readonly RegistryTag[], now: EpochMs) => Promise<unknown>;
}

/** Versions of registered models over MLflow's wire. */
export function modelVersionRoutes(parts: ModelVersionRouteParts): Route[] {
  const { catalog } = parts;
  const wired = async (caller: Caller, version: ModelVersion) => ({ model_version: wireVersion(version, (await catalog.model(caller, version.model)).aliases) });
  return [
    mlflowRoute({
      method: "POST", path: "/model-versions/create", access: "deployer", tag, operationId: "mlflowCreateModelVersion", summary: "Register a version by the address of its files",
      description: "The files are read at once: what can run gets a contract, and serves when it becomes the champion; anything else is registered with the reason.",
      body: {
        kind: "json", maxBytes: versionBytes,
        schema: message({ name: modelName, source: requiredText, run_id: text, tags: Tags, run_link: text, description: text, model_id: text }),
      },
      response: OneVersion,
      handle: ({ body, caller, now, auditAs }) => {
        const { name } = body;
        auditAs({ object: objectOf(name), detail: { source: body.source.slice(0, 300) } });
        const tags = body.tags.map(({ key, value = "" }) => ({ key, value }));
        const unread = isPrompt(tags);
        if (!unread && isOfAnotherHost(body.source) && parts.takesLocalPaths()) return ofAnotherHost(body.source);
        const register = async () => {
          const request: SourceRequest = {
            model: name, source: body.source, tags, unread, ...(unread ? {} : await origin(parts, caller, body)),
            ...(body.run_link === undefined ? {} : { runLink: body.run_link }), ...(body.description === undefined ? {} : { description: body.description }),
          };
          const version = await inMlflowWords({ name }, () => catalog.register(caller, request, now));
          if ((body.model_id ?? "") !== "") await tellLoggedModel(parts, caller, { id: body.model_id!, version, now });
          auditAs({ object: objectOf(name), detail: { source: body.source.slice(0, 300), version: version.version } });
          return wired(caller, version);
        };
        return register();
      },
    }),
    mlflowRoute({
      method: "GET", path: "/model-versions/get", access: "viewer", tag, operationId: "mlflowGetModelVersion", summary: "A version", query: queryMessage(Named), response: OneVersion,
      handle: async ({ query, caller }) => {
        const version = versionNumber(query.version);
        return inMlflowWords({ name: query.name, version }, async () => wired(caller, await catalog.version(caller, query.name, version)));
      },
    }),
    mlflowRoute({
      method: "GET", path: "/model-versions/search", access: "viewer", tag, operationId: "mlflowSearchModelVersions", summary: "Versions by filter and order, the latest change first",
      query: queryMessage({ filter: text, max_results: int64, order_by: list(presentText), page_token: text }, ["order_by"]),
      response: z.object({ model_versions: z.array(WireVersion).optional(), next_page_token: z.string().optional() }),
      handle: async ({ query: { filter, order_by: orders, max_results: asked, page_token: token }, caller }) => {
        const mark = ["model-versions", filter, orders];
        const page = await catalog.searchVersions(caller, {
          conditions: withoutPrompts(modelVersionFilter(filter)), order: modelVersionOrder(orders),
          limit: resultLimit(asked, { otherwise: 10_000, max: 200_000 }), after: readPageToken(token, mark),
        });
        const aliases = await catalog.aliasesOf(page.items);
        const versions = page.items.map((version) => wireVersion(version, aliases.get(version.model) ?? {}));
        const next = writePageToken(page.next, mark);
        return { ...(versions.length === 0 ? {} : { model_versions: versions }), ...(next === undefined ? {} : { next_page_token: next }) };
      },
    }),
    mlflowRoute({
      method: "PATCH", path: "/model-versions/update", access: "deployer", tag, operationId: "mlflowUpdateModelVersion", summary: "Describe a version",
      body: { kind: "json", schema: message({ ...Named, description: text }) }, response: OneVersion,
      handle: async ({ body: { name, version: given, description = "" }, caller, now, auditAs }) => {
        auditAs({ object: objectOf(name), detail: { version: given.slice(0, 20) } });
        const version = versionNumber(given);
        return inMlflowWords({ name, version }, async () => wired(caller, await catalog.describeVersion(caller, name, version, description, { now })));
      },
    }),
    mlflowRoute({
      method: "POST", path: "/model-versions/transition-stage", access: "deployer", tag, operationId: "mlflowTransitionStage", summary: "Move a version to a stage",
      description: "A version that can run and comes to Production becomes the champion and serves, unless a newer version was made the champion by its alias.",
      body: { kind: "json", schema: message({ ...Named, stage: requiredText, archive_existing_versions: boolean }) }, response: OneVersion,
      handle: async ({ body: { name, version: given, stage, archive_existing_versions: archiveExisting = false }, caller, now, auditAs }) => {
        auditAs({ object: objectOf(name), detail: { version: given.slice(0, 20), stage: stage.slice(0, 20) } });
        const version = versionNumber(given);
        return inMlflowWords({ name, version }, async () => wired(caller, await catalog.transition(caller, name, version, stage, { archiveExisting }, { now })));
      },
    }),
    mlflowRoute({
      method: "DELETE", path: "/model-versions/delete", access: "admin", tag, operationId: "mlflowDeleteModelVersion", summary: "Remove a version; its number is never given again",
      body: { kind: "json", schema: message(Named) }, response: Nothing,
      handle: async ({ body: { name, version: given }, caller, now, auditAs }) => {
        auditAs({ object: objectOf(name), detail: { version: given.slice(0, 20) } });
        const version = versionNumber(given);
        await inMlflowWords({ name, version }, () => catalog.deleteVersion(caller, name, version, { now }));
        return {};
      },
    }),
    mlflowRoute({
      method: "GET", path: "/model-versions/get-download-uri", access: "viewer", tag, operationId: "mlflowGetDownloadUri", summary: "Where the files of a version are",
      query: queryMessage(Named), response: z.object({ artifact_uri: z.string() }),
      handle: async ({ query, caller }) => {
        const version = versionNumber(query.version);
        return { artifact_uri: await inMlflowWords({ name: query.name, version }, () => downloadUri(parts, caller, query.name, version)) };
      },
    }),
    mlflowRoute({
      method: "POST", path: "/model-versions/set-tag", access: "deployer", tag, operationId: "mlflowSetModelVersionTag", summary: "Set a tag of a version",
      body: { kind: "json", schema: message({ ...Named, key: requiredText, value: text }), maxBytes: 2 << 20 }, response: Nothing,
      handle: async ({ body: { name, version: given, key, value = "" }, caller, now, auditAs }) => {
        auditAs({ object: objectOf(name), detail: { version: given.slice(0, 20), key: key.slice(0, 250) } });
        const version = versionNumber(given);
        await inMlflowWords({ name, version }, () => catalog.tagVersion(caller, name, version, { set: [{ key, value }] }, { now }));
        return {};
      },
    }),
    mlflowRoute({
      method: "DELETE", path: "/model-versions/delete-tag", access: "deployer", tag, operationId: "mlflowDeleteModelVersionTag", summary: "Remove a tag of a version",
      body: { kind: "json", schema: message({ ...Named, key: requiredText }) }, response: Nothing,
      handle: async ({ body: { name, version: given, key }, caller, now, auditAs }) => {
        auditAs({ object: objectOf(name), detail: { version: given.slice(0, 20), key: key.slice(0, 250) } });
        const version = versionNumber(given);
        await inMlflowWords({ name, version }, () => catalog.tagVersion(caller, name, version, { remove: [key] }, { now }));
        return {};
      },
    }),
  ];
}

/** The address of the files themselves: copies lead to their original, logged models to their artifacts. */
export async function downloadUri({ catalog, loggedModel }: ModelVersionRouteParts, caller: Caller, name: string, version: string): Promise<string> {
  const source = await catalog.sourceOf(caller, name, version);
  const id = loggedModelOf(source);
  return id === undefined ? source : (await loggedModel(caller, id)).artifactUri;
}

/** MLflow's servers answer with this status for the path of another machine, and its clients know it so. */
function ofAnotherHost(source: string): HttpAnswer {
  const message = `${source.slice(0, 500)} is not a valid remote uri. For remote access, give an address that every machine can reach.`;
  return new HttpAnswer(500, { "Content-Type": "application/json" }, JSON.stringify({ error_code: "INTERNAL_ERROR", message }));
}

/** The run and the logged model that a version says it is of; a logged model gives its run where none is named. Throws MODEL_SOURCE_INVALID. */
async function origin({ loggedModel }: ModelVersionRouteParts, caller: Caller, body: { source: string; run_id?: string | undefined; model_id?: string | undefined }): Promise<Pick<SourceRequest, "runId" | "loggedModel">> {
  const given = body.run_id === "" ? undefined : body.run_id;
  const id = loggedModelOf(body.source) ?? (body.model_id === "" ? undefined : body.model_id);
  const run = given ?? /^runs:\/+([^/]+)\//.exec(body.source)?.[1];
  if (id === undefined) return run === undefined ? {} : { runId: run };
  const found = await loggedModel(caller, id).catch((error: unknown) => {
    if (!(error instanceof AppError) || error.status >= 500) throw error;
    throw new AppError("MODEL_SOURCE_INVALID", `Unable to fetch model from model URI source artifact location '${body.source.slice(0, 300)}': ${error.message}`, { cause: error });
  });
  const source = run ?? found.sourceRun ?? undefined;
  return { loggedModel: id, ...(source === undefined ? {} : { runId: source }) };
}

const versionsTag = "mlflow.modelVersions";

/** Adds the version to the list in the logged model's tag. Whoever may register it but not change the model leaves that as it is. */
async function tellLoggedModel({ loggedModel, tagLoggedModel }: ModelVersionRouteParts, caller: Caller, { id, version, now }: { id: string; version: ModelVersion; now: EpochMs }): Promise<void> {
  const { tags } = await loggedModel(caller, id);
  const before = /^\[(.+)\]$/.exec(tags.find(({ key }) => key === versionsTag)?.value ?? "")?.[1];
  // As Python writes it: clients compare the text.
  const name = JSON.stringify(version.model).replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const added = `{"name": ${name}, "version": ${version.version}}`;
  try {
    await tagLoggedModel(caller, id, [{ key: versionsTag, value: `[${before === undefined ? "" : `${before}, `}${added}]` }], now);
  } catch (error) {
    if (!(error instanceof AppError) || error.status >= 500) throw error;
  }
}

function loggedModelOf(source: string): string | undefined {
  return /^models:\/+(m-[0-9a-f]{32})$/.exec(source)?.[1];
}
