import { sql } from "kysely";
import type { Migration } from "./migration.ts";

/**
 * What answers from the cache saved, of entries and in their sums by the hour. Null, and 0 in sums, in what a release before this one writes. Sums by user over whole days read theirs from an index, which has
 * nothing but answers from the cache.
 */
export const savedCosts: Migration = {
  number: 26,
  name: "saved-costs",
  async up({ schema }, { columnTypes: { integer } }) {
    await schema.alterTable("ledger_entries").addColumn("saved_cost", integer).execute();
    for (const table of ["ledger_hours", "ledger_trace_hours"]) {
      for (const name of ["saved_cost", "saved_told", "saved_unpriced"]) await schema.alterTable(table).addColumn(name, integer, (column) => column.notNull().defaultTo(0)).execute();
    }
    await schema
      .createIndex("ledger_entries_saved_days")
      .on("ledger_entries")
      .expression(sql`(time / 86400000), caller_user, team, outcome, saved_cost`)
      .where(sql.ref("saved_cost"), "is not", sql.lit(null))
      .execute();
  },
};
