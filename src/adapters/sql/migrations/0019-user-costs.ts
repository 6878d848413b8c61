import { sql } from "kysely";
import type { Migration } from "./migration.ts";

/** Sums by user over whole days read all that they need from an index. */
export const userCosts: Migration = {
  number: 19,
  name: "user-costs",
  async up({ schema }) {
    await schema
      .createIndex("ledger_entries_user_days")
      .on("ledger_entries")
      .expression(sql`(time / 86400000), caller_user, team, outcome, cost, input_tokens, cache_read_tokens, cache_write_tokens, cache_write_hour_tokens, output_tokens`)
      .execute();
  },
};
