import type { Migration } from "./migration.ts";

/** Feedback that came before its trace: what a client was told is kept outlives the server that took it. */
export const waitingFeedback: Migration = {
  number: 27,
  name: "waiting-feedback",
  async up({ schema }, { columnTypes: { text, integer }, tableEnding }) {
    await schema
      .createTable("waiting_feedback")
      .addColumn("id", text, (column) => column.notNull())
      .addColumn("team", text, (column) => column.notNull())
      .addColumn("trace_id", text, (column) => column.notNull())
      .addColumn("content_json", text, (column) => column.notNull())
      .addColumn("received_at", integer, (column) => column.notNull())
      .addPrimaryKeyConstraint("waiting_feedback_key", ["id"])
      .modifyEnd(tableEnding)
      .execute();
    await schema.createIndex("waiting_feedback_trace").on("waiting_feedback").columns(["trace_id", "team"]).execute();
  },
};
