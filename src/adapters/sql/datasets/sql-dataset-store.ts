import type { Selectable, Transaction } from "kysely";
import { AppError } from "../../../core/errors.ts";
import type { IdGenerator } from "../../../core/ids.ts";
import type { DatasetFacts, DatasetStore } from "../../../datasets/dataset-store.ts";
import { type DatasetUse, DatasetVersion, HeldDataset, type LoggedDataset } from "../../../datasets/schemas.ts";
import type { DatabaseSchema } from "../database-schema.ts";
import type { DatasetVersionRow, HeldDatasetRow } from "./dataset-schema.ts";
import { holdTeam } from "../access/hold-team.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { loggedDatasets } from "../tracking/sql-logged-datasets.ts";
import { writeEvents } from "../events/write-events.ts";

type AddedBy = Parameters<DatasetStore["addVersion"]>[1];

/** Datasets in SQL. The row of a dataset is written first: whoever adds to it or removes it at the same time waits. */
export class SqlDatasetStore implements DatasetStore {
  readonly #database: SqlDatabase;
  readonly #ids: IdGenerator;

  /** `ids` names the events that are written along. */
  constructor(database: SqlDatabase, ids: IdGenerator) {
    this.#database = database;
    this.#ids = ids;
  }

  addVersion(facts: DatasetFacts, by: AddedBy): Promise<{ version: DatasetVersion; created: boolean }> {
    const { dataset: name, digest } = facts;
    return this.#database.transaction(async (transaction) => {
      const { isNew, latest } = await holdDataset(transaction, name, by);
      const existing = isNew ? undefined : await transaction.selectFrom("dataset_versions").selectAll().where("dataset", "=", name).where("version", "=", latest).executeTakeFirst();
      if (existing !== undefined && existing.digest === digest && existing.format === facts.format && existing.target === facts.target) return { version: versionOf(existing), created: false };
      const version = latest + 1;
      const row: DatasetVersionRow = {
        dataset: name, version, digest, bytes: facts.bytes, format: facts.format, rows: facts.rows, columns_json: JSON.stringify(facts.columns),
        profile_json: JSON.stringify(facts.profile), target: facts.target, source: facts.source, created_at: by.now, owner: by.actor,
      };
      // Reading it back proves here that every later read will accept it.
      const written = versionOf(row);
      await transaction.insertInto("dataset_versions").values(row).execute();
      const described = by.description === undefined ? {} : { description: by.description };
      await transaction.updateTable("held_datasets").set({ latest_version: version, updated_at: by.now, ...described }).where("name", "=", name).execute();
      const of = { object: `dataset:${name}`, team: by.team, actor: by.actor, time: by.now };
      await writeEvents(transaction, this.#ids, [
        ...(isNew ? [{ ...of, type: "dataset.created", payload: { dataset: name } }] : []),
        { ...of, type: "dataset.version.added", payload: { dataset: name, version, digest } },
      ]);
      return { version: written, created: true };
    });
  }

  async find(name: string): Promise<HeldDataset | null> {
    const row = await this.#database.queries.selectFrom("held_datasets").selectAll().where("name", "=", name).executeTakeFirst();
    return row === undefined ? null : datasetOf(row);
  }

  async list({ teams, after, limit }: Parameters<DatasetStore["list"]>[0]): Promise<HeldDataset[]> {
    if (teams?.length === 0) return [];
    let query = this.#database.queries.selectFrom("held_datasets").selectAll().orderBy("name").limit(limit);
    if (teams !== null) query = query.where("team", "in", [...teams]);
    if (after !== null) query = query.where("name", ">", after);
    return (await query.execute()).map(datasetOf);
  }

  async findVersion(name: string, version?: number): Promise<DatasetVersion | null> {
    const query = this.#database.queries.selectFrom("dataset_versions").selectAll().where("dataset", "=", name).orderBy("version", "desc").limit(1);
    const row = await (version === undefined ? query : query.where("version", "=", version)).executeTakeFirst();
    return row === undefined ? null : versionOf(row);
  }

  async listVersions(name: string, { before, limit }: { before: number | null; limit: number }): Promise<DatasetVersion[]> {
    const query = this.#database.queries.selectFrom("dataset_versions").selectAll().where("dataset", "=", name).orderBy("version", "desc").limit(limit);
    return (await (before === null ? query : query.where("version", "<", before)).execute()).map(versionOf);
  }

  async findByDigest(digest: string): Promise<DatasetVersion[]> {
    const rows = await this.#database.queries
      .selectFrom("dataset_versions").selectAll().where("digest", "=", digest).orderBy("created_at", "desc").orderBy("dataset").orderBy("version", "desc").execute();
    return rows.map(versionOf);
  }

  remove(name: string, { actor, now }: Parameters<DatasetStore["remove"]>[1]): Promise<boolean> {
    return this.#database.transaction(async (transaction) => {
      const removed = await transaction.deleteFrom("held_datasets").where("name", "=", name).returning("team").executeTakeFirst();
      if (removed === undefined) return false;
      await transaction.deleteFrom("dataset_versions").where("dataset", "=", name).execute();
      await writeEvents(transaction, this.#ids, [{ type: "dataset.deleted", object: `dataset:${name}`, team: removed.team, actor, time: now, payload: { dataset: name } }]);
      return true;
    });
  }

  async listDigests(): Promise<string[]> {
    const rows = await this.#database.queries.selectFrom("dataset_versions").select("digest").distinct().orderBy("digest").execute();
    return rows.map(({ digest }) => digest);
  }

  modelsUsing(digest: string): Promise<{ name: string; team: string }[]> {
    const { queries } = this.#database;
    return queries
      .selectFrom("models").select(["name", "team"]).orderBy("name")
      .where(({ or, exists, selectFrom }) =>
        or([
          exists(selectFrom("version_digests").select("digest").where("digest", "=", digest).whereRef("model", "=", "models.name")),
          exists(selectFrom("version_evaluations").select("id").where("dataset_digest", "=", digest).whereRef("model", "=", "models.name")),
        ]))
      .execute();
  }

  async listUse(digest: string, models: readonly string[], limit: number): Promise<DatasetUse> {
    if (models.length === 0) return { models: [], evaluations: [] };
    const { queries } = this.#database;
    const versions = await queries
      .selectFrom("version_digests").select(["model", "version"]).where("digest", "=", digest).where("model", "in", [...models])
      .orderBy("model").orderBy("version", "desc").limit(limit).execute();
    const evaluations = await queries
      .selectFrom("version_evaluations").select(["model", "version", "id"]).where("dataset_digest", "=", digest).where("model", "in", [...models])
      .orderBy("id", "desc").limit(limit).execute();
    return {
      models: versions.map(({ model, version }) => ({ model, version: String(version) })),
      evaluations: evaluations.map(({ model, version, id }) => ({ model, version: String(version), evaluation: id })),
    };
  }

  listLogged(request: Parameters<DatasetStore["listLogged"]>[0]): Promise<LoggedDataset[]> {
    return loggedDatasets(this.#database.queries, request);
  }
}

