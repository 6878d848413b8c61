import type { Migration } from "./migration.ts";

/** What warm-up measured, by contract and kind of machine. */
export const warmupMeasurements: Migration = {
  number: 2,
  name: "warmup-measurements",
  async up(database, { columnTypes: { text, integer, json }, tableEnding }) {
    await database.schema
      .createTable("warmup_measurements")
      .addColumn("contract_digest", text, (column) => column.notNull())
      .addColumn("machine", text, (column) => column.notNull())
      .addColumn("measured_at", integer, (column) => column.notNull())
      .addColumn("measures_json", json, (column) => column.notNull())
      .addPrimaryKeyConstraint("warmup_measurements_key", ["contract_digest", "machine"])
      .modifyEnd(tableEnding)
      .execute();
  },
};
