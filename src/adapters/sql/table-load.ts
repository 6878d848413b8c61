import { sql, type Kysely } from "kysely";
import { AppError } from "../../core/errors.ts";
import type { DatabaseSchema } from "./database-schema.ts";
import type { dumpedTables, TableName } from "./table-dump.ts";

/** What migrations put in by themselves; a dump brings its own. */
const seeded: readonly TableName[] = ["sequences", "teams", "audit_head", "experiments"];
/** Postgres takes 65,535 parameters in a statement, SQLite 32,766. */
const maxParameters = 16_000;

/** Throws RESTORE_TARGET_NOT_EMPTY when some table holds a row that the migrations did not put there. */
export async function assertEmptyDatabase(queries: Kysely<DatabaseSchema>, tables: typeof dumpedTables): Promise<void> {
  for (const { table } of tables) {
    if (seeded.includes(table)) continue;
    const { rows } = await sql<{ found: number }>`select 1 as found from ${sql.table(table)} limit 1`.execute(queries);
    if (rows.length > 0) throw new AppError("RESTORE_TARGET_NOT_EMPTY", `The database is not empty: its table ${table} has rows.`);
  }
  const teams = await queries.selectFrom("teams").select("name").where("name", "!=", "default").limit(1).execute();
  if (teams.length > 0) throw new AppError("RESTORE_TARGET_NOT_EMPTY", "The database is not empty: it has teams.");
  const experiments = await queries.selectFrom("experiments").select("id").where("id", "!=", 0).limit(1).execute();
  if (experiments.length > 0) throw new AppError("RESTORE_TARGET_NOT_EMPTY", "The database is not empty: it has experiments.");
}

/** Fills the tables within the transaction, parents first. `rowsOf` hands out the rows of a table in pages. */
export async function loadTables(
  transaction: Kysely<DatabaseSchema>,
  tables: typeof dumpedTables,
  rowsOf: (table: (typeof dumpedTables)[number]) => AsyncIterable<readonly Record<string, unknown>[]>,
): Promise<void> {
  for (const dumped of tables) {
    if (seeded.includes(dumped.table)) await transaction.deleteFrom(dumped.table).execute();
    for await (const page of rowsOf(dumped)) {
      const size = Math.max(1, Math.floor(maxParameters / Math.max(1, Object.keys(page[0] ?? {}).length)));
      for (let start = 0; start < page.length; start += size) {
        await transaction.insertInto(dumped.table).values(page.slice(start, start + size) as never).execute();
      }
    }
  }
}
