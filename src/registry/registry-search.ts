import type { Page, SearchCondition, SearchOrder } from "../core/search-condition.ts";
import type { Model, ModelVersion, RegistryChange } from "./schemas.ts";

/** Which models a caller may see: those of whole teams, and some by name. `"all"` for whoever sees everything. */
export type VisibleModels = "all" | { teams: readonly string[]; models: readonly { team: string; name: string }[] };

export interface RegistrySearchRequest {
  conditions: readonly SearchCondition[];
  order: readonly SearchOrder[];
  visible: VisibleModels;
  limit: number;
  /** `next` of the page before. Throws INVALID_PARAMETER for one that no search gave. */
  after: string | null;
}

/** Finds models and versions. Adapters prove themselves with `registry-lifecycle.conformance.ts`. */
export interface RegistrySearch {
  /** Attributes: `name`, `createdAt`, `updatedAt`; also by tag. Without an order, and for ties, by name. */
  searchModels(request: RegistrySearchRequest): Promise<Page<Model>>;
  /** Attributes: `name` (the model's), `version`, `run`, `source`, `stage`, `createdAt`, `updatedAt`; also by tag. Without an order the latest change first; ties by name, then the newest version first. */
  searchVersions(request: RegistrySearchRequest): Promise<Page<ModelVersion>>;
  /** The newest version of each stage, of each of the models. */
  latestVersions(models: readonly string[]): Promise<ModelVersion[]>;
  /** Of the model and its versions, newest first; `before` is the id of a change. */
  listChanges(model: string, page: { limit: number; before?: string }): Promise<RegistryChange[]>;
}
