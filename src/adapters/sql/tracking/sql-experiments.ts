import { sql, type ExpressionBuilder, type ExpressionWrapper, type SqlBool, type Transaction } from "kysely";
import type { EpochMs } from "../../../core/clock.ts";
import { AppError } from "../../../core/errors.ts";
import type { IdGenerator } from "../../../core/ids.ts";
import type { Experiment, Lifecycle, ListedExperiment, Page, Tag } from "../../../tracking/schemas.ts";
import type { TrackingStore, VisibleExperiments } from "../../../tracking/tracking-store.ts";
import type { DatabaseSchema } from "../database-schema.ts";
import { holdTeam } from "../access/hold-team.ts";
import { PackedText, packedRows } from "../packed-text.ts";
import { conditionOf } from "./search-conditions.ts";
import { keysetOf, orderTermsOf, searchToken } from "./search-order.ts";
import { experimentSubject } from "./search-subject.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { SqlError } from "../sql-error.ts";
import { tagsOf } from "./sql-run-rows.ts";
import type { ExperimentRow } from "./tracking-schema.ts";
import { writeEvents } from "../events/write-events.ts";

/** The half of the tracking store that is about experiments. Their ids come from the row `experiments` of the table sequences. */
export class SqlExperiments implements Pick<
  TrackingStore,
  "createExperiment" | "findExperiment" | "findExperimentByName" | "searchExperiments" | "listExperiments" | "renameExperiment" | "setExperimentLifecycle" | "setExperimentTag" | "deleteExperimentTag"
> {
  readonly #database: SqlDatabase;
  readonly #ids: IdGenerator;

  constructor(database: SqlDatabase, ids: IdGenerator) {
    this.#database = database;
    this.#ids = ids;
  }

  createExperiment({ name, artifactLocation, tags, team, actor, now, createdAt = now, updatedAt = createdAt }: Parameters<TrackingStore["createExperiment"]>[0]): Promise<Experiment> {
    const distinct = [...new Map(tags.map((tag) => [tag.key, tag])).values()];
    return this.#renaming(name, () =>
      this.#database.transaction(async (transaction) => {
        await holdTeam(transaction, team);
        const { value: id } = await transaction
          .updateTable("sequences").set(({ eb }) => ({ value: eb("value", "+", 1) })).where("name", "=", "experiments").returning("value").executeTakeFirstOrThrow();
        const row: ExperimentRow = {
          id, name, artifact_location: artifactLocation.replaceAll("{id}", String(id)), lifecycle: "active", created_at: createdAt, updated_at: updatedAt, team, owner: actor,
        };
        await transaction.insertInto("experiments").values(row).execute();
        if (distinct.length > 0) await transaction.insertInto("experiment_tags").values(distinct.map(({ key, value }) => ({ experiment: id, key, value }))).execute();
        const payload = { experiment: String(id), name };
        await writeEvents(transaction, this.#ids, [{ type: "experiment.created", object: `experiment:${id}`, team, actor, time: now, payload }]);
        return experimentOf(row, distinct.toSorted((left, right) => (left.key < right.key ? -1 : 1)));
      }));
  }

  async findExperiment(id: string): Promise<Experiment | null> {
    const number = experimentNumber(id);
    return number === null ? null : this.#find("id", number);
  }

  findExperimentByName(name: string): Promise<Experiment | null> {
    return this.#find("name", name);
  }

  async searchExperiments(search: Parameters<TrackingStore["searchExperiments"]>[0]): Promise<Page<Experiment>> {
    const { conditions, order, view, visible, limit } = search;
    const terms = orderTermsOf(experimentSubject, order);
    const token = searchToken({ of: "experiments", conditions, order, view, visible }, search.after);
    let query = this.#database.queries
      .selectFrom("experiments as o").selectAll().select(tagsOfExperiment.as("tags"))
      .select(terms.map(({ value }, index) => value.as(`t${index}`)));
    if (view !== "all") query = query.where("o.lifecycle", "=", view);
    if (visible !== "all") query = query.where(seenBy(visible));
    for (const condition of conditions) query = query.where(conditionOf(experimentSubject, condition));
    if (token.values !== null) query = query.where(keysetOf(terms, token.values));
    for (const { value, descending } of terms) query = query.orderBy(value, descending ? "desc" : "asc");
    const rows = await query.limit(limit + 1).execute();
    const page = rows.slice(0, limit);
    const next = rows.length > limit ? token.next(terms.map((_, index) => (page.at(-1) as Record<string, unknown>)[`t${index}`])) : null;
    return { items: page.map((row) => experimentOf(row, tagsOf(new PackedText(row.tags)))), next };
  }

  /** The latest run of each, and their number, come from the index of runs by start: one seek for each experiment of the page. */
  async listExperiments({ visible, view, after, limit }: Parameters<TrackingStore["listExperiments"]>[0]): Promise<Page<ListedExperiment>> {
    const own = sql`runs as r where r.experiment = o.id and r.lifecycle = o.lifecycle`;
    let query = this.#database.queries
      .selectFrom("experiments as o")
      .leftJoin("runs as l", (join) => join.on(sql<SqlBool>`l.number = (select r.number from ${own} order by r.start_time desc, r.id limit 1)`))
      .selectAll("o").select(tagsOfExperiment.as("tags")).select(sql<number>`(select count(*) from ${own})`.as("runs"))
      .select(["l.start_time", "l.end_time", "l.user_name"]);
    if (view !== "all") query = query.where("o.lifecycle", "=", view);
    if (visible !== "all") query = query.where(seenBy(visible));
    if (after !== null) query = query.where("o.id", "<", experimentNumber(after) ?? -1);
    const rows = await query.orderBy("o.id", "desc").limit(limit + 1).execute();
    const items = rows.slice(0, limit).map((row): ListedExperiment => ({
      ...experimentOf(row, tagsOf(new PackedText(row.tags))), runs: row.runs,
      lastRunAt: row.start_time === null ? null : Math.max(row.start_time, row.end_time ?? 0), lastUser: row.user_name,
    }));
    return { items, next: rows.length > limit ? items.at(-1)!.id : null };
  }

  async renameExperiment(id: string, name: string, now: EpochMs): Promise<void> {
    await this.#renaming(name, () =>
      this.#database.transaction(async (transaction) => {
        const { id: number } = await activeExperiment(transaction, id);
        await transaction.updateTable("experiments").set({ name, updated_at: now }).where("id", "=", number).execute();
      }));
  }

  async setExperimentLifecycle(id: string, lifecycle: Lifecycle, { now }: { actor: string; now: EpochMs }): Promise<void> {
    if (experimentNumber(id) === 0 && lifecycle === "deleted") throw new AppError("INVALID_PARAMETER", "The experiment 0 cannot be deleted.");
    await this.#database.transaction(async (transaction) => {
      const { id: number, lifecycle: before } = await heldExperiment(transaction, id);
      if (before === lifecycle) return;
      // The experiment first: a run that is made meanwhile waits, or is there when the runs are changed.
      await transaction.updateTable("experiments").set({ lifecycle, updated_at: now }).where("id", "=", number).execute();
      await transaction.updateTable("runs").set({ lifecycle }).where("experiment", "=", number).where("lifecycle", "<>", lifecycle).execute();
    });
  }

  async setExperimentTag(id: string, { key, value }: Tag, now: EpochMs): Promise<void> {
    await this.#database.transaction(async (transaction) => {
      const { id: experiment } = await activeExperiment(transaction, id);
      await transaction
        .insertInto("experiment_tags").values({ experiment, key, value })
        .onConflict((conflict) => conflict.columns(["experiment", "key"]).doUpdateSet({ value })).execute();
      await transaction.updateTable("experiments").set({ updated_at: now }).where("id", "=", experiment).execute();
    });
  }

  async deleteExperimentTag(id: string, key: string, now: EpochMs): Promise<void> {
    await this.#database.transaction(async (transaction) => {
      const { id: experiment } = await activeExperiment(transaction, id);
      const removed = await transaction.deleteFrom("experiment_tags").where("experiment", "=", experiment).where("key", "=", key).returning("key").executeTakeFirst();
      if (removed === undefined) throw new AppError("TAG_NOT_FOUND", `The experiment ${id} has no tag ${JSON.stringify(key.slice(0, 250))}.`);
      await transaction.updateTable("experiments").set({ updated_at: now }).where("id", "=", experiment).execute();
    });
  }

  async #find(column: "id" | "name", value: string | number): Promise<Experiment | null> {
    const row = await this.#database.queries
      .selectFrom("experiments as o").selectAll().select(tagsOfExperiment.as("tags")).where(`o.${column}`, "=", value).executeTakeFirst();
    return row === undefined ? null : experimentOf(row, tagsOf(new PackedText(row.tags)));
  }

  /** The name's own constraint decides between two that take it at once. */
  async #renaming<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof SqlError) || error.reason !== "unique") throw error;
      throw new AppError("EXPERIMENT_EXISTS", `There is an experiment named ${JSON.stringify(name.slice(0, 140))} already, or there was and it is deleted.`, { cause: error });
    }
  }
}

