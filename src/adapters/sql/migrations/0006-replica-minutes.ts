import type { Migration } from "./migration.ts";

/** Serving statistics by the minute and by server: several on one database replace none of each other's. `minute_statistics` is read on and written no more. */
export const replicaMinutes: Migration = {
  number: 6,
  name: "replica-minutes",
  async up(database, { columnTypes: { text, integer, bytes }, tableEnding }) {
    const { schema } = database;
    await schema
      .createTable("replica_minutes")
      .addColumn("model", text, (column) => column.notNull())
      .addColumn("version", integer, (column) => column.notNull())
      .addColumn("minute", integer, (column) => column.notNull())
      .addColumn("replica", text, (column) => column.notNull())
      .addColumn("payload", bytes, (column) => column.notNull())
      .addPrimaryKeyConstraint("replica_minutes_key", ["model", "minute", "version", "replica"])
      .modifyEnd(tableEnding)
      .execute();
    await schema.createIndex("replica_minutes_minute").on("replica_minutes").column("minute").execute();
  },
};
