import type { Kysely, Selectable } from "kysely";
import { digestOfText } from "../../../core/canonical-json.ts";
import type { EpochMs } from "../../../core/clock.ts";
import type { DomainEvent } from "../../../core/domain-event.ts";
import { AppError } from "../../../core/errors.ts";
import type { IdGenerator } from "../../../core/ids.ts";
import { missingObject } from "../../../core/request-gate.ts";
import { isPrompt, promptTag } from "../../../registry/index.ts";
import type { Contract, Model, ModelVersion, RegistryTag, Stage, VersionStatus } from "../../../registry/schemas.ts";
import type { DatabaseSchema, ModelVersionRow } from "../database-schema.ts";
import { writeEvents } from "../events/write-events.ts";

/** Reading and writing down what the stores of the registry share. */
export type RegistryQueries = Kysely<DatabaseSchema>;

/** By name. One statement, so that aliases, tags and latest versions are of one moment. */
export async function readModels(queries: RegistryQueries, names?: readonly string[]): Promise<Model[]> {
  if (names?.length === 0) return [];
  let query = queries
    .selectFrom("models")
    .leftJoin(
      ({ selectFrom }) =>
        selectFrom("model_aliases")
          .select(({ val, cast }) => ["model", val("alias").as("kind"), "alias as key", cast<string>("version", "text").as("value")])
          .unionAll(selectFrom("model_tags").select(({ val }) => ["model", val("tag").as("kind"), "key", "value"]))
          .as("facets"),
      (join) => join.onRef("facets.model", "=", "models.name"),
    )
    .select(["models.name", "models.created_at", "models.updated_at", "models.description", "models.team", "models.owner", "facets.kind", "facets.key", "facets.value"])
    .select(({ selectFrom }) =>
      selectFrom("model_versions").whereRef("model_versions.model", "=", "models.name").select(({ fn }) => fn.max("version").as("latest")).as("latest"))
    .orderBy("models.name")
    .orderBy("facets.key");
  if (names !== undefined) query = query.where("models.name", "in", [...names]);
  const models: Model[] = [];
  for (const row of await query.execute()) {
    let model = models.at(-1);
    if (model?.name !== row.name) {
      const { name, created_at: createdAt, description, team, owner } = row;
      const latestVersion = row.latest === null ? null : String(row.latest);
      model = { name, createdAt, updatedAt: row.updated_at ?? createdAt, description, tags: [], aliases: {}, latestVersion, team, owner };
      models.push(model);
    }
    if (row.kind === "tag") model.tags.push({ key: row.key!, value: row.value! });
    // Defined, not assigned: an alias may have any name, also one that objects know already.
    else if (row.kind === "alias") Object.defineProperty(model.aliases, row.key!, { value: row.value, enumerable: true, configurable: true, writable: true });
  }
  return models;
}

/** Adds the tags, which are rows of their own, to the versions that were read; the order stays. */
export async function versionsOf(queries: RegistryQueries, rows: readonly Selectable<ModelVersionRow>[]): Promise<ModelVersion[]> {
  const tags = new Map<string, RegistryTag[]>();
  // A few models or a few versions: what is read too much is small, and databases differ in how they take pairs.
  for (let start = 0; start < rows.length; start += 500) {
    const part = rows.slice(start, start + 500);
    const found = await queries
      .selectFrom("version_tags").selectAll()
      .where("model", "in", [...new Set(part.map(({ model }) => model))])
      .where("version", "in", [...new Set(part.map(({ version }) => version))])
      .orderBy("key")
      .execute();
    for (const { model, version, key, value } of found) {
      const place = `${version} ${model}`;
      const list = tags.get(place) ?? [];
      tags.set(place, list);
      if (!list.some((tag) => tag.key === key)) list.push({ key, value });
    }
  }
  return rows.map((row) => modelVersionOf(row, tags.get(`${row.version} ${row.model}`) ?? []));
}

/** Throws VERSION_NOT_FOUND. */
export async function readVersion(queries: RegistryQueries, model: string, version: string): Promise<ModelVersion> {
  const row = await queries.selectFrom("model_versions").selectAll().where("model", "=", model).where("version", "=", Number(version)).executeTakeFirst();
  if (row === undefined) throw missingVersion(model, version);
  return (await versionsOf(queries, [row]))[0]!;
}

export function missingVersion(model: string, version: string): AppError {
  return new AppError("VERSION_NOT_FOUND", `${model} has no version ${version}.`);
}

export function modelVersionOf(row: Selectable<ModelVersionRow>, tags: RegistryTag[]): ModelVersion {
  const version = String(row.version);
  const digest = digestOfText(row.contract_json);
  if (digest !== row.contract_digest) {
    throw new AppError("INTERNAL", `The contract of version ${version} of ${row.model} does not match its digest.`, {
      cause: new Error(`The text hashes to ${digest}, the digest is ${row.contract_digest}.`),
    });
  }
  return {
    model: row.model, version, createdAt: row.created_at, updatedAt: row.updated_at ?? row.created_at, contractDigest: digest,
    // What its digest proves unchanged was valid when it was written.
    contract: JSON.parse(row.contract_json) as Contract,
    description: row.description, tags, stage: row.stage as Stage, status: row.status as VersionStatus, statusMessage: row.status_message,
    source: row.source, runId: row.run_id, runLink: row.run_link, loggedModel: row.logged_model, owner: row.owner,
  };
}

/** The model's team, its row kept from changing until the transaction ends: changes of one model come one after the other. Throws MODEL_NOT_FOUND. */
export async function holdModel(transaction: RegistryQueries, name: string): Promise<{ team: string; description: string }> {
  const held = await transaction
    .updateTable("models").set(({ ref }) => ({ owner: ref("owner") })).where("name", "=", name).returning(["team", "description"]).executeTakeFirst();
  if (held === undefined) throw missingObject("model", name);
  return held;
}

/** One change as it is told and written down. */
export interface ChangeMade {
  type: string;
  model: string;
  version?: string;
  before?: string | null;
  after?: string | null;
  /** What the event says beside model, version and reason. */
  payload: DomainEvent["payload"];
}

/** The events to the outbox, and who, when, why to the model's history: the last statements of a transaction. */
export async function tellChanges(
  transaction: RegistryQueries, ids: IdGenerator, changes: readonly ChangeMade[], by: { team: string; actor: string; now: EpochMs; reason?: string },
): Promise<void> {
  if (changes.length === 0) return;
  const { team, actor, now: time, reason } = by;
  const rows = changes.map(({ type, model, version, before, after }) => ({
    id: ids.next("change"), model, version: version === undefined ? null : Number(version), time, actor, change: type, before: before ?? null, after: after ?? null, reason: reason ?? "",
  }));
  await transaction.insertInto("registry_changes").values(rows).execute();
  const prompts = await promptsAmong(transaction, changes.map(({ model }) => model));
  await writeEvents(transaction, ids, changes.map(({ type, model, version, payload }) => ({
    type, object: `model:${model}`, team, actor, time,
    payload: {
      model, ...(version === undefined ? {} : { version }), ...payload, ...(prompts.has(model) ? { prompt: true } : {}), ...(reason === undefined || reason === "" ? {} : { reason }),
    },
  })));
}

/** Which of the models are prompts: those who are told of a change later cannot ask any more. */
async function promptsAmong(transaction: RegistryQueries, models: readonly string[]): Promise<Set<string>> {
  const tags = await transaction.selectFrom("model_tags").selectAll().where("key", "=", promptTag).where("model", "in", [...new Set(models)]).execute();
  return new Set(tags.filter((tag) => isPrompt([tag])).map(({ model }) => model));
}
