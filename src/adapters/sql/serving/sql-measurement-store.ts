import type { EpochMs } from "../../../core/clock.ts";
import type { MeasurementStore, WarmupMeasure } from "../../../serving/versions/measurement-store.ts";
import type { SqlDatabase } from "../sql-database.ts";

/** Warm-up measurements in SQL, one row for each version and kind of machine. */
export class SqlMeasurementStore implements MeasurementStore {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async read(contractDigest: string, machine: string): Promise<WarmupMeasure[] | null> {
    const row = await this.#database.queries
      .selectFrom("warmup_measurements")
      .select("measures_json")
      .where("contract_digest", "=", contractDigest)
      .where("machine", "=", machine)
      .executeTakeFirst();
    return row === undefined ? null : (JSON.parse(row.measures_json) as WarmupMeasure[]);
  }

  async write(contractDigest: string, machine: string, measures: readonly WarmupMeasure[], now: EpochMs): Promise<void> {
    const row = { contract_digest: contractDigest, machine, measured_at: now, measures_json: JSON.stringify(measures) };
    await this.#database.queries
      .insertInto("warmup_measurements")
      .values(row)
      .onConflict((conflict) => conflict.columns(["contract_digest", "machine"]).doUpdateSet({ measured_at: row.measured_at, measures_json: row.measures_json }))
      .execute();
  }
}
