import { SqliteDialect } from "./adapters/sql/index.ts";
import type { SqlDialect } from "./adapters/sql/sql-dialect.ts";
import { systemClock, type Clock } from "./core/clock.ts";

/** The dialect for a URL that starts with postgres:// or postgresql://, else for the path of a SQLite file. The driver of Postgres is loaded with its first use. */
export async function databaseDialect(target: string, options: { clock?: Clock; connections?: number } = {}): Promise<SqlDialect> {
  if (!/^postgres(ql)?:\/\//.test(target)) return new SqliteDialect({ path: target });
  const { PostgresDialect } = await import("./adapters/sql/dialects/postgres/postgres-dialect.ts");
  return new PostgresDialect({ url: target, clock: options.clock ?? systemClock, ...(options.connections === undefined ? {} : { connections: options.connections }) });
}

/** What `slipway move` leaves of the SQLite file: a server that finds it and is given no Postgres refuses to start. */
export const movedDatabaseName = "slipway.db.moved-to-postgres";
