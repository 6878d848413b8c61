import type { Migration } from "./migration.ts";

/** The outbox, who is subscribed to it, and what was delivered. */
export const events: Migration = {
  number: 4,
  name: "events",
  async up(database, { columnTypes: { text, integer, bytes, json }, tableEnding }) {
    const { schema } = database;
    // `sequence` comes from the row of `sequences`, which the writer holds until its commit: it has no gaps and is the order of commits.
    await schema
      .createTable("outbox")
      .addColumn("sequence", integer, (column) => column.primaryKey().notNull())
      .addColumn("id", text, (column) => column.notNull().unique())
      .addColumn("type", text, (column) => column.notNull())
      .addColumn("object", text, (column) => column.notNull())
      .addColumn("team", text, (column) => column.notNull())
      .addColumn("actor", text, (column) => column.notNull())
      .addColumn("time", integer, (column) => column.notNull())
      .addColumn("payload_json", json, (column) => column.notNull())
      .modifyEnd(tableEnding)
      .execute();
    await schema.createIndex("outbox_time").on("outbox").column("time").execute();
    await schema
      .createTable("webhooks")
      .addColumn("id", text, (column) => column.primaryKey().notNull())
      .addColumn("name", text, (column) => column.notNull())
      .addColumn("url", text, (column) => column.notNull())
      .addColumn("types_json", json, (column) => column.notNull())
      .addColumn("team", text, (column) => column.notNull())
      .addColumn("sealed_secret", bytes, (column) => column.notNull())
      .addColumn("created_by", text, (column) => column.notNull())
      .addColumn("created_at", integer, (column) => column.notNull())
      .addColumn("paused_at", integer)
      .modifyEnd(tableEnding)
      .execute();
    await schema
      .createTable("subscriptions")
      .addColumn("name", text, (column) => column.primaryKey().notNull())
      .addColumn("sequence", integer, (column) => column.notNull())
      .modifyEnd(tableEnding)
      .execute();
    await schema
      .createTable("deliveries")
      .addColumn("subscription", text, (column) => column.notNull())
      .addColumn("sequence", integer, (column) => column.notNull())
      .addColumn("object", text, (column) => column.notNull())
      .addColumn("state", text, (column) => column.notNull())
      .addColumn("attempts", integer, (column) => column.notNull())
      .addColumn("next_attempt_at", integer, (column) => column.notNull())
      .addColumn("lease_owner", text)
      .addColumn("lease_until", integer)
      .addColumn("last_status", integer)
      .addColumn("last_error", text)
      .addColumn("ended_at", integer)
      .addPrimaryKeyConstraint("deliveries_key", ["subscription", "sequence"])
      .modifyEnd(tableEnding)
      .execute();
    await schema.createIndex("deliveries_due").on("deliveries").columns(["state", "next_attempt_at"]).execute();
    await schema.createIndex("deliveries_object").on("deliveries").columns(["subscription", "object", "state", "sequence"]).execute();
  },
};
