import { SqliteDialect } from "./adapters/sql/index.ts";
import type { SqlDialect } from "./adapters/sql/sql-dialect.ts";

/** The dialect for a URL that starts with postgres://, else for the path of a SQLite file. */
export function databaseDialect(target: string): SqlDialect {
  return new SqliteDialect({ path: target });
}

/** What `slipway move` leaves of the SQLite file: a server that finds it and is given no Postgres refuses to start. */
export const movedDatabaseName = "slipway.db.moved-to-postgres";
