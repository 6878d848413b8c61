import type { Migration } from "./migration.ts";

/** What people write on models and versions after they were registered, where versions came from, and who changed what and why. */
export const registryLifecycle: Migration = {
  number: 9,
  name: "registry-lifecycle",
  async up(database, { columnTypes: { text, integer, json }, tableEnding, clusteredTableEnding }) {
    const { schema } = database;
    await schema.alterTable("models").addColumn("updated_at", integer).execute();
    const texts: [string, string][] = [["description", ""], ["stage", "None"], ["status", "READY"], ["status_message", ""], ["owner", ""], ["source", ""], ["run_link", ""]];
    for (const [name, value] of texts) {
      await schema.alterTable("model_versions").addColumn(name, text, (column) => column.notNull().defaultTo(value)).execute();
    }
    await schema.alterTable("model_versions").addColumn("updated_at", integer).execute();
    await schema.alterTable("model_versions").addColumn("run_id", text).execute();
    await schema.alterTable("model_versions").addColumn("logged_model", text).execute();
    await schema.createIndex("model_versions_run").on("model_versions").column("run_id").execute();
    await schema
      .createTable("model_tags")
      .addColumn("model", text, (column) => column.notNull())
      .addColumn("key", text, (column) => column.notNull())
      .addColumn("value", text, (column) => column.notNull())
      .addPrimaryKeyConstraint("model_tags_key", ["model", "key"])
      .modifyEnd(clusteredTableEnding)
      .execute();
    await schema
      .createTable("version_tags")
      .addColumn("model", text, (column) => column.notNull())
      .addColumn("version", integer, (column) => column.notNull())
      .addColumn("key", text, (column) => column.notNull())
      .addColumn("value", text, (column) => column.notNull())
      .addPrimaryKeyConstraint("version_tags_key", ["model", "version", "key"])
      .modifyEnd(clusteredTableEnding)
      .execute();
    await schema
      .createTable("registry_changes")
      .addColumn("id", text, (column) => column.primaryKey().notNull())
      .addColumn("model", text, (column) => column.notNull())
      .addColumn("version", integer)
      .addColumn("time", integer, (column) => column.notNull())
      .addColumn("actor", text, (column) => column.notNull())
      .addColumn("change", text, (column) => column.notNull())
      .addColumn("before", text)
      .addColumn("after", text)
      .addColumn("reason", text, (column) => column.notNull())
      .modifyEnd(tableEnding)
      .execute();
    await schema.createIndex("registry_changes_model").on("registry_changes").columns(["model", "id"]).execute();
    await schema
      .createTable("version_evaluations")
      .addColumn("id", text, (column) => column.primaryKey().notNull())
      .addColumn("model", text, (column) => column.notNull())
      .addColumn("version", integer, (column) => column.notNull())
      .addColumn("time", integer, (column) => column.notNull())
      .addColumn("workflow_run", text)
      .addColumn("report_json", json, (column) => column.notNull())
      .modifyEnd(tableEnding)
      .execute();
    await schema.createIndex("version_evaluations_version").on("version_evaluations").columns(["model", "version", "id"]).execute();
  },
};
