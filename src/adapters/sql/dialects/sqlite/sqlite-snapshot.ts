import { Kysely, SqliteAdapter, type CompiledQuery, type DatabaseConnection, type Driver, type QueryResult } from "kysely";
import { SqlError } from "../../sql-error.ts";
import { throwError } from "./sqlite-driver.ts";
import { kyselyResult, statementOf } from "./sqlite-statement.ts";
import { LikeAwareSqliteQueryCompiler } from "./sqlite-query-compiler.ts";
import { SqliteThread } from "./sqlite-thread.ts";

/**
 * Reads the state of one moment on a connection of its own, while others go on writing. The write-ahead log cannot be
 * taken into the file beyond that moment until `read` has ended.
 */
export async function readSqliteSnapshot<Schema, Result>(
  options: { path: string; busyTimeoutMs: number },
  read: (queries: Kysely<Schema>) => Promise<Result>,
): Promise<Result> {
  const thread = new SqliteThread({ ...options, mode: "read" });
  try {
    await thread.request("commands", { commands: ["begin", "select count(*) from sqlite_schema"], inTransaction: false }).catch(throwError);
    const queries = new Kysely<Schema>({
      dialect: {
        createAdapter: () => new SqliteAdapter(),
        createDriver: () => new SnapshotDriver(thread),
        createIntrospector: () => {
          throw new SqlError("misuse", "A snapshot is for reading rows.");
        },
        createQueryCompiler: () => new LikeAwareSqliteQueryCompiler(),
      },
    });
    return await read(queries);
  } finally {
    await thread.close().catch(throwError);
  }
}

class SnapshotDriver implements Driver {
  readonly #connection: DatabaseConnection;

  constructor(thread: SqliteThread) {
    this.#connection = {
      async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
        const { answer } = await thread.request("statement", { ...statementOf(query), inTransaction: true }).catch(throwError);
        return kyselyResult<Row>(answer);
      },
      async *streamQuery() {
        throw new SqlError("misuse", "Read in pages, by key; streaming is not offered.");
      },
    };
  }

  async init(): Promise<void> {}
  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection;
  }
  async beginTransaction(): Promise<void> {
    throw new SqlError("misuse", "A snapshot is one transaction already.");
  }
  async commitTransaction(): Promise<void> {}
  async rollbackTransaction(): Promise<void> {}
  async releaseConnection(): Promise<void> {}
  async destroy(): Promise<void> {}
}
