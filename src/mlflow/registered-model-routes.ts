import { z } from "zod";
import type { Caller } from "../core/caller.ts";
import type { Route } from "../core/route.ts";
import { Stage, type ModelCatalog } from "../registry/index.ts";
import { AppError } from "../core/errors.ts";
import { registeredModelFilter, registeredModelOrder } from "./filter/index.ts";
import { mlflowRoute } from "./mlflow-route.ts";
import { readPageToken, writePageToken } from "./page-token.ts";
import { inMlflowWords, modelName, versionNumber, WireModel, wireModel, WireVersion, wireVersion, withoutPrompts } from "./registry-wire.ts";
import { int64, list, message, presentText, queryMessage, requiredText, text } from "./request-fields.ts";
import { resultLimit } from "./wire-limits.ts";

const tag = "MLflow";
const Nothing = z.object({});
const OneModel = z.object({ registered_model: WireModel });
const Versions = z.object({ model_versions: z.array(WireVersion).optional() });
const Named = { name: modelName };
export const Tags = list(message({ key: requiredText, value: text }));

/** Registered models and their aliases over MLflow's wire. */
export function registeredModelRoutes(catalog: ModelCatalog): Route[] {
  const latest = async (caller: Caller, { name, stages }: { name: string; stages: readonly string[] }) => {
    const wanted = stages.map(stageNamed);
    const { aliases } = await inMlflowWords({ name }, () => catalog.model(caller, name));
    const found = await catalog.latestVersions(caller, name);
    const versions = found.filter(({ stage }) => wanted.length === 0 || wanted.includes(stage)).map((version) => wireVersion(version, aliases));
    return versions.length === 0 ? {} : { model_versions: versions };
  };
  return [
    mlflowRoute({
      method: "POST", path: "/registered-models/create", access: "deployer", tag, operationId: "mlflowCreateRegisteredModel", summary: "Make a model without versions",
      description: "The tag slipway.team names the team that it becomes part of; otherwise the default one, or the only one in which the caller may deploy.",
      body: { kind: "json", schema: message({ ...Named, tags: Tags, description: text }) }, response: OneModel,
      handle: async ({ body: { name, tags, description = "" }, caller, now, auditAs }) => {
        auditAs({ object: objectOf(name) });
        const request = { name, description, tags: tags.map(({ key, value = "" }) => ({ key, value })) };
        return { registered_model: wireModel(await inMlflowWords({ name }, () => catalog.createModel(caller, request, now)), []) };
      },
    }),
    mlflowRoute({
      method: "GET", path: "/registered-models/get", access: "viewer", tag, operationId: "mlflowGetRegisteredModel", summary: "A model with the newest version of each stage",
      query: queryMessage(Named), response: OneModel,
      handle: async ({ query: { name }, caller }) =>
        inMlflowWords({ name }, async () => ({ registered_model: wireModel(await catalog.model(caller, name), await catalog.latestVersions(caller, name)) })),
    }),
    mlflowRoute({
      method: "GET", path: "/registered-models/search", access: "viewer", tag, operationId: "mlflowSearchRegisteredModels", summary: "Models by filter and order",
      query: queryMessage({ filter: text, max_results: int64, order_by: list(presentText), page_token: text }, ["order_by"]),
      response: z.object({ registered_models: z.array(WireModel).optional(), next_page_token: z.string().optional() }),
      handle: async ({ query: { filter, order_by: orders, max_results: asked, page_token: token }, caller }) => {
        const mark = ["registered-models", filter, orders];
        const page = await catalog.searchModels(caller, {
          conditions: withoutPrompts(registeredModelFilter(filter)), order: registeredModelOrder(orders),
          limit: resultLimit(asked, { otherwise: 100, max: 1000 }), after: readPageToken(token, mark),
        });
        const versions = await catalog.latestOf(page.items);
        const models = page.items.map((model) => wireModel(model, versions.filter((version) => version.model === model.name)));
        const next = writePageToken(page.next, mark);
        return { ...(models.length === 0 ? {} : { registered_models: models }), ...(next === undefined ? {} : { next_page_token: next }) };
      },
    }),
    mlflowRoute({
      method: "POST", path: "/registered-models/rename", access: "deployer", tag, operationId: "mlflowRenameRegisteredModel", summary: "Give a model another name; serving goes on under it",
      body: { kind: "json", schema: message({ ...Named, new_name: requiredText }) }, response: OneModel,
      handle: async ({ body: { name, new_name: newName }, caller, now, auditAs }) => {
        auditAs({ object: objectOf(name), detail: { name: newName.slice(0, 300) } });
        const model = await inMlflowWords({ name, newName }, () => catalog.renameModel(caller, name, newName, { now }));
        return { registered_model: wireModel(model, await catalog.latestVersions(caller, newName)) };
      },
    }),
    mlflowRoute({
      method: "PATCH", path: "/registered-models/update", access: "deployer", tag, operationId: "mlflowUpdateRegisteredModel", summary: "Describe a model",
      body: { kind: "json", schema: message({ ...Named, description: text }) }, response: OneModel,
      handle: async ({ body: { name, description = "" }, caller, now, auditAs }) => {
        auditAs({ object: objectOf(name) });
        const model = await inMlflowWords({ name }, () => catalog.describeModel(caller, name, description, { now }));
        return { registered_model: wireModel(model, await catalog.latestVersions(caller, name)) };
      },
    }),
    mlflowRoute({
      method: "DELETE", path: "/registered-models/delete", access: "admin", tag, operationId: "mlflowDeleteRegisteredModel", summary: "Remove a model with its versions",
      body: { kind: "json", schema: message(Named) }, response: Nothing,
      handle: async ({ body: { name }, caller, now, auditAs }) => {
        auditAs({ object: objectOf(name) });
        await inMlflowWords({ name }, () => catalog.deleteModel(caller, name, { now }));
        return {};
      },
    }),
    mlflowRoute({
      method: "POST", path: "/registered-models/get-latest-versions", access: "viewer", audited: false, tag, operationId: "mlflowGetLatestVersions", summary: "The newest version of each stage",
      body: { kind: "json", schema: message({ ...Named, stages: list(presentText) }) }, response: Versions, handle: ({ body, caller }) => latest(caller, body),
    }),
    mlflowRoute({
      method: "GET", path: "/registered-models/get-latest-versions", access: "viewer", tag, operationId: "mlflowListLatestVersions", summary: "The newest version of each stage, as a query",
      query: queryMessage({ ...Named, stages: list(presentText) }, ["stages"]), response: Versions, handle: ({ query, caller }) => latest(caller, query),
    }),
    mlflowRoute({
      method: "POST", path: "/registered-models/set-tag", access: "deployer", tag, operationId: "mlflowSetRegisteredModelTag", summary: "Set a tag of a model",
      body: { kind: "json", schema: message({ ...Named, key: requiredText, value: text }), maxBytes: 2 << 20 }, response: Nothing,
      handle: async ({ body: { name, key, value = "" }, caller, now, auditAs }) => {
        auditAs({ object: objectOf(name), detail: { key: key.slice(0, 250) } });
        await inMlflowWords({ name }, () => catalog.tagModel(caller, name, { set: [{ key, value }] }, { now }));
        return {};
      },
    }),
    mlflowRoute({
      method: "DELETE", path: "/registered-models/delete-tag", access: "deployer", tag, operationId: "mlflowDeleteRegisteredModelTag", summary: "Remove a tag of a model",
      body: { kind: "json", schema: message({ ...Named, key: requiredText }) }, response: Nothing,
      handle: async ({ body: { name, key }, caller, now, auditAs }) => {
        auditAs({ object: objectOf(name), detail: { key: key.slice(0, 250) } });
        await inMlflowWords({ name }, () => catalog.tagModel(caller, name, { remove: [key] }, { now }));
        return {};
      },
    }),
    mlflowRoute({
      method: "POST", path: "/registered-models/alias", access: "deployer", tag, operationId: "mlflowSetAlias", summary: "Point an alias at a version; the champion serves",
      body: { kind: "json", schema: message({ ...Named, alias: requiredText, version: requiredText }) }, response: Nothing,
      handle: async ({ body: { name, alias, version: given }, caller, now, auditAs }) => {
        auditAs({ object: objectOf(name), detail: { alias: alias.slice(0, 255), version: given.slice(0, 20) } });
        const version = versionNumber(given);
        await inMlflowWords({ name, version }, () => catalog.setAlias(caller, name, alias, version, { now }));
        return {};
      },
    }),
    mlflowRoute({
      method: "DELETE", path: "/registered-models/alias", access: "deployer", tag, operationId: "mlflowDeleteAlias", summary: "Remove an alias",
      body: { kind: "json", schema: message({ ...Named, alias: requiredText }) }, response: Nothing,
      handle: async ({ body: { name, alias }, caller, now, auditAs }) => {
        auditAs({ object: objectOf(name), detail: { alias: alias.slice(0, 255) } });
        await inMlflowWords({ name }, () => catalog.deleteAlias(caller, name, alias, { now }));
        return {};
      },
    }),
    mlflowRoute({
      method: "GET", path: "/registered-models/alias", access: "viewer", tag, operationId: "mlflowGetVersionByAlias", summary: "The version that an alias points at; `latest` is the newest",
      query: queryMessage({ ...Named, alias: requiredText }), response: z.object({ model_version: WireVersion }),
      handle: async ({ query: { name, alias }, caller }) =>
        inMlflowWords({ name, version: alias }, async () => {
          const version = await catalog.versionByAlias(caller, name, alias);
          return { model_version: wireVersion(version, (await catalog.model(caller, name)).aliases) };
        }),
    }),
  ];
}

export function objectOf(name: string): string {
  return `model:${name.slice(0, 256)}`;
}

function stageNamed(given: string): Stage {
  const stage = Stage.options.find((each) => each.toLowerCase() === given.toLowerCase());
  if (stage === undefined) throw new AppError("INVALID_PARAMETER", `Invalid Model Version stage: ${given.slice(0, 100)}. Value must be one of ${Stage.options.join(", ")}.`);
  return stage;
}
