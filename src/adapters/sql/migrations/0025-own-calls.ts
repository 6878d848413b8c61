import { sql } from "kysely";
import type { Migration } from "./migration.ts";

/** Whose calls alone a trace is of, and the indexes by which callers who see nothing else find their own traces and costs. */
export const ownCalls: Migration = {
  number: 25,
  name: "own-calls",
  async up({ schema }, { columnTypes: { text } }) {
    await schema.alterTable("traces").addColumn("caller", text).execute();
    await schema.createIndex("traces_caller").on("traces").columns(["caller", "start_ns"]).where(sql.ref("caller"), "is not", sql.lit(null)).execute();
    await schema.createIndex("ledger_entries_actor").on("ledger_entries").columns(["actor", "time"]).execute();
  },
};
