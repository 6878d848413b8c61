import type { EpochMs } from "../core/clock.ts";
import type { Model, ModelVersion, RegistryTag, Stage } from "./schemas.ts";

/** Whose doing a change is, when, and why where they said it. */
export interface ChangeBy {
  actor: string;
  now: EpochMs;
  reason?: string;
}

export interface TagChange {
  set?: readonly RegistryTag[];
  /** Keys; one that is not there is no error. */
  remove?: readonly string[];
}

/**
 * What may change of models and versions after they are registered. Every method is one durable transaction, which also writes its
 * event and who did it why (`registry_changes`); what changes nothing writes neither. Methods that take a model throw MODEL_NOT_FOUND, those that take a version
 * VERSION_NOT_FOUND, where there is none. Adapters prove themselves with `registry-lifecycle.conformance.ts`.
 */
export interface RegistryLifecycle {
  /** A model without versions. Writes model.created. Throws MODEL_EXISTS, TEAM_NOT_FOUND. */
  createModel(request: { name: string; team: string; actor: string; now: EpochMs; description: string; tags: readonly RegistryTag[] }): Promise<Model>;
  /** Writes model.described. */
  describeModel(model: string, description: string, by: ChangeBy): Promise<Model>;
  /** Versions, aliases, tags, policies, statistics and history go along; contracts keep the name that they were written with. Writes model.renamed, on both names. Throws MODEL_EXISTS. */
  renameModel(model: string, name: string, by: ChangeBy): Promise<Model>;
  /** With all that is of it; a model of that name begins anew with version 1. Writes model.deleted. */
  deleteModel(model: string, by: ChangeBy): Promise<void>;
  /** Writes model.tag.set and model.tag.deleted, for each tag that changes. */
  tagModel(model: string, change: TagChange, by: ChangeBy): Promise<Model>;
  /** Writes model.version.described. */
  describeVersion(model: string, version: string, description: string, by: ChangeBy): Promise<ModelVersion>;
  /** Writes model.version.tag.set and model.version.tag.deleted, for each tag that changes. */
  tagVersion(model: string, version: string, change: TagChange, by: ChangeBy): Promise<ModelVersion>;
  /**
   * Moves a version to a stage; with `archiveExisting` the others there go to Archived. A version that can run and comes to
   * Production becomes the champion too, unless the champion is a newer version that never was in Production (somebody put it there by hand).
   * Writes model.version.transitioned for each version that moves, and model.alias.changed. `champion` tells whether the champion is another now.
   */
  transition(model: string, version: string, stage: Stage, options: { archiveExisting: boolean }, by: ChangeBy): Promise<{ version: ModelVersion; champion: boolean }>;
  /** Its aliases go along; its number is never given again. Writes model.alias.deleted and model.version.deleted. */
  deleteVersion(model: string, version: string, by: ChangeBy): Promise<void>;
  /** False when there was no such alias. Writes model.alias.deleted. */
  deleteAlias(model: string, alias: string, by: ChangeBy): Promise<boolean>;
}
