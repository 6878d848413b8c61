import type { Migration } from "./migration.ts";

/** Datasets as objects with versions, evaluations found by what they were made on, and webhooks in the formats of others. */
export const datasets: Migration = {
  number: 10,
  name: "datasets",
  async up(database, { columnTypes: { text, integer, json }, tableEnding, clusteredTableEnding }) {
    const { schema } = database;
    await schema
      .createTable("held_datasets")
      .addColumn("name", text, (column) => column.primaryKey().notNull())
      .addColumn("description", text, (column) => column.notNull())
      .addColumn("team", text, (column) => column.notNull())
      .addColumn("owner", text, (column) => column.notNull())
      .addColumn("created_at", integer, (column) => column.notNull())
      .addColumn("updated_at", integer, (column) => column.notNull())
      .addColumn("latest_version", integer, (column) => column.notNull())
      .modifyEnd(tableEnding)
      .execute();
    await schema
      .createTable("dataset_versions")
      .addColumn("dataset", text, (column) => column.notNull())
      .addColumn("version", integer, (column) => column.notNull())
      .addColumn("digest", text, (column) => column.notNull())
      .addColumn("bytes", integer, (column) => column.notNull())
      .addColumn("format", text, (column) => column.notNull())
      .addColumn("rows", integer, (column) => column.notNull())
      .addColumn("columns_json", json, (column) => column.notNull())
      .addColumn("profile_json", json, (column) => column.notNull())
      .addColumn("target", text)
      .addColumn("source", text, (column) => column.notNull())
      .addColumn("created_at", integer, (column) => column.notNull())
      .addColumn("owner", text, (column) => column.notNull())
      .addPrimaryKeyConstraint("dataset_versions_key", ["dataset", "version"])
      .modifyEnd(clusteredTableEnding)
      .execute();
    await schema.createIndex("dataset_versions_digest").on("dataset_versions").column("digest").execute();
    await schema.alterTable("version_evaluations").addColumn("dataset_digest", text).execute();
    await schema.createIndex("version_evaluations_dataset").on("version_evaluations").columns(["dataset_digest", "id"]).execute();
    await schema.alterTable("webhooks").addColumn("format", text, (column) => column.notNull().defaultTo("standard")).execute();
    await schema.alterTable("webhooks").addColumn("description", text, (column) => column.notNull().defaultTo("")).execute();
    await schema.alterTable("webhooks").addColumn("updated_at", integer).execute();
    // What the format knows beside the types of events, such as MLflow's pairs of entity and action.
    await schema.alterTable("webhooks").addColumn("detail_json", json).execute();
  },
};
