import { sql } from "kysely";
import type { Migration } from "./migration.ts";

/** Indexes by which feedback is found by its id, the traces of a service by time, and a run of LangSmith's clients by its own id. */
export const traceIndexes: Migration = {
  number: 22,
  name: "trace-indexes",
  async up({ schema }) {
    await schema.createIndex("trace_feedback_id").on("trace_feedback").columns(["id"]).execute();
    // With the team, so that a search that skips those of other teams reads the index alone.
    await schema.createIndex("traces_service").on("traces").columns(["service", "start_ns", "team"]).execute();
    await schema.createIndex("trace_values_run").on("trace_values").columns(["value"]).where(sql.ref("key"), "=", sql.lit("langsmith.run_id")).execute();
  },
};
