import { sql } from "kysely";
import type { EpochMs } from "../../../core/clock.ts";
import { AppError } from "../../../core/errors.ts";
import type { IdGenerator } from "../../../core/ids.ts";
import type { Lifecycle, Run, Tag } from "../../../tracking/schemas.ts";
import type { TrackingStore } from "../../../tracking/tracking-store.ts";
import { compileRowStatement, type RowStatement } from "../row-statement.ts";
import { RunNumbers } from "./run-numbers.ts";
import type { SharedBatches } from "../shared-batches.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { deletedExperiment, experimentNumber, missingExperiment } from "./sql-experiments.ts";
import { activeRun, distinctParams, missingRun, runNameTag, type SqlRunLog } from "./sql-run-log.ts";
import type { RunReader } from "./sql-run-rows.ts";
import type { RunRow } from "./tracking-schema.ts";
import { writeEvents } from "../events/write-events.ts";

const ends = new Set(["FINISHED", "FAILED", "KILLED"]);

/** The life of runs in SQL: made, found, changed, deleted and restored. */
export class SqlRuns {
  readonly #database: SqlDatabase;
  readonly #batches: SharedBatches;
  readonly #log: SqlRunLog;
  readonly #ids: IdGenerator;
  readonly #numbers = new RunNumbers();
  readonly #insert: RowStatement<RunRow>;
  readonly #reader: RunReader;

