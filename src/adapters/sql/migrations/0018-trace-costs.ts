import { sql } from "kysely";
import type { Migration } from "./migration.ts";

/** Costs of calls that other programs made and sent as spans, summed apart from those of the gateway; and an index by which such a span finds the gateway's call that it tells of. */
export const traceCosts: Migration = {
  number: 18,
  name: "trace-costs",
  async up({ schema }, { columnTypes: { text, integer }, clusteredTableEnding }) {
    await schema.alterTable("ledger_entries").addColumn("source", text, (column) => column.notNull().defaultTo("gateway")).execute();
    await schema
      .createTable("ledger_trace_hours")
      .addColumn("hour", integer, (column) => column.notNull())
      .addColumn("team", text, (column) => column.notNull())
      .addColumn("actor", text, (column) => column.notNull())
      .addColumn("project", text, (column) => column.notNull())
      .addColumn("route", text, (column) => column.notNull())
      .addColumn("provider", text, (column) => column.notNull())
      .addColumn("model", text, (column) => column.notNull())
      .addColumn("outcome", text, (column) => column.notNull())
      .addColumn("calls", integer, (column) => column.notNull())
      .addColumn("unpriced", integer, (column) => column.notNull())
      .addColumn("input_tokens", integer, (column) => column.notNull())
      .addColumn("cache_read_tokens", integer, (column) => column.notNull())
      .addColumn("cache_write_tokens", integer, (column) => column.notNull())
      .addColumn("output_tokens", integer, (column) => column.notNull())
      .addColumn("cost", integer, (column) => column.notNull())
      .addPrimaryKeyConstraint("ledger_trace_hours_key", ["hour", "team", "actor", "project", "route", "provider", "model", "outcome"])
      .modifyEnd(clusteredTableEnding)
      .execute();
    await schema.createIndex("trace_values_answer").on("trace_values").columns(["value"]).where(sql.ref("key"), "=", sql.lit("slipway.answer")).execute();
  },
};
