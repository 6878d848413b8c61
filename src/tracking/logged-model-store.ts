import type { EpochMs } from "../core/clock.ts";
import type { LoggedModel, LoggedModelStatus, Page, Tag } from "./schemas.ts";
import type { Search } from "./tracking-store.ts";

/**
 * Models that runs logged, before anybody registers them. Methods that take a model throw LOGGED_MODEL_NOT_FOUND where
 * there is none or it is deleted. Adapters prove themselves with `logged-model-store.conformance.ts`.
 */
export interface LoggedModelStore {
  /** The source run need not be one of this server. Throws EXPERIMENT_NOT_FOUND, OBJECT_DELETED. */
  createLoggedModel(request: {
    id: string; experiment: string; name: string; artifactUri: string; modelType: string; sourceRun: string | null;
    params: readonly Tag[]; tags: readonly Tag[]; now: EpochMs;
  }): Promise<LoggedModel>;
  findLoggedModel(id: string): Promise<LoggedModel | null>;
  /** The experiment of a model, deleted or not; null where there is none. */
  experimentOfLoggedModel(id: string): Promise<string | null>;
  finishLoggedModel(id: string, status: LoggedModelStatus, now: EpochMs): Promise<LoggedModel>;
  deleteLoggedModel(id: string, now: EpochMs): Promise<void>;
  setLoggedModelTags(id: string, tags: readonly Tag[], now: EpochMs): Promise<LoggedModel>;
  /** Throws TAG_NOT_FOUND. */
  deleteLoggedModelTag(id: string, key: string, now: EpochMs): Promise<void>;
  /** Added; one that is there with another value throws PARAM_CHANGED. */
  addLoggedModelParams(id: string, params: readonly Tag[]): Promise<void>;
  /** Attributes: `id`, `name`, `modelType`, `status`, `sourceRun`, `createdAt`, `updatedAt`; metrics (with their dataset), params, tags. Newest first without an order. */
  searchLoggedModels(search: Omit<Search, "view"> & { experiments: readonly string[] }): Promise<Page<LoggedModel>>;
}
