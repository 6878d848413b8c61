import { epochMs, type EpochMs } from "../../core/clock.ts";
import type { MinuteStatistics, StatisticsStore } from "../../monitoring/statistics-store.ts";
import type { MinuteStatisticsRow } from "./database-schema.ts";
import { compileRowStatement, type RowStatement } from "./row-statement.ts";
import type { SqlDatabase } from "./sql-database.ts";

/** Minute statistics in SQL; the payload is bytes to it. */
export class SqlStatisticsStore implements StatisticsStore {
  readonly #database: SqlDatabase;
  readonly #upsert: RowStatement<MinuteStatisticsRow>;

  constructor(database: SqlDatabase) {
    this.#database = database;
    this.#upsert = compileRowStatement<MinuteStatisticsRow>(["model", "version", "minute", "payload"], (row) =>
      database.queries
        .insertInto("minute_statistics")
        .values(row)
        .onConflict((conflict) => conflict.columns(["model", "minute", "version"]).doUpdateSet(({ ref }) => ({ payload: ref("excluded.payload") })))
        .compile(),
    );
  }

  async upsertMinutes(statistics: readonly MinuteStatistics[]): Promise<void> {
    if (statistics.length === 0) return;
    await this.#database.writeBatch(
      statistics.map(({ model, version, minute, payload }) => this.#upsert({ model, version: Number(version), minute, payload })),
    );
  }

  async readMinutes(model: string, from: EpochMs, to: EpochMs): Promise<MinuteStatistics[]> {
    const rows = await this.#database.queries
      .selectFrom("minute_statistics")
      .selectAll()
      .where("model", "=", model)
      .where("minute", ">=", from)
      .where("minute", "<", to)
      .orderBy("minute")
      .orderBy("version")
      .execute();
    return rows.map((row) => ({ model: row.model, version: String(row.version), minute: epochMs(row.minute), payload: row.payload }));
  }

  async deleteBefore(minute: EpochMs): Promise<number> {
    const { numDeletedRows } = await this.#database.queries.deleteFrom("minute_statistics").where("minute", "<", minute).executeTakeFirstOrThrow();
    return Number(numDeletedRows);
  }
}
