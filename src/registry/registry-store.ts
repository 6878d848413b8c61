import type { EpochMs } from "../core/clock.ts";
import type { ChangeBy, RegistryLifecycle } from "./registry-lifecycle.ts";
import type { RegistrySearch } from "./registry-search.ts";
import type { PolicyRevision } from "./policy-schemas.ts";
import type { Contract, Model, ModelVersion, RegistryTag } from "./schemas.ts";

/** What a version carries beside its contract, as its registrar gave it. */
export interface VersionFacts {
  description?: string;
  tags?: readonly RegistryTag[];
  source?: string;
  runId?: string;
  runLink?: string;
  loggedModel?: string;
}

/**
 * Models, their versions, aliases and policies. Every method is one durable transaction: when it has answered, the
 * change survives power loss; when it failed, nothing of it is there. Adapters prove themselves with
 * `registry-store.conformance.ts`.
 */
export interface RegistryStore {
  listModels(): Promise<Model[]>;
  findModel(name: string): Promise<Model | null>;
  /** Those of the names that are there, by name. */
  findModels(names: readonly string[]): Promise<Model[]>;
  /** Newest first. */
  listVersions(model: string): Promise<ModelVersion[]>;
  findVersion(model: string, version: string): Promise<ModelVersion | null>;
  /** The team that the model belongs to; null when there is no such model. It never changes. */
  teamOf(model: string): Promise<string | null>;
  /**
   * Adds the model when it is new (to `team`, owned by `actor`), takes the next number, writes the version with the contract that `makeContract`
   * builds for that number (`parentVersion` is the newest of those that are there) and, when `alias` is given, points it at the new version: all or nothing. `makeContract` is
   * synchronous and pure. Writes the event model.version.registered. Throws NAME_TAKEN when the model belongs to another
   * team, TEAM_NOT_FOUND.
   */
  addVersion(request: {
    model: string;
    team: string;
    actor: string;
    now: EpochMs;
    description?: string;
    alias?: string;
    facts?: VersionFacts;
    /** False throws MODEL_NOT_FOUND where there is no model of the name, instead of adding it. */
    mayAddModel?: boolean;
    makeContract: (version: string, parentVersion: string | null) => { contract: Contract; digest: string };
  }): Promise<ModelVersion>;
  /** Writes the event model.alias.changed. Throws VERSION_NOT_FOUND. */
  setAlias(request: { model: string; alias: string; version: string } & ChangeBy): Promise<void>;
  /** Null when nobody has changed the defaults. */
  currentPolicy(model: string): Promise<PolicyRevision | null>;
  /** Writes the event model.policy.changed, by the author. Throws POLICY_CONFLICT when `revision` is not the current one plus one, MODEL_NOT_FOUND when there is no such model. */
  addPolicyRevision(revision: PolicyRevision): Promise<void>;
  /** Newest first, at most 100. */
  listPolicyRevisions(model: string): Promise<PolicyRevision[]>;
  /** Digests of every artifact that some version names; what is not among them may be collected. */
  listArtifactDigests(): Promise<string[]>;
}

/** All that the registry keeps, in one place: changes of one part are seen by the others at once. */
export type RegistryStores = RegistryStore & RegistryLifecycle & RegistrySearch;
