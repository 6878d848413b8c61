import { mayOn, type Caller, type Role } from "../core/caller.ts";
import { jsonDigest } from "../core/canonical-json.ts";
import type { EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { EventBus } from "../core/events.ts";
import { VersionNumber } from "../core/names.ts";
import { missingObject, requireOn } from "../core/request-gate.ts";
import type { Page } from "../core/search-condition.ts";
import type { ContractBuilder } from "./contract-builder.ts";
import { assertAlias, assertAliasName, assertRegistryName, assertTag, assertTagKey, stageOf } from "./model-rules.ts";
import type { ModelSourceReader, RequireLocalSource } from "./model-source.ts";
import { visibleModels, type ModelTeams } from "./model-teams.ts";
import type { ChangeBy, TagChange } from "./registry-lifecycle.ts";
import type { RegistrySearchRequest } from "./registry-search.ts";
import type { RegistryStores } from "./registry-store.ts";
import { championAlias } from "./runnable.ts";
import type { Model, ModelVersion, RegistryChange, RegistryTag, Stage } from "./schemas.ts";
import { SourceRegistration, type SourceRequest } from "./source-registration.ts";

export interface ModelCatalogParts {
  store: RegistryStores;
  teams: ModelTeams;
  contracts: ContractBuilder;
  events: EventBus;
  sources?: ModelSourceReader;
  requireLocalSource?: RequireLocalSource;
}

/** When a change is made, and why where its author said it. */
export interface ChangeAt {
  now: EpochMs;
  reason?: string | undefined;
}

/** The tag with which MLflow's clients say whose a new model becomes. */
export const modelTeamTag = "slipway.team";
const defaultTeam = "default";
type Search = Omit<RegistrySearchRequest, "visible">;

/**
 * The registry as people and clients change it: every method judges the caller's right first, and answers for what they may not see
 * exactly as for what is not there (MODEL_NOT_FOUND). Viewers read, deployers change, admins remove.
 */
export class ModelCatalog {
  readonly #parts: ModelCatalogParts;
  readonly #registration: SourceRegistration;

  constructor(parts: ModelCatalogParts) {
    this.#parts = parts;
    this.#registration = new SourceRegistration(parts);
  }

  async model(caller: Caller, name: string): Promise<Model> {
    await this.#require(caller, "viewer", name);
    const found = await this.#parts.store.findModel(name);
    if (found === null) throw this.#gone(name);
    return found;
  }

  /** Throws VERSION_NOT_FOUND too. */
  async version(caller: Caller, name: string, version: string): Promise<ModelVersion> {
    await this.#require(caller, "viewer", name);
    const found = VersionNumber.safeParse(version).success ? await this.#parts.store.findVersion(name, version) : null;
    if (found === null) throw new AppError("VERSION_NOT_FOUND", `${name} has no version ${version.slice(0, 140)}.`);
    return found;
  }

  /** `latest` is the newest version. Throws ALIAS_NOT_FOUND. */
  async versionByAlias(caller: Caller, name: string, alias: string): Promise<ModelVersion> {
    const { aliases, latestVersion } = await this.model(caller, name);
    const number = alias.toLowerCase() === "latest" ? latestVersion : Object.hasOwn(aliases, alias) ? aliases[alias]! : null;
    if (number === null) throw new AppError("ALIAS_NOT_FOUND", `Registered model alias ${alias.slice(0, 300)} not found.`);
    return this.version(caller, name, number);
  }

  /** The newest version of each stage. */
  async latestVersions(caller: Caller, name: string): Promise<ModelVersion[]> {
    await this.#require(caller, "viewer", name);
    return this.#parts.store.latestVersions([name]);
  }

  /** The same of many models that the caller was shown. */
  latestOf(models: readonly Model[]): Promise<ModelVersion[]> {
    return this.#parts.store.latestVersions(models.map(({ name }) => name));
  }

  /** The aliases of the models of versions that the caller was shown, by model. */
  async aliasesOf(versions: readonly ModelVersion[]): Promise<Map<string, Model["aliases"]>> {
    const names = [...new Set(versions.map(({ model }) => model))];
    const models = await this.#parts.store.findModels(names);
    return new Map(models.map(({ name, aliases }) => [name, aliases]));
  }

  searchModels(caller: Caller, search: Search): Promise<Page<Model>> {
    return this.#parts.store.searchModels({ ...search, visible: visibleModels(caller) });
  }

  searchVersions(caller: Caller, search: Search): Promise<Page<ModelVersion>> {
    return this.#parts.store.searchVersions({ ...search, visible: visibleModels(caller) });
  }

  async changes(caller: Caller, name: string, page: { limit: number; before?: string }): Promise<RegistryChange[]> {
    await this.#require(caller, "viewer", name);
    return this.#parts.store.listChanges(name, page);
  }

  /** Where no team is named it is the default one, or the only one in which the caller may deploy. Throws MODEL_EXISTS, FORBIDDEN, INVALID_NAME. */
  async createModel(caller: Caller, request: { name: string; description: string; tags: readonly RegistryTag[] }, now: EpochMs): Promise<Model> {
    const { name, tags } = request;
    assertRegistryName(name);
    tags.forEach(assertTag);
    const team = teamFor(caller, name, tags.findLast(({ key }) => key === modelTeamTag)?.value);
    const model = await this.#parts.store.createModel({ ...request, team, actor: caller.actor, now });
    this.#parts.teams.remember(name, team);
    return model;
  }

  async describeModel(caller: Caller, name: string, description: string, at: ChangeAt): Promise<Model> {
    await this.#require(caller, "deployer", name);
    return this.#parts.store.describeModel(name, description, byOf(caller, at));
  }

  async tagModel(caller: Caller, name: string, change: TagChange, at: ChangeAt): Promise<Model> {
    assertTags(change);
    await this.#require(caller, "deployer", name);
    return this.#parts.store.tagModel(name, change, byOf(caller, at));
  }

  /** Serving goes on under the new name. A key that is for this model alone must be for the new name too. Throws MODEL_EXISTS, FORBIDDEN. */
  async renameModel(caller: Caller, name: string, newName: string, at: ChangeAt): Promise<Model> {
    assertRegistryName(newName);
    const team = await this.#require(caller, "deployer", name);
    if (newName === name) return this.model(caller, name);
    if (!mayOn(caller, "deployer", { kind: "model", name: newName, team })) throw new AppError("FORBIDDEN", `This needs the role deployer on the model ${newName}.`);
    const { teams, store } = this.#parts;
    const model = await store.renameModel(name, newName, byOf(caller, at));
    teams.forget(name);
    teams.remember(newName, team);
    this.#changed(name);
    this.#changed(newName);
    return model;
  }

  /** With its versions; what it serves ends. */
  async deleteModel(caller: Caller, name: string, at: ChangeAt): Promise<void> {
    await this.#require(caller, "admin", name);
    await this.#parts.store.deleteModel(name, byOf(caller, at));
    this.#parts.teams.forget(name);
    this.#changed(name);
  }

  /** Adds a version to a model that is there. Its source is read as far as it can be; what cannot run is registered too. */
  async register(caller: Caller, request: SourceRequest, now: EpochMs): Promise<ModelVersion> {
    (request.tags ?? []).forEach(assertTag);
    if (request.unread !== true) await this.#registration.judge(caller, request);
    const team = await this.#require(caller, "deployer", request.model);
    const { make, facts } = await this.#registration.read(caller, request, now, (name, version) => this.version(caller, name, version));
    const version = await this.#parts.store.addVersion({
      model: request.model, team, actor: caller.actor, now, facts, mayAddModel: false,
      makeContract: (number, parent) => {
        const contract = make(number, parent);
        return { contract, digest: jsonDigest(contract) };
      },
    });
    this.#parts.events.emit("version.registered", { model: version.model, version: version.version });
    return version;
  }

  async describeVersion(caller: Caller, name: string, version: string, description: string, at: ChangeAt): Promise<ModelVersion> {
    await this.#requireVersion(caller, "deployer", name, version);
    return this.#parts.store.describeVersion(name, version, description, byOf(caller, at));
  }

  async tagVersion(caller: Caller, name: string, version: string, change: TagChange, at: ChangeAt): Promise<ModelVersion> {
    assertTags(change);
    await this.#requireVersion(caller, "deployer", name, version);
    return this.#parts.store.tagVersion(name, version, change, byOf(caller, at));
  }

  /** Throws INVALID_PARAMETER for a stage that is none, or one whose others cannot be archived. */
  async transition(caller: Caller, name: string, version: string, stage: string, options: { archiveExisting: boolean }, at: ChangeAt): Promise<ModelVersion> {
    const wanted: Stage = stageOf(stage);
    if (options.archiveExisting && wanted !== "Staging" && wanted !== "Production") {
      throw new AppError("INVALID_PARAMETER", `Model version transition cannot archive existing model versions because '${stage}' is not an Active stage. Valid stages are Staging and Production.`);
    }
    await this.#requireVersion(caller, "deployer", name, version);
    const moved = await this.#parts.store.transition(name, version, wanted, options, byOf(caller, at));
    if (moved.champion) this.#pointed(name, championAlias, version);
    return moved.version;
  }

  /** Its aliases go along; when it serves, that ends. */
  async deleteVersion(caller: Caller, name: string, version: string, at: ChangeAt): Promise<void> {
    await this.#requireVersion(caller, "admin", name, version);
    await this.#parts.store.deleteVersion(name, version, byOf(caller, at));
    this.#changed(name);
  }

  /** An alias is data: `champion` may point at a version that cannot run, and the one that served goes on then. */
  async setAlias(caller: Caller, name: string, alias: string, version: string, at: ChangeAt): Promise<void> {
    assertAlias(alias);
    await this.#requireVersion(caller, "deployer", name, version);
    await this.#parts.store.setAlias({ model: name, alias, version, ...byOf(caller, at) });
    this.#pointed(name, alias, version);
  }

  /** False when there was none. Without the alias champion nothing serves. */
  async deleteAlias(caller: Caller, name: string, alias: string, at: ChangeAt): Promise<boolean> {
    assertAliasName(alias);
    await this.#require(caller, "deployer", name);
    const removed = await this.#parts.store.deleteAlias(name, alias, byOf(caller, at));
    if (removed) this.#changed(name);
    return removed;
  }

  /** Where the files are: a source `models:/NAME/1` leads to what that version was registered from. */
  async sourceOf(caller: Caller, name: string, version: string): Promise<string> {
    let found = await this.version(caller, name, version);
    for (let step = 0; step < 20; step++) {
      const [, model, number] = /^models:\/([^/@]+)\/([1-9]\d{0,8})$/.exec(found.source) ?? [];
      const next = model === undefined ? null : await this.#parts.store.findVersion(decoded(model), number!);
      if (next === null || next.source === "") break;
      // The copy was made by somebody who could see it; this caller may not.
      const team = await this.#parts.teams.of(next.model);
      if (!mayOn(caller, "viewer", { kind: "model", name: next.model, team })) break;
      found = next;
    }
    return found.source;
  }

  async #require(caller: Caller, role: Role, name: string): Promise<string> {
    return this.#parts.teams.require(caller, role, name);
  }

  async #requireVersion(caller: Caller, role: Role, name: string, version: string): Promise<void> {
    const team = await this.#require(caller, "viewer", name);
    await this.version(caller, name, version);
    requireOn(caller, role, { kind: "model", name, team });
  }

  #gone(name: string): AppError {
    this.#parts.teams.forget(name);
    return missingObject("model", name);
  }

  #pointed(model: string, alias: string, version: string): void {
    this.#parts.events.emit("alias.changed", { model, alias, version });
    if (alias === championAlias) this.#changed(model);
  }

  #changed(model: string): void {
    this.#parts.events.emit("model.changed", { model });
  }
}

function byOf({ actor }: Caller, { now, reason }: ChangeAt): ChangeBy {
  return { actor, now, ...(reason === undefined ? {} : { reason }) };
}

function assertTags({ set, remove }: TagChange): void {
  set?.forEach(assertTag);
  remove?.forEach(assertTagKey);
}

function teamFor(caller: Caller, name: string, named: string | undefined): string {
  const may = (team: string): boolean => mayOn(caller, "deployer", { kind: "model", name, team });
  const own = [...new Set(caller.grants.map(({ team }) => team))].filter((team) => team !== "*" && may(team));
  const team = named ?? (may(defaultTeam) || own.length !== 1 ? defaultTeam : own[0]!);
  if (!may(team)) throw new AppError("FORBIDDEN", `This needs the role deployer in the team ${team}; the tag ${modelTeamTag} names another.`);
  return team;
}

/** A name within an address; one that is no proper escape stays as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
