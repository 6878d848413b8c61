import { sql } from "kysely";
import type { Migration } from "./migration.ts";

/** Longer than most values, shorter than an index entry may be. */
const indexedCharacters = 100;

/** Experiments, runs with what they logged, datasets and logged models. */
export const tracking: Migration = {
  number: 8,
  name: "tracking",
  async up(database, { columnTypes: { text, integer, double, json }, tableEnding, clusteredTableEnding }) {
    const { schema } = database;
    await schema
      .createTable("experiments")
      .addColumn("id", integer, (column) => column.primaryKey().notNull())
      .addColumn("name", text, (column) => column.notNull())
      .addColumn("artifact_location", text, (column) => column.notNull())
      .addColumn("lifecycle", text, (column) => column.notNull())
      .addColumn("created_at", integer, (column) => column.notNull())
      .addColumn("updated_at", integer, (column) => column.notNull())
      .addColumn("team", text, (column) => column.notNull())
      .addColumn("owner", text, (column) => column.notNull())
      .addUniqueConstraint("experiments_name", ["name"])
      .modifyEnd(tableEnding)
      .execute();
    await database
      .insertInto("experiments")
      .values({ id: 0, name: "Default", artifact_location: "mlflow-artifacts:/0", lifecycle: "active", created_at: 0, updated_at: 0, team: "default", owner: "slipway" })
      .execute();
    await database.insertInto("sequences").values([{ name: "experiments", value: 0 }]).execute();
    await schema
      .createTable("experiment_tags")
      .addColumn("experiment", integer, (column) => column.notNull())
      .addColumn("key", text, (column) => column.notNull())
      .addColumn("value", text, (column) => column.notNull())
      .addPrimaryKeyConstraint("experiment_tags_key", ["experiment", "key"])
      .modifyEnd(clusteredTableEnding)
      .execute();
    await schema
      .createTable("runs")
      .addColumn("number", integer, (column) => column.primaryKey().notNull())
      .addColumn("id", text, (column) => column.notNull())
      .addColumn("experiment", integer, (column) => column.notNull())
      .addColumn("name", text, (column) => column.notNull())
      .addColumn("user_name", text, (column) => column.notNull())
      .addColumn("status", text, (column) => column.notNull())
      .addColumn("start_time", integer, (column) => column.notNull())
      .addColumn("end_time", integer)
      .addColumn("lifecycle", text, (column) => column.notNull())
      .addColumn("artifact_uri", text, (column) => column.notNull())
      .addColumn("created_at", integer, (column) => column.notNull())
      .addColumn("owner", text, (column) => column.notNull())
      .addUniqueConstraint("runs_id", ["id"])
      .modifyEnd(tableEnding)
      .execute();
    await schema.createIndex("runs_start").on("runs").columns(["experiment", "lifecycle", "start_time desc", "id"]).execute();
    for (const table of ["run_params", "run_tags"]) {
      await schema
        .createTable(table)
        .addColumn("run", integer, (column) => column.notNull())
        .addColumn("key", text, (column) => column.notNull())
        .addColumn("value", text, (column) => column.notNull())
        .addColumn("experiment", integer, (column) => column.notNull())
        .addPrimaryKeyConstraint(`${table}_key`, ["run", "key"])
        .modifyEnd(clusteredTableEnding)
        .execute();
      await schema
        .createIndex(`${table}_value`)
        .on(table)
        .expression(sql`experiment, key, substr(value, 1, ${sql.lit(indexedCharacters)}), run`)
        .execute();
    }
    await schema
      .createTable("metrics")
      .addColumn("run", integer, (column) => column.notNull())
      .addColumn("key", text, (column) => column.notNull())
      .addColumn("timestamp", integer, (column) => column.notNull())
      .addColumn("step", integer, (column) => column.notNull())
      .addColumn("value", double, (column) => column.notNull())
      .addColumn("is_nan", integer, (column) => column.notNull())
      .addPrimaryKeyConstraint("metrics_key", ["run", "key", "timestamp", "step", "value", "is_nan"])
      .modifyEnd(clusteredTableEnding)
      .execute();
    await schema
      .createTable("latest_metrics")
      .addColumn("run", integer, (column) => column.notNull())
      .addColumn("key", text, (column) => column.notNull())
      .addColumn("value", double, (column) => column.notNull())
      .addColumn("is_nan", integer, (column) => column.notNull())
      .addColumn("timestamp", integer, (column) => column.notNull())
      .addColumn("step", integer, (column) => column.notNull())
      .addColumn("experiment", integer, (column) => column.notNull())
      .addPrimaryKeyConstraint("latest_metrics_key", ["run", "key"])
      .modifyEnd(clusteredTableEnding)
      .execute();
    await schema.createIndex("latest_metrics_value").on("latest_metrics").columns(["experiment", "key", "is_nan", "value", "run"]).execute();
    await schema
      .createTable("datasets")
      .addColumn("experiment", integer, (column) => column.notNull())
      .addColumn("name", text, (column) => column.notNull())
      .addColumn("digest", text, (column) => column.notNull())
      .addColumn("source_type", text, (column) => column.notNull())
      .addColumn("source", text, (column) => column.notNull())
      .addColumn("schema_text", text)
      .addColumn("profile_text", text)
      .addColumn("created_at", integer, (column) => column.notNull())
      .addPrimaryKeyConstraint("datasets_key", ["experiment", "name", "digest"])
      .modifyEnd(tableEnding)
      .execute();
    await schema
      .createTable("run_datasets")
      .addColumn("run", integer, (column) => column.notNull())
      .addColumn("name", text, (column) => column.notNull())
      .addColumn("digest", text, (column) => column.notNull())
      .addColumn("experiment", integer, (column) => column.notNull())
      .addColumn("tags_json", json, (column) => column.notNull())
      .addColumn("context", text)
      .addPrimaryKeyConstraint("run_datasets_key", ["run", "name", "digest"])
      .modifyEnd(clusteredTableEnding)
      .execute();
    await schema.createIndex("run_datasets_name").on("run_datasets").columns(["experiment", "name", "digest"]).execute();
    await schema
      .createTable("run_models")
      .addColumn("run", integer, (column) => column.notNull())
      .addColumn("direction", text, (column) => column.notNull())
      .addColumn("model", text, (column) => column.notNull())
      .addColumn("step", integer, (column) => column.notNull())
      .addPrimaryKeyConstraint("run_models_key", ["run", "direction", "model"])
      .modifyEnd(clusteredTableEnding)
      .execute();
    await schema
      .createTable("logged_models")
      .addColumn("id", text, (column) => column.primaryKey().notNull())
      .addColumn("experiment", integer, (column) => column.notNull())
      .addColumn("name", text, (column) => column.notNull())
      .addColumn("artifact_uri", text, (column) => column.notNull())
      .addColumn("created_at", integer, (column) => column.notNull())
      .addColumn("updated_at", integer, (column) => column.notNull())
      .addColumn("status", text, (column) => column.notNull())
      .addColumn("model_type", text, (column) => column.notNull())
      .addColumn("source_run", text)
      .addColumn("deleted_at", integer)
      .modifyEnd(tableEnding)
      .execute();
    await schema.createIndex("logged_models_created").on("logged_models").columns(["experiment", "created_at"]).execute();
    for (const table of ["logged_model_params", "logged_model_tags"]) {
      await schema
        .createTable(table)
        .addColumn("model", text, (column) => column.notNull())
        .addColumn("key", text, (column) => column.notNull())
        .addColumn("value", text, (column) => column.notNull())
        .addPrimaryKeyConstraint(`${table}_key`, ["model", "key"])
        .modifyEnd(clusteredTableEnding)
        .execute();
    }
    // Each value that some run logged about the model, the latest of its run, key and dataset.
    await schema
      .createTable("logged_model_metrics")
      .addColumn("model", text, (column) => column.notNull())
      .addColumn("key", text, (column) => column.notNull())
      .addColumn("run", text, (column) => column.notNull())
      .addColumn("dataset_name", text, (column) => column.notNull())
      .addColumn("dataset_digest", text, (column) => column.notNull())
      .addColumn("value", double, (column) => column.notNull())
      .addColumn("is_nan", integer, (column) => column.notNull())
      .addColumn("timestamp", integer, (column) => column.notNull())
      .addColumn("step", integer, (column) => column.notNull())
      .addPrimaryKeyConstraint("logged_model_metrics_key", ["model", "key", "run", "dataset_name", "dataset_digest"])
      .modifyEnd(clusteredTableEnding)
      .execute();
    await schema
      .createTable("run_views")
      .addColumn("id", text, (column) => column.primaryKey().notNull())
      .addColumn("experiment", integer, (column) => column.notNull())
      .addColumn("name", text, (column) => column.notNull())
      .addColumn("view_json", json, (column) => column.notNull())
      .addColumn("owner", text, (column) => column.notNull())
      .addColumn("created_at", integer, (column) => column.notNull())
      .addColumn("updated_at", integer, (column) => column.notNull())
      .addUniqueConstraint("run_views_name", ["experiment", "name"])
      .modifyEnd(tableEnding)
      .execute();
  },
};
