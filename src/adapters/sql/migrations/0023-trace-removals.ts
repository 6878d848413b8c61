import { sql } from "kysely";
import type { Migration } from "./migration.ts";

/** Traces that are being removed, which nobody sees any more; and an index by which the newest sessions are found without reading the other traces. */
export const traceRemovals: Migration = {
  number: 23,
  name: "trace-removals",
  async up({ schema }, { columnTypes: { integer } }) {
    await schema.alterTable("traces").addColumn("removed_at", integer).execute();
    await schema.createIndex("traces_removed").on("traces").columns(["removed_at"]).where(sql.ref("removed_at"), "is not", sql.lit(null)).execute();
    // With whose they are, and of whom they tell, so that a search that skips those of others reads the index alone.
    await schema.createIndex("traces_sessions").on("traces").columns(["start_ns", "session", "team", "user_name", "experiment"])
      .where(sql.ref("session"), "is not", sql.lit(null)).where(sql.ref("removed_at"), "is", sql.lit(null)).execute();
  },
};
