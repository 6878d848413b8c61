import type { EpochMs } from "../core/clock.ts";
import type { VisibleExperiments } from "../tracking/index.ts";
import type { DatasetUse, DatasetVersion, HeldDataset, LoggedDataset } from "./schemas.ts";

/** What a version says beside its number. */
export type DatasetFacts = Omit<DatasetVersion, "version" | "createdAt" | "owner">;

/**
 * Datasets with their versions. Every write is one durable transaction, which writes its event too. Adapters prove themselves
 * with `dataset-store.conformance.ts`.
 */
export interface DatasetStore {
  /**
   * Adds a version, and the dataset where it is new (then of `team`). A latest version of the same digest, format and target is answered as it is, and
   * nothing is written. Writes dataset.created and dataset.version.added. Throws TEAM_NOT_FOUND, NAME_TAKEN for a dataset of another team than `team`.
   */
  addVersion(facts: DatasetFacts, by: { actor: string; now: EpochMs; team: string; description?: string }): Promise<{ version: DatasetVersion; created: boolean }>;
  find(name: string): Promise<HeldDataset | null>;
  /** By name. `teams` null is all. */
  list(page: { teams: readonly string[] | null; after: string | null; limit: number }): Promise<HeldDataset[]>;
  /** The latest without a number. */
  findVersion(name: string, version?: number): Promise<DatasetVersion | null>;
  /** Newest first. */
  listVersions(name: string, page: { before: number | null; limit: number }): Promise<DatasetVersion[]>;
  /** Of any dataset, newest first. */
  findByDigest(digest: string): Promise<DatasetVersion[]>;
  /** With all versions; a dataset of that name begins anew with version 1. Writes dataset.deleted. False when there is none. */
  remove(name: string, by: { actor: string; now: EpochMs }): Promise<boolean>;
  /** Every digest that a version names. */
  listDigests(): Promise<string[]>;
  /** Models of which a version's contract names the content or was evaluated on it, by name. */
  modelsUsing(digest: string): Promise<{ name: string; team: string }[]>;
  /** Where these models use the content: versions by model, then newest first; evaluations newest first. At most `limit` of each. */
  listUse(digest: string, models: readonly string[], limit: number): Promise<DatasetUse>;
  /** What runs of active experiments logged, newest first; of one experiment, or under one name, where they are said. */
  listLogged(request: { visible: VisibleExperiments; experiment?: string; name?: string; offset: number; limit: number }): Promise<LoggedDataset[]>;
}
