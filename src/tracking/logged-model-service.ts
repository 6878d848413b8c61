import type { Caller } from "../core/caller.ts";
import type { EpochMs } from "../core/clock.ts";
import { assertLoggedModelName, checkedRunTags } from "./entity-rules.ts";
import { missingExperiment, missingModel, type ExperimentAccess } from "./experiment-access.ts";
import type { LoggedModelStore } from "./logged-model-store.ts";
import { runName } from "./run-name.ts";
import { named } from "./tracking-service.ts";
import type { LoggedModel, LoggedModelStatus, Page, Tag } from "./schemas.ts";
import type { Search, TrackingStore } from "./tracking-store.ts";

export interface LoggedModelServiceParts {
  store: LoggedModelStore;
  tracking: TrackingStore;
  access: ExperimentAccess;
  /** In [0, 1), for names. */
  random: () => number;
  /** 32 hexadecimal digits, new each time. */
  runId: () => string;
}

/** Models that runs logged. What a caller may not see fails with LOGGED_MODEL_NOT_FOUND, as what is not there. */
export class LoggedModelService {
  readonly #parts: LoggedModelServiceParts;

  constructor(parts: LoggedModelServiceParts) {
    this.#parts = parts;
  }

  /** Without a name one is generated. */
  async create(
    caller: Caller,
    request: { experiment: string; name?: string | undefined; modelType?: string | undefined; sourceRun?: string | undefined; params: readonly Tag[]; tags: readonly Tag[] },
    now: EpochMs,
  ): Promise<LoggedModel> {
    const { store, tracking, access, random, runId } = this.#parts;
    const { experiment, sourceRun, params } = request;
    if (request.name !== undefined && request.name !== "") assertLoggedModelName(request.name);
    const tags = checkedRunTags(request.tags);
    await access.requireExperiment(caller, "contributor", experiment);
    const owner = await tracking.findExperiment(experiment);
    if (owner === null) throw missingExperiment(experiment);
    const id = `m-${runId()}`;
    return store.createLoggedModel({
      id, experiment, name: request.name === undefined || request.name === "" ? runName(random) : request.name,
      artifactUri: `${owner.artifactLocation.replace(/\/+$/, "")}/models/${id}/artifacts`,
      modelType: request.modelType ?? "", sourceRun: sourceRun === undefined || sourceRun === "" ? null : sourceRun, params, tags, now,
    });
  }

  async model(caller: Caller, id: string): Promise<LoggedModel> {
    await this.#parts.access.requireModel(caller, "viewer", id);
    const model = await this.#parts.store.findLoggedModel(id);
    if (model === null) throw missingModel(id);
    return model;
  }

  async finish(caller: Caller, id: string, status: LoggedModelStatus, now: EpochMs): Promise<LoggedModel> {
    await this.#parts.access.requireModel(caller, "contributor", id);
    return this.#parts.store.finishLoggedModel(id, status, now);
  }

  async remove(caller: Caller, id: string, now: EpochMs): Promise<void> {
    await this.#parts.access.requireModel(caller, "contributor", id);
    await this.#parts.store.deleteLoggedModel(id, now);
  }

  async setTags(caller: Caller, id: string, tags: readonly Tag[], now: EpochMs): Promise<LoggedModel> {
    await this.#parts.access.requireModel(caller, "contributor", id);
    return this.#parts.store.setLoggedModelTags(id, checkedRunTags(tags), now);
  }

  async deleteTag(caller: Caller, id: string, key: string, now: EpochMs): Promise<void> {
    await this.#parts.access.requireModel(caller, "contributor", id);
    await named(this.#parts.store.deleteLoggedModelTag(id, key, now), `No tag with key '${key.slice(0, 300)}' found for model with ID '${id}'.`);
  }

  async addParams(caller: Caller, id: string, params: readonly Tag[]): Promise<void> {
    await this.#parts.access.requireModel(caller, "contributor", id);
    await this.#parts.store.addLoggedModelParams(id, params);
  }

  /** Experiments that are not there, or that the caller may not see, have no models. */
  async search(caller: Caller, search: Omit<Search, "view"> & { experiments: readonly string[] }): Promise<Page<LoggedModel>> {
    return this.#parts.store.searchLoggedModels({ ...search, experiments: await this.#parts.access.seen(caller, search.experiments) });
  }
}
