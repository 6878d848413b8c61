import { z } from "zod";
import { RegistryName, VersionNumber } from "../core/names.ts";
import { route, type Route } from "../core/route.ts";
import type { ModelCatalog } from "./model-catalog.ts";
import { Model, ModelVersion, RegistryChange, RegistryTag, Stage } from "./schemas.ts";

const ModelParams = z.strictObject({ model: RegistryName });
const VersionParams = z.strictObject({ model: RegistryName, version: VersionNumber });
const Reason = z.string().max(1000).optional().meta({ description: "Why; kept with the change" });
const TagChanges = z.strictObject({ set: z.array(RegistryTag).max(100).optional(), remove: z.array(z.string()).max(100).optional() });
const Description = z.string().max(100_000);
const tag = "Registry";
const ofModel = { kind: "model", parameter: "model" } as const;

/** What people write on models and versions, and how they move: Slipway's own side of what MLflow's clients do. */
export function catalogRoutes(catalog: ModelCatalog): Route[] {
  return [
    route({
      method: "POST",
      path: "/api/models",
      access: "deployer",
      on: "some",
      operationId: "createModel",
      summary: "Make a model that has no version yet",
      description: "The tag `slipway.team` names the team that it becomes part of; otherwise the default one, or the only one in which the caller may deploy.",
      tag,
      body: { kind: "json", schema: z.strictObject({ name: RegistryName, description: Description.default(""), tags: z.array(RegistryTag).max(100).default([]) }) },
      response: Model,
      handle: ({ body, caller, now, auditAs }) => {
        auditAs({ object: `model:${body.name}` });
        return catalog.createModel(caller, body, now);
      },
    }),
    route({
      method: "PATCH",
      path: "/api/models/:model",
      access: "deployer",
      on: ofModel,
      operationId: "changeModel",
      summary: "Describe, tag or rename a model",
      description: "Serving goes on under the new name; predictions of before stay in the log under the old one, and keys that name the model must be given anew.",
      tag,
      params: ModelParams,
      body: { kind: "json", schema: z.strictObject({ name: RegistryName.optional(), description: Description.optional(), tags: TagChanges.optional(), reason: Reason }) },
      response: Model,
      handle: async ({ params: { model }, body: { name, description, tags, reason }, caller, now, auditAs }) => {
        auditAs({ detail: { ...(name === undefined ? {} : { name }), ...(reason === undefined ? {} : { reason }) } });
        const at = { now, reason };
        if (description !== undefined) await catalog.describeModel(caller, model, description, at);
        if (tags !== undefined) await catalog.tagModel(caller, model, definedTags(tags), at);
        if (name !== undefined && name !== model) return catalog.renameModel(caller, model, name, at);
        return catalog.model(caller, model);
      },
    }),
    route({
      method: "DELETE",
      path: "/api/models/:model",
      access: "admin",
      on: ofModel,
      operationId: "deleteModel",
      summary: "Remove a model with its versions; what it serves ends",
      tag,
      params: ModelParams,
      query: z.strictObject({ reason: Reason }),
      response: z.object({}),
      handle: async ({ params: { model }, query: { reason }, caller, now, auditAs }) => {
        auditAs({ detail: reason === undefined ? {} : { reason } });
        await catalog.deleteModel(caller, model, { now, reason });
        return {};
      },
    }),
    route({
      method: "GET",
      path: "/api/models/:model/changes",
      access: "viewer",
      on: ofModel,
      operationId: "listModelChanges",
      summary: "Who changed what of the model and its versions, when and why; newest first",
      tag,
      params: ModelParams,
      query: z.strictObject({ limit: z.coerce.number().int().min(1).max(500).default(100), before: z.string().max(64).optional() }),
      response: z.object({ changes: z.array(RegistryChange) }),
      handle: async ({ params, query: { limit, before }, caller }) => ({
        changes: await catalog.changes(caller, params.model, { limit, ...(before === undefined ? {} : { before }) }),
      }),
    }),
    route({
      method: "PATCH",
      path: "/api/models/:model/versions/:version",
      access: "deployer",
      on: ofModel,
      operationId: "changeVersion",
      summary: "Describe or tag a version",
      tag,
      params: VersionParams,
      body: { kind: "json", schema: z.strictObject({ description: Description.optional(), tags: TagChanges.optional(), reason: Reason }) },
      response: ModelVersion,
      handle: async ({ params: { model, version }, body: { description, tags, reason }, caller, now, auditAs }) => {
        auditAs({ detail: { version, ...(reason === undefined ? {} : { reason }) } });
        const at = { now, reason };
        if (description !== undefined) await catalog.describeVersion(caller, model, version, description, at);
        if (tags !== undefined) await catalog.tagVersion(caller, model, version, definedTags(tags), at);
        return catalog.version(caller, model, version);
      },
    }),
    route({
      method: "DELETE",
      path: "/api/models/:model/versions/:version",
      access: "admin",
      on: ofModel,
      operationId: "deleteVersion",
      summary: "Remove a version; its aliases go along, and its number is never given again",
      tag,
      params: VersionParams,
      query: z.strictObject({ reason: Reason }),
      response: z.object({}),
      handle: async ({ params: { model, version }, query: { reason }, caller, now, auditAs }) => {
        auditAs({ detail: { version, ...(reason === undefined ? {} : { reason }) } });
        await catalog.deleteVersion(caller, model, version, { now, reason });
        return {};
      },
    }),
    route({
      method: "POST",
      path: "/api/models/:model/versions/:version/stage",
      access: "deployer",
      on: ofModel,
      operationId: "transitionStage",
      summary: "Move a version to a stage",
      description: "A version that can run and comes to Production becomes the champion and serves, unless a newer version was made the champion by its alias.",
      tag,
      params: VersionParams,
      body: { kind: "json", schema: z.strictObject({ stage: Stage, archiveExisting: z.boolean().default(false), reason: Reason }) },
      response: ModelVersion,
      handle: ({ params: { model, version }, body: { stage, archiveExisting, reason }, caller, now, auditAs }) => {
        auditAs({ detail: { version, stage, ...(reason === undefined ? {} : { reason }) } });
        return catalog.transition(caller, model, version, stage, { archiveExisting }, { now, reason });
      },
    }),
    route({
      method: "DELETE",
      path: "/api/models/:model/aliases/:alias",
      access: "deployer",
      on: ofModel,
      operationId: "deleteAlias",
      summary: "Remove an alias; without champion nothing serves those who name no version",
      tag,
      params: z.strictObject({ model: RegistryName, alias: z.string().min(1).max(255) }),
      query: z.strictObject({ reason: Reason }),
      response: z.object({ removed: z.boolean() }),
      handle: async ({ params: { model, alias }, query: { reason }, caller, now, auditAs }) => {
        auditAs({ detail: { alias, ...(reason === undefined ? {} : { reason }) } });
        return { removed: await catalog.deleteAlias(caller, model, alias, { now, reason }) };
      },
    }),
  ];
}

function definedTags({ set, remove }: z.output<typeof TagChanges>): { set?: RegistryTag[]; remove?: string[] } {
  return { ...(set === undefined ? {} : { set }), ...(remove === undefined ? {} : { remove }) };
}
