import { sql } from "kysely";
import type { Migration } from "./migration.ts";

/** Rollouts and A/B tests, the routes of models, what each server saw of a phase, and which servers there are. */
export const rollouts: Migration = {
  number: 11,
  name: "rollouts",
  async up(database, { columnTypes: { text, integer, json }, tableEnding, clusteredTableEnding }) {
    const { schema } = database;
    await schema
      .createTable("rollouts")
      .addColumn("id", text, (column) => column.primaryKey().notNull())
      .addColumn("model", text, (column) => column.notNull())
      .addColumn("team", text, (column) => column.notNull())
      .addColumn("kind", text, (column) => column.notNull())
      .addColumn("stable", integer, (column) => column.notNull())
      .addColumn("candidate", integer, (column) => column.notNull())
      .addColumn("state", text, (column) => column.notNull())
      .addColumn("is_open", integer, (column) => column.notNull())
      .addColumn("plan_json", json, (column) => column.notNull())
      .addColumn("phase", integer, (column) => column.notNull())
      .addColumn("phase_since", integer)
      .addColumn("started_at", integer, (column) => column.notNull())
      .addColumn("started_by", text, (column) => column.notNull())
      .addColumn("ended_at", integer)
      .addColumn("reason", text, (column) => column.notNull())
      .addColumn("request_json", json)
      .addColumn("workflow_run", text)
      .addColumn("salt", text, (column) => column.notNull())
      .addColumn("test_json", json)
      .modifyEnd(tableEnding)
      .execute();
    await schema.createIndex("rollouts_model").on("rollouts").columns(["model", "id"]).execute();
    // Whatever two servers do at once, a model has one.
    await schema.createIndex("rollouts_one_open").unique().on("rollouts").column("model").where(sql<boolean>`is_open = 1`).execute();
    await schema
      .createTable("model_routes")
      .addColumn("model", text, (column) => column.primaryKey().notNull())
      .addColumn("revision", integer, (column) => column.notNull())
      .addColumn("route_json", json)
      .addColumn("changed_at", integer, (column) => column.notNull())
      .modifyEnd(clusteredTableEnding)
      .execute();
    await schema
      .createTable("rollout_verdicts")
      .addColumn("id", text, (column) => column.primaryKey().notNull())
      .addColumn("rollout", text, (column) => column.notNull())
      .addColumn("time", integer, (column) => column.notNull())
      .addColumn("decision", text, (column) => column.notNull())
      .addColumn("verdict_json", json, (column) => column.notNull())
      .modifyEnd(tableEnding)
      .execute();
    await schema.createIndex("rollout_verdicts_rollout").on("rollout_verdicts").columns(["rollout", "id"]).execute();
    await schema
      .createTable("rollout_figures")
      .addColumn("rollout", text, (column) => column.notNull())
      .addColumn("phase", text, (column) => column.notNull())
      .addColumn("replica", text, (column) => column.notNull())
      .addColumn("written_at", integer, (column) => column.notNull())
      .addColumn("figures_json", json, (column) => column.notNull())
      .addPrimaryKeyConstraint("rollout_figures_key", ["rollout", "phase", "replica"])
      .modifyEnd(tableEnding)
      .execute();
    await schema
      .createTable("replicas")
      .addColumn("id", text, (column) => column.primaryKey().notNull())
      .addColumn("seen_at", integer, (column) => column.notNull())
      .addColumn("routes_json", json, (column) => column.notNull())
      .modifyEnd(tableEnding)
      .execute();
  },
};
