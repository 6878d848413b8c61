import { sql } from "kysely";
import { epochMs, type EpochMs } from "../../../core/clock.ts";
import type { MinuteStatistics, StatisticsStore } from "../../../monitoring/statistics-store.ts";
import type { ReplicaMinuteRow } from "../database-schema.ts";
import { compileRowStatement, type RowStatement } from "../row-statement.ts";
import type { SqlDatabase } from "../sql-database.ts";

/** Minute statistics in SQL; the payload is bytes to it. */
export class SqlStatisticsStore implements StatisticsStore {
  readonly #database: SqlDatabase;
  readonly #replica: string;
  readonly #upsert: RowStatement<ReplicaMinuteRow>;

  /** `replica` names this server among those that share the database; it must stay the same when the server starts again. */
  constructor(database: SqlDatabase, replica: string) {
    this.#database = database;
    this.#replica = replica;
    this.#upsert = compileRowStatement<ReplicaMinuteRow>(["model", "version", "minute", "replica", "payload"], (row) =>
      database.queries
        .insertInto("replica_minutes")
        .values(row)
        .onConflict((conflict) => conflict.columns(["model", "minute", "version", "replica"]).doUpdateSet(({ ref }) => ({ payload: ref("excluded.payload") })))
        .compile(),
    );
  }

  async upsertMinutes(statistics: readonly MinuteStatistics[]): Promise<void> {
    if (statistics.length === 0) return;
    const replica = this.#replica;
    await this.#database.writeBatch(
      statistics.map(({ model, version, minute, payload }) => this.#upsert({ model, version: Number(version), minute, replica, payload })),
      { idempotent: true },
    );
  }

  async readMinutes(model: string, from: EpochMs, to: EpochMs): Promise<MinuteStatistics[]> {
    const { queries } = this.#database;
    const rows = await queries
      .selectFrom("replica_minutes")
      .select(["model", "version", "minute", "payload", "replica"])
      .where("model", "=", model)
      .where("minute", ">=", from)
      .where("minute", "<", to)
      .unionAll(
        // What releases before replicas had names wrote.
        queries
          .selectFrom("minute_statistics")
          .select(["model", "version", "minute", "payload", sql<string>`''`.as("replica")])
          .where("model", "=", model)
          .where("minute", ">=", from)
          .where("minute", "<", to),
      )
      .orderBy("minute")
      .orderBy("version")
      .orderBy("replica")
      .execute();
    return rows.map((row) => ({
      model: row.model, version: String(row.version), minute: epochMs(row.minute), payload: row.payload, ...(row.replica === this.#replica ? {} : { elsewhere: true }),
    }));
  }

  async deleteBefore(minute: EpochMs): Promise<number> {
    const { queries } = this.#database;
    const results = await this.#database.writeBatch(
      (["replica_minutes", "minute_statistics"] as const).map((table) => queries.deleteFrom(table).where("minute", "<", minute).compile()),
    );
    return results.reduce((count, { numAffectedRows }) => count + Number(numAffectedRows), 0);
  }
}
