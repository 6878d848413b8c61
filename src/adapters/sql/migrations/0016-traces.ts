import type { Migration } from "./migration.ts";

/** Traces: their spans, what is known of each as a whole, attributes to find them by, and feedback. */
export const traces: Migration = {
  number: 16,
  name: "traces",
  async up({ schema }, { columnTypes: { text, integer, json }, tableEnding, clusteredTableEnding }) {
    await schema
      .createTable("traces")
      .addColumn("team", text, (column) => column.notNull())
      .addColumn("trace_id", text, (column) => column.notNull())
      .addColumn("name", text, (column) => column.notNull())
      .addColumn("service", text)
      .addColumn("start_ns", integer, (column) => column.notNull())
      .addColumn("end_ns", integer)
      .addColumn("root_start_ns", integer)
      .addColumn("root_end_ns", integer)
      .addColumn("root_failed", integer, (column) => column.notNull())
      .addColumn("told_status", text)
      .addColumn("spans", integer, (column) => column.notNull())
      .addColumn("errors", integer, (column) => column.notNull())
      .addColumn("input_tokens", integer)
      .addColumn("output_tokens", integer)
      .addColumn("cost", integer)
      .addColumn("session", text)
      .addColumn("user_name", text)
      .addColumn("input_preview", text)
      .addColumn("output_preview", text)
      .addColumn("experiment", text)
      .addColumn("tags_json", json, (column) => column.notNull())
      .addColumn("metadata_json", json, (column) => column.notNull())
      .addColumn("received_at", integer, (column) => column.notNull())
      .addPrimaryKeyConstraint("traces_key", ["trace_id", "team"])
      .modifyEnd(tableEnding)
      .execute();
    await schema.createIndex("traces_start").on("traces").columns(["start_ns", "trace_id"]).execute();
    await schema.createIndex("traces_session").on("traces").columns(["session", "start_ns"]).execute();
    await schema.createIndex("traces_experiment").on("traces").columns(["experiment", "start_ns"]).execute();
    await schema
      .createTable("trace_spans")
      .addColumn("team", text, (column) => column.notNull())
      .addColumn("trace_id", text, (column) => column.notNull())
      .addColumn("span_id", text, (column) => column.notNull())
      .addColumn("start_ns", integer, (column) => column.notNull())
      .addColumn("end_ns", integer)
      .addColumn("failed", integer, (column) => column.notNull())
      .addColumn("input_tokens", integer)
      .addColumn("output_tokens", integer)
      .addColumn("cost", integer)
      .addColumn("content_json", json, (column) => column.notNull())
      .addPrimaryKeyConstraint("trace_spans_key", ["trace_id", "team", "span_id"])
      .modifyEnd(tableEnding)
      .execute();
    await schema
      .createTable("trace_values")
      .addColumn("team", text, (column) => column.notNull())
      .addColumn("key", text, (column) => column.notNull())
      .addColumn("value", text, (column) => column.notNull())
      .addColumn("trace_id", text, (column) => column.notNull())
      .addPrimaryKeyConstraint("trace_values_key", ["trace_id", "team", "key", "value"])
      .modifyEnd(clusteredTableEnding)
      .execute();
    await schema
      .createTable("trace_feedback")
      .addColumn("team", text, (column) => column.notNull())
      .addColumn("trace_id", text, (column) => column.notNull())
      .addColumn("id", text, (column) => column.notNull())
      .addColumn("revision", integer, (column) => column.notNull())
      .addColumn("name", text, (column) => column.notNull())
      .addColumn("content_json", json, (column) => column.notNull())
      .addPrimaryKeyConstraint("trace_feedback_key", ["trace_id", "team", "id", "revision"])
      .modifyEnd(tableEnding)
      .execute();
  },
};
