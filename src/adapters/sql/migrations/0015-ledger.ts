import { sql } from "kysely";
import type { Migration } from "./migration.ts";

/** What every call cost, sums of it by the hour, budgets of teams and projects, prices that were set, and which alerts were given. */
export const ledger: Migration = {
  number: 15,
  name: "ledger",
  async up({ schema }, { columnTypes: { text, integer, double, json }, tableEnding, clusteredTableEnding }) {
    await schema
      .createTable("ledger_entries")
      .addColumn("id", text, (column) => column.primaryKey().notNull())
      .addColumn("time", integer, (column) => column.notNull())
      .addColumn("kind", text, (column) => column.notNull())
      .addColumn("actor", text, (column) => column.notNull())
      .addColumn("team", text, (column) => column.notNull())
      .addColumn("project", text, (column) => column.notNull())
      .addColumn("route", text, (column) => column.notNull())
      .addColumn("caller_user", text, (column) => column.notNull())
      .addColumn("session", text, (column) => column.notNull())
      .addColumn("trace", text, (column) => column.notNull())
      .addColumn("agent_run", text, (column) => column.notNull())
      .addColumn("provider", text, (column) => column.notNull())
      .addColumn("model", text, (column) => column.notNull())
      .addColumn("outcome", text, (column) => column.notNull())
      .addColumn("estimated", integer, (column) => column.notNull())
      .addColumn("input_tokens", integer)
      .addColumn("cache_read_tokens", integer)
      .addColumn("cache_write_tokens", integer)
      .addColumn("cache_write_hour_tokens", integer)
      .addColumn("output_tokens", integer)
      .addColumn("cost", integer)
      .addColumn("price_version", text)
      .addColumn("total_ms", double, (column) => column.notNull())
      .addColumn("first_byte_ms", double)
      .modifyEnd(tableEnding)
      .execute();
    await schema.createIndex("ledger_entries_time").on("ledger_entries").columns(["time", "id"]).execute();
    await schema.createIndex("ledger_entries_team").on("ledger_entries").columns(["team", "time", "id"]).execute();
    // Most calls are of neither.
    await schema.createIndex("ledger_entries_trace").on("ledger_entries").columns(["trace", "time"]).where(sql.ref("trace"), "<>", sql.lit("")).execute();
    await schema.createIndex("ledger_entries_agent_run").on("ledger_entries").columns(["agent_run", "time"]).where(sql.ref("agent_run"), "<>", sql.lit("")).execute();
    await schema
      .createTable("ledger_tags")
      .addColumn("entry", text, (column) => column.notNull())
      .addColumn("name", text, (column) => column.notNull())
      .addColumn("value", text, (column) => column.notNull())
      .addPrimaryKeyConstraint("ledger_tags_key", ["entry", "name"])
      .modifyEnd(clusteredTableEnding)
      .execute();
    await schema
      .createTable("ledger_hours")
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
      .addPrimaryKeyConstraint("ledger_hours_key", ["hour", "team", "actor", "project", "route", "provider", "model", "outcome"])
      .modifyEnd(clusteredTableEnding)
      .execute();
    await schema
      .createTable("ledger_budgets")
      .addColumn("team", text, (column) => column.notNull())
      .addColumn("scope", text, (column) => column.notNull())
      .addColumn("name", text, (column) => column.notNull())
      .addColumn("limits_json", json, (column) => column.notNull())
      .addColumn("updated_at", integer, (column) => column.notNull())
      .addColumn("updated_by", text, (column) => column.notNull())
      .addPrimaryKeyConstraint("ledger_budgets_key", ["team", "scope", "name"])
      .modifyEnd(tableEnding)
      .execute();
    await schema
      .createTable("ledger_prices")
      .addColumn("id", text, (column) => column.primaryKey().notNull())
      .addColumn("price_json", json, (column) => column.notNull())
      .modifyEnd(tableEnding)
      .execute();
    await schema
      .createTable("ledger_alerts")
      .addColumn("scope", text, (column) => column.notNull())
      .addColumn("threshold", integer, (column) => column.notNull())
      .addColumn("written_at", integer, (column) => column.notNull())
      .addPrimaryKeyConstraint("ledger_alerts_key", ["scope", "threshold"])
      .modifyEnd(tableEnding)
      .execute();
  },
};