/** Holds the dataset's row until the transaction ends; a new one has version 0 until it is written. Throws TEAM_NOT_FOUND, NAME_TAKEN. */
async function holdDataset(transaction: Transaction<DatabaseSchema>, name: string, { team, actor, now, description = "" }: AddedBy): Promise<{ isNew: boolean; latest: number }> {
  const { team: ownTeam, latest_version: latest } = await transaction
    .insertInto("held_datasets")
    .values({ name, description, team, owner: actor, created_at: now, updated_at: now, latest_version: 0 })
    .onConflict((conflict) => conflict.column("name").doUpdateSet(({ ref }) => ({ latest_version: ref("held_datasets.latest_version") })))
    .returning(["team", "latest_version"])
    .executeTakeFirstOrThrow();
  if (ownTeam !== team) throw new AppError("NAME_TAKEN", `The name ${name} is taken.`);
  const isNew = latest === 0;
  if (isNew) await holdTeam(transaction, team);
  return { isNew, latest };
}

function datasetOf(row: Selectable<HeldDatasetRow>): HeldDataset {
  const { name, description, team, owner, created_at: createdAt, updated_at: updatedAt, latest_version: latestVersion } = row;
  return HeldDataset.parse({ name, description, team, owner, createdAt, updatedAt, latestVersion });
}

function versionOf(row: Selectable<DatasetVersionRow>): DatasetVersion {
  const { dataset, version, digest, bytes, format, rows, target, source, created_at: createdAt, owner, columns_json: columns, profile_json: profile } = row;
  // Parsed, so that fields which a later release adds get their defaults.
  return DatasetVersion.parse({ dataset, version, digest, bytes, format, rows, columns: JSON.parse(columns), profile: JSON.parse(profile), target, source, createdAt, owner });
}
