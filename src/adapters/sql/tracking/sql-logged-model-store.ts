import { sql, type Kysely, type Transaction } from "kysely";
import { AppError } from "../../../core/errors.ts";
import type { LoggedModelStore } from "../../../tracking/logged-model-store.ts";
import type { LoggedModel, LoggedModelStatus, Page, Tag } from "../../../tracking/schemas.ts";
import type { DatabaseSchema } from "../database-schema.ts";
import { PackedText, packedRows } from "../packed-text.ts";
import { conditionOf } from "./search-conditions.ts";
import { keysetOf, orderTermsOf, searchToken } from "./search-order.ts";
import { loggedModelSubject } from "./search-subject.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { deletedExperiment, experimentNumber, missingExperiment } from "./sql-experiments.ts";
import { distinctParams, paramChanged } from "./sql-run-log.ts";
import { metricOf, tagsOf } from "./sql-run-rows.ts";

type Request<Name extends keyof LoggedModelStore> = Parameters<LoggedModelStore[Name]>[0];

/** How many rows one statement writes, and how many models one reads. */
const chunk = 500;

/** Models that runs logged, in SQL. A deleted one keeps its row, so that its id is never given again. */
export class SqlLoggedModelStore implements LoggedModelStore {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async createLoggedModel(request: Request<"createLoggedModel">): Promise<LoggedModel> {
    const { id, name, artifactUri, modelType, sourceRun, params, tags, now } = request;
    const experiment = experimentNumber(request.experiment);
    if (experiment === null) throw missingExperiment(request.experiment);
    const added = await this.#database.transaction(async (transaction) => {
      // Whoever deletes the experiment waits for the model.
      const found = await transaction.selectFrom("experiments").select("lifecycle").where("id", "=", experiment).forShare().executeTakeFirst();
      if (found === undefined) throw missingExperiment(request.experiment);
      if (found.lifecycle !== "active") throw deletedExperiment(request.experiment);
      const row = {
        id, experiment, name, artifact_uri: artifactUri, created_at: now, updated_at: now, status: "LOGGED_MODEL_PENDING", model_type: modelType, source_run: sourceRun,
        deleted_at: null,
      };
      const inserted = await transaction.insertInto("logged_models").values(row).onConflict((conflict) => conflict.doNothing()).returning("id").executeTakeFirst();
      if (inserted === undefined) throw new AppError("INVALID_PARAMETER", `There is a logged model ${id} already.`);
      await addParams(transaction, id, params);
      await setTags(transaction, id, tags);
      return row;
    });
    return {
      id, experiment: request.experiment, name, artifactUri, createdAt: now, updatedAt: now, status: added.status as LoggedModelStatus, modelType, sourceRun,
      params: distinctParams(params).sort(byKey), tags: lastOfEach(tags).sort(byKey), metrics: [],
    };
  }

  async findLoggedModel(id: string): Promise<LoggedModel | null> {
    return (await this.#read([id])).get(id) ?? null;
  }

  async experimentOfLoggedModel(id: string): Promise<string | null> {
    const row = await this.#database.queries.selectFrom("logged_models").select("experiment").where("id", "=", id).executeTakeFirst();
    return row === undefined ? null : String(row.experiment);
  }

  finishLoggedModel(...[id, status, now]: Parameters<LoggedModelStore["finishLoggedModel"]>): Promise<LoggedModel> {
    return this.#change(id, { status, updated_at: now });
  }

  async deleteLoggedModel(...[id, now]: Parameters<LoggedModelStore["deleteLoggedModel"]>): Promise<void> {
    await this.#database.transaction((transaction) => updateModel(transaction, id, { deleted_at: now, updated_at: now }));
  }

  setLoggedModelTags(...[id, tags, now]: Parameters<LoggedModelStore["setLoggedModelTags"]>): Promise<LoggedModel> {
    return this.#change(id, { updated_at: now }, (transaction) => setTags(transaction, id, tags));
  }

  async deleteLoggedModelTag(...[id, key, now]: Parameters<LoggedModelStore["deleteLoggedModelTag"]>): Promise<void> {
    await this.#database.transaction(async (transaction) => {
      await updateModel(transaction, id, { updated_at: now });
      const removed = await transaction.deleteFrom("logged_model_tags").where("model", "=", id).where("key", "=", key).returning("key").executeTakeFirst();
      if (removed === undefined) throw new AppError("TAG_NOT_FOUND", `The logged model ${id} has no tag ${JSON.stringify(key.slice(0, 250))}.`);
    });
  }

  async addLoggedModelParams(id: string, params: readonly Tag[]): Promise<void> {
    await this.#database.transaction(async (transaction) => {
      await updateModel(transaction, id, { deleted_at: null });
      await addParams(transaction, id, params);
    });
  }

  async searchLoggedModels({ conditions, order, experiments, limit, after }: Request<"searchLoggedModels">): Promise<Page<LoggedModel>> {
    const terms = orderTermsOf(loggedModelSubject, order);
    const token = searchToken({ of: "logged models", conditions, order, experiments }, after);
    const numbers = experiments.map(experimentNumber).filter((number) => number !== null);
    let query = this.#database.queries
      .selectFrom("logged_models as o").select("o.id").select(terms.map(({ value }, index) => value.as(`t${index}`)))
      .where("o.experiment", "in", [...numbers, -1]).where("o.deleted_at", "is", null);
    for (const condition of conditions) query = query.where(conditionOf(loggedModelSubject, condition));
    if (token.values !== null) query = query.where(keysetOf(terms, token.values));
    for (const { value, descending } of terms) query = query.orderBy(value, descending ? "desc" : "asc");
    const rows = await query.limit(limit + 1).execute();
    const page = rows.slice(0, limit);
    const models = await this.#read(page.map(({ id }) => id));
    const last = page.at(-1) as Record<string, unknown> | undefined;
    const next = rows.length > limit && last !== undefined ? token.next(terms.map((_, index) => last[`t${index}`])) : null;
    return { items: page.flatMap(({ id }) => models.get(id) ?? []), next };
  }

  async #change(id: string, change: Change, work: (transaction: Transaction<DatabaseSchema>) => Promise<void> = async () => undefined): Promise<LoggedModel> {
    await this.#database.transaction(async (transaction) => {
      await updateModel(transaction, id, change);
      await work(transaction);
    });
    const model = await this.findLoggedModel(id);
    if (model === null) throw missingModel(id);
    return model;
  }

  async #read(ids: readonly string[]): Promise<Map<string, LoggedModel>> {
    const models = new Map<string, LoggedModel>();
    for (let start = 0; start < ids.length; start += chunk) await readModels(this.#database.queries, ids.slice(start, start + chunk), models);
    return models;
  }
}

