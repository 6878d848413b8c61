import type { Migration } from "./migration.ts";

/** Which feedback was removed and when, for those who follow it: what is gone tells nobody of itself. */
export const removedFeedback: Migration = {
  number: 20,
  name: "removed-feedback",
  async up({ schema }, { columnTypes: { text, integer }, tableEnding }) {
    await schema
      .createTable("trace_feedback_removals")
      .addColumn("team", text, (column) => column.notNull())
      .addColumn("trace_id", text, (column) => column.notNull())
      .addColumn("id", text, (column) => column.notNull())
      .addColumn("revision", integer, (column) => column.notNull())
      .addColumn("removed_at", integer, (column) => column.notNull())
      .addPrimaryKeyConstraint("trace_feedback_removals_key", ["trace_id", "team", "id"])
      .modifyEnd(tableEnding)
      .execute();
    await schema.createIndex("trace_feedback_removals_time").on("trace_feedback_removals").columns(["removed_at", "trace_id"]).execute();
  },
};
