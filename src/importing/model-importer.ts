import type { Caller } from "../core/caller.ts";
import { epochMs } from "../core/clock.ts";
import { AppError, toAppError } from "../core/errors.ts";
import { modelTeamTag, type ModelCatalog, type ModelVersion } from "../registry/index.ts";
import type { ImportBy } from "./experiment-importer.ts";
import type { SourceModel, SourceVersion } from "./import-source.ts";
import type { ImportTally } from "./import-tally.ts";

const promptTag = "mlflow.prompt.is_prompt";
const reason = "imported";

/** Registered models as the registry's own service writes them, on behalf of an admin of the whole server. */
export class ModelImporter {
  readonly #catalog: ModelCatalog;
  readonly #caller: Caller;
  readonly #by: ImportBy;
  readonly #tally: ImportTally;

  constructor(parts: { catalog: ModelCatalog; by: ImportBy; tally: ImportTally }) {
    this.#catalog = parts.catalog;
    this.#by = parts.by;
    this.#tally = parts.tally;
    this.#caller = { actor: parts.by.actor, name: parts.by.actor, grants: [{ role: "admin", team: "*" }] };
  }

  /** Answers whether its versions can come. */
  async model({ name, createdAt, description, tags }: SourceModel): Promise<boolean> {
    const existing = await orNull(this.#catalog.model(this.#caller, name));
    this.#tally.count(existing === null ? "registered models" : "registered models there already");
    if (existing !== null) {
      const known = new Set(existing.tags.map(({ key }) => key));
      const set = tags.filter(({ key }) => !known.has(key));
      if (set.length > 0) await this.#catalog.tagModel(this.#caller, name, { set }, { now: this.#by.now, reason });
      return true;
    }
    try {
      // The tag alone says whose a new model becomes; it is not kept when the source has none.
      const named = tags.filter(({ key }) => key !== modelTeamTag);
      await this.#catalog.createModel(this.#caller, { name, description, tags: [...named, { key: modelTeamTag, value: this.#by.team }] }, epochMs(createdAt));
      await this.#catalog.tagModel(this.#caller, name, { remove: [modelTeamTag] }, { now: epochMs(createdAt), reason });
      return true;
    } catch (error) {
      this.#tally.noteError(`registered model ${name}`, error);
      return false;
    }
  }

  /** Under the number that it has in the source. One that is here already is left as it is. */
  async version(model: SourceModel, version: SourceVersion): Promise<void> {
    const object = `version ${version.version} of ${model.name}`;
    const source = movedSource(version);
    const existing = await orNull(this.#catalog.version(this.#caller, model.name, String(version.version)));
    if (existing !== null) {
      this.#tally.count("model versions there already");
      if (existing.source !== source && existing.source !== "") this.#tally.note(object, `Another version has this number here, made from ${existing.source}.`);
      return;
    }
    const registered = await this.#registerNumbered(model, version, source, object);
    if (registered === null) return;
    this.#tally.count("model versions");
    for (const note of registered.contract.runtime.notes) this.#tally.note(object, note);
    const at = { now: this.#by.now, reason };
    if (version.stage !== "" && version.stage !== "None") await this.#catalog.transition(this.#caller, model.name, registered.version, version.stage, { archiveExisting: false }, at);
  }

  /** After the versions; an alias that is here stays where somebody pointed it. */
  async aliases(model: SourceModel): Promise<void> {
    const { aliases } = await this.#catalog.model(this.#caller, model.name);
    for (const [alias, version] of Object.entries(model.aliases)) {
      const object = `alias ${alias} of ${model.name}`;
      if (Object.hasOwn(aliases, alias)) {
        if (aliases[alias] !== version) this.#tally.note(object, `It points at version ${aliases[alias]} here, and at ${version} in the source.`);
        continue;
      }
      try {
        await this.#catalog.setAlias(this.#caller, model.name, alias, version, { now: this.#by.now, reason });
        this.#tally.count("aliases");
      } catch (error) {
        this.#tally.noteError(object, error);
      }
    }
  }

  /** Numbers of versions that were deleted in the source stay free: they are taken and deleted. Null where the number cannot be had. */
  async #registerNumbered(model: SourceModel, version: SourceVersion, source: string, object: string): Promise<ModelVersion | null> {
    let next = Number((await this.#catalog.model(this.#caller, model.name)).latestVersion ?? 0) + 1;
    while (next <= version.version) {
      const isFiller = next < version.version;
      const made = isFiller
        ? await this.#catalog.register(this.#caller, { model: model.name, source: "", unread: true }, this.#by.now)
        : await this.#register(model, version, source, object);
      const number = Number(made.version);
      if (!isFiller && number === version.version) return made;
      // Versions that were deleted here had numbers too, so another number may come than was thought.
      await this.#catalog.deleteVersion(this.#caller, model.name, made.version, { now: this.#by.now, reason });
      next = number + 1;
    }
    this.#tally.note(object, "The model had a version of this number here already, or a later one, so it can no longer be given.");
    return null;
  }

  async #register(model: SourceModel, version: SourceVersion, source: string, object: string): Promise<ModelVersion> {
    const { description, tags, runId, runLink, loggedModel, createdAt } = version;
    const facts = {
      model: model.name, source, description, tags,
      ...(runId === null || runId === "" ? {} : { runId }), ...(runLink === "" ? {} : { runLink }), ...(loggedModel === null ? {} : { loggedModel }),
    };
    const now = epochMs(createdAt);
    if (model.tags.some(({ key, value }) => key === promptTag && value === "true")) return this.#catalog.register(this.#caller, { ...facts, unread: true }, now);
    try {
      return await this.#catalog.register(this.#caller, facts, now);
    } catch (error) {
      // A version that cannot be read is registered all the same; where it is the registry that fails, it fails here too.
      this.#tally.note(object, toAppError(error).message);
      return this.#catalog.register(this.#caller, { ...facts, source: /^[a-z][a-z0-9+.-]+:/i.test(source) && !/^file:/i.test(source) ? source : "", unread: true }, now);
    }
  }
}

/** Local paths and places of the source's own server become what they are here: artifacts of the run or logged model that came along. */
function movedSource({ source, runId, loggedModel }: SourceVersion): string {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(source)?.[1]?.toLowerCase();
  if (scheme !== undefined && scheme !== "file" && scheme !== "mlflow-artifacts") return source;
  if (loggedModel !== null) return `models:/${loggedModel}`;
  const model = /\/models\/(m-[0-9a-f]{32})\/artifacts\/?$/.exec(source)?.[1];
  if (model !== undefined) return `models:/${model}`;
  const mark = `/${runId ?? ""}/artifacts/`;
  const place = runId === null || runId === "" ? -1 : source.indexOf(mark);
  return place === -1 ? source : `runs:/${runId}/${source.slice(place + mark.length)}`;
}

async function orNull<Value>(asked: Promise<Value>): Promise<Value | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof AppError && error.status === 404) return null;
    throw error;
  }
}
