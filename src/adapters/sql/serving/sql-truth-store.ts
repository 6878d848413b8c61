import type { CompiledQuery, Selectable } from "kysely";
import { epochMs, type EpochMs } from "../../../core/clock.ts";
import type { StoredTruth, TruthRecord, TruthStore } from "../../../serving/index.ts";
import type { TruthRow } from "../database-schema.ts";
import { compileRowStatement, type RowStatement } from "../row-statement.ts";
import type { SqlDatabase } from "../sql-database.ts";

/** Ground truth in SQL: one upsert for each record, all in one batch. Values are JSON text, so `1`, `"1"` and `true` differ. */
export class SqlTruthStore implements TruthStore {
  readonly #database: SqlDatabase;
  readonly #upsert: RowStatement<TruthRow>;

  constructor(database: SqlDatabase) {
    this.#database = database;
    // Updates only where the value differs; what it returns tells the three outcomes apart.
    this.#upsert = compileRowStatement<TruthRow>(["prediction_id", "row_index", "value_json", "observed_at", "received_at", "corrections"], (row) =>
      database.queries
        .insertInto("truths")
        .values(row)
        .onConflict((conflict) =>
          conflict
            .columns(["prediction_id", "row_index"])
            .doUpdateSet(({ eb, ref }) => ({
              value_json: ref("excluded.value_json"),
              observed_at: ref("excluded.observed_at"),
              received_at: ref("excluded.received_at"),
              corrections: eb("truths.corrections", "+", eb.lit(1)),
            }))
            .whereRef("truths.value_json", "!=", "excluded.value_json"),
        )
        .returning("corrections")
        .compile(),
    );
  }

  async write(records: readonly TruthRecord[], now: EpochMs): Promise<{ added: number; corrected: number; unchanged: number }> {
    const counts = { added: 0, corrected: 0, unchanged: 0 };
    if (records.length === 0) return counts;
    const statements: CompiledQuery[] = records.map(({ predictionId, row, value, observedAt }) =>
      this.#upsert({
        prediction_id: predictionId, row_index: row, value_json: JSON.stringify(value),
        observed_at: observedAt ?? now, received_at: now, corrections: 0,
      }),
    );
    for (const { rows } of await this.#database.writeBatch(statements)) {
      const [written] = rows as Pick<TruthRow, "corrections">[];
      if (written === undefined) counts.unchanged++;
      else if (written.corrections === 0) counts.added++;
      else counts.corrected++;
    }
    return counts;
  }

  async read(predictionId: string): Promise<StoredTruth[]> {
    const rows = await this.#database.queries.selectFrom("truths").selectAll().where("prediction_id", "=", predictionId).orderBy("row_index").execute();
    return rows.map(storedTruthOf);
  }

  async listReceived(from: EpochMs, to: EpochMs, limit: number): Promise<StoredTruth[]> {
    const rows = await this.#database.queries
      .selectFrom("truths")
      .selectAll()
      .where("received_at", ">=", from)
      .where("received_at", "<", to)
      .orderBy("received_at")
      .orderBy("prediction_id")
      .orderBy("row_index")
      .limit(limit)
      .execute();
    return rows.map(storedTruthOf);
  }

  async readSince(receivedAt: EpochMs, after: { predictionId: string; row: number } | null, limit: number): Promise<StoredTruth[]> {
    let query = this.#database.queries.selectFrom("truths").selectAll().where("received_at", ">=", receivedAt);
    if (after !== null) {
      query = query.where(({ and, eb, or }) =>
        or([eb("received_at", ">", receivedAt), eb("prediction_id", ">", after.predictionId), and([eb("prediction_id", "=", after.predictionId), eb("row_index", ">", after.row)])]),
      );
    }
    const rows = await query.orderBy("received_at").orderBy("prediction_id").orderBy("row_index").limit(limit).execute();
    return rows.map(storedTruthOf);
  }
}

function storedTruthOf(row: Selectable<TruthRow>): StoredTruth {
  return {
    predictionId: row.prediction_id,
    row: row.row_index,
    value: JSON.parse(row.value_json) as StoredTruth["value"],
    observedAt: epochMs(row.observed_at),
    receivedAt: epochMs(row.received_at),
    corrections: row.corrections,
  };
}