  constructor(database: SqlDatabase, { batches, log, reader, ids }: { batches: SharedBatches; log: SqlRunLog; reader: RunReader; ids: IdGenerator }) {
    this.#database = database;
    this.#batches = batches;
    this.#log = log;
    this.#ids = ids;
    this.#reader = reader;
    const columns = [
      "number", "id", "experiment", "name", "user_name", "status", "start_time", "end_time", "lifecycle", "artifact_uri", "created_at", "owner",
    ] as const;
    // An experiment that is deleted meanwhile waits for the run, and takes it along.
    this.#insert = compileRowStatement(columns, (row) =>
      database.queries
        .insertInto("runs").columns(columns)
        .expression(({ selectFrom, val }) =>
          selectFrom("experiments as e")
            .select(columns.map((column) => (column === "experiment" ? sql.ref("e.id").as("experiment") : val(row[column]).as(column))))
            .where("e.id", "=", row.experiment).where("e.lifecycle", "=", sql.lit("active")).forShare())
        .onConflict((conflict) => conflict.doNothing()).returning("number").compile());
  }

  async createRun(request: Parameters<TrackingStore["createRun"]>[0]): Promise<Run> {
    const { id, experiment, name, user, startTime, artifactUri } = request;
    const tags = await this.#add({ ...request, status: "RUNNING", endTime: null, params: [] });
    return {
      id, experiment, name, user, status: "RUNNING", startTime, endTime: null, lifecycle: "active", artifactUri,
      metrics: [], params: [], tags, datasets: [], modelInputs: [], modelOutputs: [],
    };
  }

  async importRun(request: Parameters<TrackingStore["importRun"]>[0]): Promise<void> {
    await this.#add({ ...request, params: distinctParams(request.params) });
  }

  async findRun(id: string): Promise<Run | null> {
    return (await this.#reader.readById([id])).get(id) ?? null;
  }

  async findRuns(ids: readonly string[]): Promise<Run[]> {
    const runs = await this.#reader.readById([...new Set(ids)]);
    return ids.flatMap((id) => runs.get(id) ?? []);
  }

  async experimentOfRun(id: string): Promise<string | null> {
    const row = await this.#database.queries.selectFrom("runs").select("experiment").where("id", "=", id).executeTakeFirst();
    return row === undefined ? null : String(row.experiment);
  }

  async updateRun(id: string, { status, endTime, name }: Parameters<TrackingStore["updateRun"]>[1], { actor, now }: { actor: string; now: EpochMs }): Promise<Run> {
    await this.#database.transaction(async (transaction) => {
      const found = await transaction
        .selectFrom("runs").innerJoin("experiments", "experiments.id", "runs.experiment")
        .select(["runs.number", "runs.experiment", "runs.lifecycle", "runs.status", "runs.name", "experiments.team"])
        .where("runs.id", "=", id).forNoKeyUpdate("runs").executeTakeFirst();
      const before = activeRun(id, found);
      const changes = { ...(status === undefined ? {} : { status }), ...(endTime === undefined ? {} : { end_time: endTime }), ...(name === undefined ? {} : { name }) };
      if (Object.keys(changes).length > 0) await transaction.updateTable("runs").set(changes).where("number", "=", before.number).execute();
      if (name !== undefined) for (const statement of this.#log.tagStatements(id, [{ key: runNameTag, value: name }])) await transaction.executeQuery(statement);
      if (status === undefined || !ends.has(status) || before.status === status) return;
      const payload = { run: id, experiment: String(before.experiment), name: name ?? before.name, status };
      await writeEvents(transaction, this.#ids, [{ type: "run.finished", object: `experiment:${before.experiment}`, team: before.team, actor, time: now, payload }]);
    });
    const run = await this.findRun(id);
    if (run === null) throw missingRun(id);
    return run;
  }

  async setRunLifecycle(id: string, lifecycle: Lifecycle, _now: EpochMs): Promise<void> {
    await this.#database.transaction(async (transaction) => {
      const experiment = await transaction
        .selectFrom("experiments").select(["id", "lifecycle"])
        .where("id", "=", ({ selectFrom }) => selectFrom("runs").select("experiment").where("id", "=", id)).forShare().executeTakeFirst();
      if (experiment === undefined) throw missingRun(id);
      if (lifecycle === "active" && experiment.lifecycle !== "active") throw deletedExperiment(String(experiment.id));
      await transaction.updateTable("runs").set({ lifecycle }).where("id", "=", id).execute();
    });
  }

  async deleteRunTag(id: string, key: string): Promise<void> {
    await this.#database.transaction(async (transaction) => {
      const { number } = activeRun(id, await transaction.selectFrom("runs").select(["number", "lifecycle"]).where("id", "=", id).forNoKeyUpdate().executeTakeFirst());
      const removed = await transaction.deleteFrom("run_tags").where("run", "=", number).where("key", "=", key).returning("key").executeTakeFirst();
      if (removed === undefined) throw new AppError("TAG_NOT_FOUND", `The run ${id} has no tag ${JSON.stringify(key.slice(0, 250))}.`);
    });
  }

  /** Answers with the run's tags, by key. */
  async #add(request: Parameters<TrackingStore["importRun"]>[0]): Promise<Tag[]> {
    const { id, name, user, status, startTime, endTime, artifactUri, params, actor, now } = request;
    const experiment = experimentNumber(request.experiment);
    if (experiment === null) throw missingExperiment(request.experiment);
    const byKey = new Map([...request.tags, { key: runNameTag, value: name }].map((tag): [string, Tag] => [tag.key, tag]));
    const tags = [...byKey.values()].sort((left, right) => (left.key < right.key ? -1 : 1));
    for (;;) {
      const row: RunRow = {
        number: this.#numbers.next(now), id, experiment, name, user_name: user, status, start_time: startTime, end_time: endTime, lifecycle: "active",
        artifact_uri: artifactUri, created_at: now, owner: actor,
      };
      const [inserted] = await this.#batches.write(id, [this.#insert(row), ...this.#log.paramStatements(id, params), ...this.#log.tagStatements(id, tags)]);
      if (inserted!.rows.length > 0 || (await this.#isThere(row))) return tags;
    }
  }

  /** Why a run was not added: false where only its number was taken. */
  async #isThere({ id, number, experiment }: RunRow): Promise<boolean> {
    const found = await this.#database.queries.selectFrom("runs").select("number").where("id", "=", id).executeTakeFirst();
    // A repeated write after a lost connection finds its own run.
    if (found !== undefined && found.number === number) return true;
    if (found !== undefined) throw new AppError("INVALID_PARAMETER", `There is a run ${id} already.`);
    const of = await this.#database.queries.selectFrom("experiments").select("lifecycle").where("id", "=", experiment).executeTakeFirst();
    if (of === undefined) throw missingExperiment(String(experiment));
    if (of.lifecycle !== "active") throw deletedExperiment(String(experiment));
    return false;
  }
}
