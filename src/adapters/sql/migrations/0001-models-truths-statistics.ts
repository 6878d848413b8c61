import type { Migration } from "./migration.ts";

/** Models with versions, aliases and policies; ground truth; serving statistics by the minute. */
export const modelsTruthsStatistics: Migration = {
  number: 1,
  name: "models-truths-statistics",
  async up(database, { columnTypes: { text, integer, bytes, json }, tableEnding }) {
    const { schema } = database;
    await schema
      .createTable("models")
      .addColumn("name", text, (column) => column.primaryKey().notNull())
      .addColumn("created_at", integer, (column) => column.notNull())
      .addColumn("description", text, (column) => column.notNull())
      .addColumn("latest_version", integer, (column) => column.notNull())
      .modifyEnd(tableEnding)
      .execute();
    await schema
      .createTable("model_versions")
      .addColumn("model", text, (column) => column.notNull().references("models.name"))
      .addColumn("version", integer, (column) => column.notNull())
      .addColumn("created_at", integer, (column) => column.notNull())
      .addColumn("contract_digest", text, (column) => column.notNull())
      .addColumn("contract_json", json, (column) => column.notNull())
      .addPrimaryKeyConstraint("model_versions_key", ["model", "version"])
      .modifyEnd(tableEnding)
      .execute();
    await schema
      .createTable("version_digests")
      .addColumn("model", text, (column) => column.notNull())
      .addColumn("version", integer, (column) => column.notNull())
      .addColumn("digest", text, (column) => column.notNull())
      .addPrimaryKeyConstraint("version_digests_key", ["digest", "model", "version"])
      .addForeignKeyConstraint("version_digests_version", ["model", "version"], "model_versions", ["model", "version"])
      .modifyEnd(tableEnding)
      .execute();
    await schema
      .createTable("model_aliases")
      .addColumn("model", text, (column) => column.notNull())
      .addColumn("alias", text, (column) => column.notNull())
      .addColumn("version", integer, (column) => column.notNull())
      .addColumn("changed_at", integer, (column) => column.notNull())
      .addPrimaryKeyConstraint("model_aliases_key", ["model", "alias"])
      .addForeignKeyConstraint("model_aliases_version", ["model", "version"], "model_versions", ["model", "version"])
      .modifyEnd(tableEnding)
      .execute();
    await schema
      .createTable("policy_revisions")
      .addColumn("model", text, (column) => column.notNull().references("models.name"))
      .addColumn("revision", integer, (column) => column.notNull())
      .addColumn("author", text, (column) => column.notNull())
      .addColumn("changed_at", integer, (column) => column.notNull())
      .addColumn("reason", text, (column) => column.notNull())
      .addColumn("policy_json", json, (column) => column.notNull())
      .addPrimaryKeyConstraint("policy_revisions_key", ["model", "revision"])
      .modifyEnd(tableEnding)
      .execute();
    await schema
      .createTable("truths")
      .addColumn("prediction_id", text, (column) => column.notNull())
      .addColumn("row_index", integer, (column) => column.notNull())
      .addColumn("value_json", json, (column) => column.notNull())
      .addColumn("observed_at", integer, (column) => column.notNull())
      .addColumn("received_at", integer, (column) => column.notNull())
      .addColumn("corrections", integer, (column) => column.notNull())
      .addPrimaryKeyConstraint("truths_key", ["prediction_id", "row_index"])
      .modifyEnd(tableEnding)
      .execute();
    await schema.createIndex("truths_received").on("truths").columns(["received_at", "prediction_id", "row_index"]).execute();
    await schema
      .createTable("minute_statistics")
      .addColumn("model", text, (column) => column.notNull())
      .addColumn("version", integer, (column) => column.notNull())
      .addColumn("minute", integer, (column) => column.notNull())
      .addColumn("payload", bytes, (column) => column.notNull())
      .addPrimaryKeyConstraint("minute_statistics_key", ["model", "minute", "version"])
      .modifyEnd(tableEnding)
      .execute();
    // Retention deletes across all models.
    await schema.createIndex("minute_statistics_minute").on("minute_statistics").column("minute").execute();
  },
};