const tagsOfExperiment = packedRows([sql.ref("e.key"), sql.ref("e.value")], sql`experiment_tags as e where e.experiment = o.id`);

/** Experiments of whole teams, and single ones. */
function seenBy({ teams, experiments }: Exclude<VisibleExperiments, "all">) {
  const numbers = experiments.map(experimentNumber).filter((number) => number !== null);
  return ({ eb, or }: ExpressionBuilder<{ o: ExperimentRow }, "o">): ExpressionWrapper<{ o: ExperimentRow }, "o", SqlBool> =>
    or([eb("o.team", "in", [...teams, ""]), eb("o.id", "in", [...numbers, -1])]);
}

/** Null for what is no id of an experiment. */
export function experimentNumber(id: string): number | null {
  return /^(0|[1-9][0-9]{0,14})$/.test(id) ? Number(id) : null;
}

export function missingExperiment(id: string): AppError {
  return new AppError("EXPERIMENT_NOT_FOUND", `There is no experiment ${JSON.stringify(id.slice(0, 140))}.`);
}

export function deletedExperiment(id: string): AppError {
  return new AppError("OBJECT_DELETED", `The experiment ${id} is deleted.`);
}

/** Nobody else changes it until the transaction ends. Throws EXPERIMENT_NOT_FOUND. */
async function heldExperiment(transaction: Transaction<DatabaseSchema>, id: string): Promise<ExperimentRow> {
  const number = experimentNumber(id);
  const row = number === null ? undefined : await transaction.selectFrom("experiments").selectAll().where("id", "=", number).forUpdate().executeTakeFirst();
  if (row === undefined) throw missingExperiment(id);
  return row;
}

async function activeExperiment(transaction: Transaction<DatabaseSchema>, id: string): Promise<ExperimentRow> {
  const row = await heldExperiment(transaction, id);
  if (row.lifecycle !== "active") throw deletedExperiment(id);
  return row;
}

function experimentOf(row: ExperimentRow, tags: Tag[]): Experiment {
  return {
    id: String(row.id), name: row.name, artifactLocation: row.artifact_location, lifecycle: row.lifecycle as Lifecycle,
    createdAt: row.created_at, updatedAt: row.updated_at, tags, team: row.team, owner: row.owner,
  };
}
