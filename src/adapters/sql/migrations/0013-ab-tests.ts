import type { Migration } from "./migration.ts";

/** What each server saw of an A/B test, by independent units, and the values that were reported for its predictions. */
export const abTests: Migration = {
  number: 13,
  name: "ab-tests",
  async up({ schema }, { columnTypes: { text, integer, double, json }, tableEnding }) {
    await schema
      .createTable("ab_test_figures")
      .addColumn("test", text, (column) => column.notNull())
      .addColumn("replica", text, (column) => column.notNull())
      .addColumn("written_at", integer, (column) => column.notNull())
      .addColumn("figures_json", json, (column) => column.notNull())
      .addPrimaryKeyConstraint("ab_test_figures_key", ["test", "replica"])
      .modifyEnd(tableEnding)
      .execute();
    await schema
      .createTable("ab_test_outcomes")
      .addColumn("test", text, (column) => column.notNull())
      .addColumn("metric", text, (column) => column.notNull())
      .addColumn("prediction_id", text, (column) => column.notNull())
      .addColumn("value", double, (column) => column.notNull())
      .addColumn("received_at", integer, (column) => column.notNull())
      .addPrimaryKeyConstraint("ab_test_outcomes_key", ["test", "metric", "prediction_id"])
      .modifyEnd(tableEnding)
      .execute();
    await schema.createIndex("ab_test_outcomes_received").on("ab_test_outcomes").columns(["test", "received_at", "prediction_id"]).execute();
  },
};