interface Change {
  status?: string;
  updated_at?: number;
  deleted_at?: number | null;
}

/** Nobody else changes the model until the transaction ends. Throws LOGGED_MODEL_NOT_FOUND. */
async function updateModel(transaction: Transaction<DatabaseSchema>, id: string, change: Change): Promise<void> {
  const found = await transaction.updateTable("logged_models").set(change).where("id", "=", id).where("deleted_at", "is", null).returning("id").executeTakeFirst();
  if (found === undefined) throw missingModel(id);
}

async function setTags(transaction: Transaction<DatabaseSchema>, model: string, tags: readonly Tag[]): Promise<void> {
  const rows = lastOfEach(tags).map(({ key, value }) => ({ model, key, value }));
  for (let start = 0; start < rows.length; start += chunk) {
    await transaction
      .insertInto("logged_model_tags").values(rows.slice(start, start + chunk))
      .onConflict((conflict) => conflict.columns(["model", "key"]).doUpdateSet(({ ref }) => ({ value: ref("excluded.value") }))).execute();
  }
}

async function addParams(transaction: Transaction<DatabaseSchema>, model: string, params: readonly Tag[]): Promise<void> {
  const rows = distinctParams(params).map(({ key, value }) => ({ model, key, value }));
  for (let start = 0; start < rows.length; start += chunk) {
    await transaction.insertInto("logged_model_params").values(rows.slice(start, start + chunk)).onConflict((conflict) => conflict.doNothing()).execute();
  }
  const asked = new Map(rows.map(({ key, value }) => [key, value]));
  const kept = asked.size === 0 ? [] : await transaction.selectFrom("logged_model_params").select(["key", "value"]).where("model", "=", model).execute();
  for (const { key, value } of kept) if (asked.has(key) && asked.get(key) !== value) throw paramChanged(key, value, asked.get(key)!);
}

/** In one statement for the models and one for their metrics. */
async function readModels(queries: Kysely<DatabaseSchema>, ids: readonly string[], models: Map<string, LoggedModel>): Promise<void> {
  const entries = (table: string) => packedRows([sql.ref("e.key"), sql.ref("e.value")], sql`${sql.table(table)} as e where e.model = o.id`);
  const [rows, metrics] = await Promise.all([
    queries
      .selectFrom("logged_models as o").selectAll().select([entries("logged_model_params").as("params"), entries("logged_model_tags").as("tags")])
      .where("o.id", "in", ids).where("o.deleted_at", "is", null).execute(),
    queries
      .selectFrom("logged_model_metrics").selectAll().where("model", "in", ids).orderBy("key").orderBy("run").orderBy("dataset_name").orderBy("dataset_digest").execute(),
  ]);
  for (const row of rows) {
    models.set(row.id, {
      id: row.id, experiment: String(row.experiment), name: row.name, artifactUri: row.artifact_uri, createdAt: row.created_at, updatedAt: row.updated_at,
      status: row.status as LoggedModelStatus, modelType: row.model_type, sourceRun: row.source_run,
      params: tagsOf(new PackedText(row.params)), tags: tagsOf(new PackedText(row.tags)), metrics: [],
    });
  }
  for (const { model, run, dataset_name: name, dataset_digest: digest, ...row } of metrics) {
    const about = { ...(name === "" ? {} : { datasetName: name }), ...(digest === "" ? {} : { datasetDigest: digest }) };
    models.get(model)?.metrics.push({ ...metricOf(row), model, ...about, run });
  }
}

function lastOfEach(tags: readonly Tag[]): Tag[] {
  return [...new Map(tags.map(({ key, value }) => [key, { key, value }])).values()];
}

function missingModel(id: string): AppError {
  return new AppError("LOGGED_MODEL_NOT_FOUND", `There is no logged model ${JSON.stringify(id.slice(0, 140))}.`);
}

function byKey(left: Tag, right: Tag): number {
  return left.key < right.key ? -1 : left.key > right.key ? 1 : 0;
}
