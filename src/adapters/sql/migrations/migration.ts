import type { Kysely } from "kysely";
import type { SqlCapabilities } from "../sql-dialect.ts";

/**
 * One step forward of the schema; there is none back. Released migrations never change. It is written with Kysely's
 * schema builder and the dialect's column types, and runs in a transaction of its own.
 *
 * While servers are replaced one by one, the release before this one works on the new schema: it goes on reading, and
 * inserts rows without the columns that it does not know. So a migration only expands: new tables, new indexes, new columns
 * that may be NULL or have a default. What a release stops using (a column, a table, a constraint, an old meaning) may be
 * taken away by the release after it at the earliest. `released-migrations.test.ts` holds the rule and the released text.
 */
export interface Migration {
  /** From 1, without gaps. */
  readonly number: number;
  readonly name: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- the schema of its time, not of today
  up(database: Kysely<any>, capabilities: SqlCapabilities): Promise<void>;
}
