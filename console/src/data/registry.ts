import { apiPath, call } from "./api.ts";
import { invalidate, useResource, type Resource } from "./resource.ts";
import type { RegistryChange, Stage } from "./types.ts";

/** What changes of a model or a version, each with why. */
export interface TagChanges {
  set: { key: string; value: string }[];
  remove: string[];
}

export function useModelChanges(model: string): Resource<{ changes: RegistryChange[] }> {
  return useResource(apiPath`/api/models/${model}/changes`);
}

async function change(path: string, method: "POST" | "PUT" | "PATCH" | "DELETE", body?: unknown): Promise<void> {
  await call(path, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  invalidate((key) => key.startsWith("/api/models"));
}

/** The reason as the server takes it: none rather than an empty one. */
function because(reason: string): { reason?: string } {
  return reason.trim() === "" ? {} : { reason: reason.trim() };
}

export function moveToStage(model: string, version: string, stage: Stage, archiveExisting: boolean, reason: string): Promise<void> {
  return change(apiPath`/api/models/${model}/versions/${version}/stage`, "POST", { stage, archiveExisting, ...because(reason) });
}

export function setAlias(model: string, alias: string, version: string, reason: string): Promise<void> {
  return change(apiPath`/api/models/${model}/aliases/${alias}`, "PUT", { version, ...because(reason) });
}

export function deleteAlias(model: string, alias: string, reason: string): Promise<void> {
  return change(apiPath`/api/models/${model}/aliases/${alias}` + (reason.trim() === "" ? "" : `?reason=${encodeURIComponent(reason.trim())}`), "DELETE");
}

/** Describes and tags a model, or one of its versions. */
export function describe(model: string, version: string | null, changes: { description?: string; tags?: TagChanges }, reason: string): Promise<void> {
  return change(version === null ? apiPath`/api/models/${model}` : apiPath`/api/models/${model}/versions/${version}`, "PATCH", { ...changes, ...because(reason) });
}
