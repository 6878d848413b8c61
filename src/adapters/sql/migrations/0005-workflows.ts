import type { Migration } from "./migration.ts";

/** Runs, their journalled steps and logs, schedules, and the signals that runs wait for. */
export const workflows: Migration = {
  number: 5,
  name: "workflows",
  async up(database, { columnTypes: { text, integer, double, json }, tableEnding }) {
    const { schema } = database;
    await schema
      .createTable("workflow_runs")
      .addColumn("id", text, (column) => column.primaryKey().notNull())
      .addColumn("workflow", text, (column) => column.notNull())
      .addColumn("version", integer, (column) => column.notNull())
      .addColumn("idempotency_key", text)
      .addColumn("input_json", json, (column) => column.notNull())
      .addColumn("input_digest", text, (column) => column.notNull())
      .addColumn("state", text, (column) => column.notNull())
      .addColumn("priority", integer, (column) => column.notNull())
      .addColumn("concurrency_key", text)
      .addColumn("team", text, (column) => column.notNull())
      .addColumn("owner", text, (column) => column.notNull())
      .addColumn("schedule", text)
      .addColumn("created_at", integer, (column) => column.notNull())
      .addColumn("due_at", integer, (column) => column.notNull())
      .addColumn("started_at", integer)
      .addColumn("ended_at", integer)
      .addColumn("lease_owner", text)
      .addColumn("lease_until", integer, (column) => column.notNull())
      .addColumn("lease_epoch", integer, (column) => column.notNull())
      .addColumn("cancel_requested", integer, (column) => column.notNull())
      .addColumn("output_json", json)
      .addColumn("error_json", json)
      .addColumn("progress", double)
      .addColumn("progress_note", text)
      .addColumn("crashes", integer, (column) => column.notNull())
      .addColumn("crash_progress", integer, (column) => column.notNull())
      .addUniqueConstraint("workflow_runs_idempotency", ["workflow", "idempotency_key"])
      .modifyEnd(tableEnding)
      .execute();
    await schema.createIndex("workflow_runs_due").on("workflow_runs").columns(["state", "due_at"]).execute();
    await schema.createIndex("workflow_runs_workflow").on("workflow_runs").columns(["workflow", "state"]).execute();
    await schema
      .createTable("workflow_steps")
      .addColumn("run", text, (column) => column.notNull())
      .addColumn("step", text, (column) => column.notNull())
      .addColumn("kind", text, (column) => column.notNull())
      .addColumn("position", integer, (column) => column.notNull())
      .addColumn("state", text, (column) => column.notNull())
      .addColumn("attempts", integer, (column) => column.notNull())
      .addColumn("started_at", integer, (column) => column.notNull())
      .addColumn("ended_at", integer)
      .addColumn("wake_at", integer)
      .addColumn("result_json", json)
      .addColumn("error_json", json)
      .addPrimaryKeyConstraint("workflow_steps_key", ["run", "step"])
      .modifyEnd(tableEnding)
      .execute();
    await schema
      .createTable("workflow_logs")
      .addColumn("run", text, (column) => column.notNull())
      .addColumn("sequence", integer, (column) => column.notNull())
      .addColumn("step", text, (column) => column.notNull())
      .addColumn("time", integer, (column) => column.notNull())
      .addColumn("stream", text, (column) => column.notNull())
      .addColumn("line", text, (column) => column.notNull())
      .addPrimaryKeyConstraint("workflow_logs_key", ["run", "sequence"])
      .modifyEnd(tableEnding)
      .execute();
    await schema
      .createTable("workflow_signals")
      .addColumn("id", text, (column) => column.primaryKey().notNull())
      .addColumn("name", text, (column) => column.notNull())
      .addColumn("key", text, (column) => column.notNull())
      .addColumn("payload_json", json, (column) => column.notNull())
      .addColumn("received_at", integer, (column) => column.notNull())
      .addColumn("taken_by", text)
      .modifyEnd(tableEnding)
      .execute();
    await schema.createIndex("workflow_signals_name").on("workflow_signals").columns(["name", "key", "taken_by"]).execute();
    await schema
      .createTable("workflow_waits")
      .addColumn("run", text, (column) => column.notNull())
      .addColumn("step", text, (column) => column.notNull())
      .addColumn("name", text, (column) => column.notNull())
      .addColumn("key", text, (column) => column.notNull())
      .addPrimaryKeyConstraint("workflow_waits_key", ["run", "step"])
      .modifyEnd(tableEnding)
      .execute();
    await schema.createIndex("workflow_waits_name").on("workflow_waits").columns(["name", "key"]).execute();
    await schema
      .createTable("workflow_schedules")
      .addColumn("name", text, (column) => column.primaryKey().notNull())
      .addColumn("workflow", text, (column) => column.notNull())
      .addColumn("cron", text, (column) => column.notNull())
      .addColumn("time_zone", text, (column) => column.notNull())
      .addColumn("missed", text, (column) => column.notNull())
      .addColumn("input_json", json, (column) => column.notNull())
      .addColumn("team", text, (column) => column.notNull())
      .addColumn("owner", text, (column) => column.notNull())
      .addColumn("created_at", integer, (column) => column.notNull())
      .addColumn("next_at", integer)
      .addColumn("last_at", integer)
      .addColumn("paused_at", integer)
      .modifyEnd(tableEnding)
      .execute();
    // Whoever takes these rows goes on alone: replicas that lease, and senders and waiters of signals.
    await database.insertInto("sequences").values([{ name: "workflow_leases", value: 0 }, { name: "workflow_signals", value: 0 }]).execute();
  },
};
