import { sql } from "kysely";
import type { Migration } from "./migration.ts";

/** Rollouts of routes of the gateway: which revision answered from when, drafts that have not yet, and when feedback arrived, for those who follow it. */
export const routeRollouts: Migration = {
  number: 17,
  name: "route-rollouts",
  async up(database, { columnTypes: { text, integer }, tableEnding }) {
    const { schema } = database;
    await schema
      .createTable("gateway_turns")
      .addColumn("name", text, (column) => column.notNull())
      .addColumn("turn", integer, (column) => column.notNull())
      .addColumn("revision", integer, (column) => column.notNull())
      .addColumn("since", integer, (column) => column.notNull())
      .addColumn("actor", text, (column) => column.notNull())
      .addColumn("reason", text, (column) => column.notNull())
      .addPrimaryKeyConstraint("gateway_turns_key", ["name", "turn"])
      .modifyEnd(tableEnding)
      .execute();
    // Until now every revision answered, one after the other, up to the removal of the route.
    await sql`
      insert into gateway_turns (name, turn, revision, since, actor, reason)
      select r.name, r.revision, r.revision, r.changed_at, r.changed_by, r.reason from gateway_revisions r
      where r.kind = 'route' and r.settings_json is not null and not exists (
        select 1 from gateway_revisions g where g.kind = 'route' and g.name = r.name and g.settings_json is null and g.revision > r.revision
      )`.execute(database);
    await schema.alterTable("gateway_revisions").addColumn("is_draft", integer, (column) => column.notNull().defaultTo(0)).execute();
    await schema.alterTable("trace_feedback").addColumn("received_at", integer, (column) => column.notNull().defaultTo(0)).execute();
    await schema.createIndex("trace_feedback_received").on("trace_feedback").columns(["received_at", "trace_id"]).execute();
  },
};
