import {
  sql, SqliteAdapter, SqliteIntrospector,
  type CompiledQuery, type DatabaseIntrospector, type DialectAdapter, type Driver, type Kysely, type QueryCompiler, type QueryResult,
} from "kysely";
import type { PackedWrite } from "../../packed-writes.ts";
import type { SqlCapabilities, SqlDialect } from "../../sql-dialect.ts";
import { SqliteDriver } from "./sqlite-driver.ts";
import { LikeAwareSqliteQueryCompiler } from "./sqlite-query-compiler.ts";
import { readSqliteSnapshot } from "./sqlite-snapshot.ts";
import { kyselyResult, statementOf } from "./sqlite-statement.ts";
import { SqliteThread, type StartWorker } from "./sqlite-thread.ts";
import { SqliteWriter } from "./sqlite-writer.ts";

/** STRICT tables refuse a value of another type, as Postgres does. Their text compares by bytes of UTF-8: by code point. */
const capabilities: SqlCapabilities = {
  columnTypes: { text: sql`text`, integer: sql`integer`, double: sql`real`, bytes: sql`blob`, json: sql`text` },
  tableEnding: sql`strict`,
  clusteredTableEnding: sql`strict, without rowid`,
  appendOnly: (table) =>
    ["update", "delete"].map(
      (verb) => sql`create trigger ${sql.id(`${table}_no_${verb}`)} before ${sql.raw(verb)} on ${sql.table(table)} begin select raise(abort, 'rows of this table are never changed'); end`,
    ),
};

/**
 * SQLite on node:sqlite: one thread writes, one reads. Both start with the constructor; `destroy` of the Kysely made
 * with it ends them. One dialect object serves one Kysely.
 */
export class SqliteDialect implements SqlDialect {
  readonly capabilities = capabilities;
  readonly #writerThread: SqliteThread;
  readonly #reader: SqliteThread;
  readonly #writer: SqliteWriter;
  readonly #file: { path: string; busyTimeoutMs: number };

  /** `path` is a file, created when it is missing, in a folder that is there. `startWorker` is for tests, which lend the threads of one database to the next. */
  constructor(options: { path: string; busyTimeoutMs?: number; startWorker?: StartWorker }) {
    const { path, busyTimeoutMs = 5000, startWorker } = options;
    this.#file = { path, busyTimeoutMs };
    this.#writerThread = new SqliteThread({ path, mode: "write", busyTimeoutMs }, startWorker);
    this.#reader = new SqliteThread({ path, mode: "read", busyTimeoutMs }, startWorker);
    this.#writer = new SqliteWriter(this.#writerThread);
  }

  async writeBatch(queries: readonly CompiledQuery[]): Promise<QueryResult<unknown>[]> {
    const results = await this.#writer.batch(queries.map(statementOf));
    return results.map((result) => kyselyResult(result));
  }

  async writePacked(write: PackedWrite): Promise<void> {
    await this.#writer.batch(write);
  }

  /** Transactions run one after the other: none gets into another's way. */
  repeatTransaction<Result>(attempt: () => Promise<Result>): Promise<Result> {
    return attempt();
  }

  isReachable(): boolean {
    return true;
  }

  /** Transactions begin with the write lock. */
  async lockMigrations(): Promise<void> {}

  // oxlint-disable-next-line typescript/no-explicit-any -- whatever the schema
  async hasTable(database: Kysely<any>, table: string): Promise<boolean> {
    const found = await (database as Kysely<{ sqlite_schema: { type: string; name: string } }>)
      .selectFrom("sqlite_schema").select("name").where("type", "=", "table").where("name", "=", table).executeTakeFirst();
    return found !== undefined;
  }

  snapshot<Schema, Result>(_queries: Kysely<Schema>, read: (snapshot: Kysely<Schema>) => Promise<Result>): Promise<Result> {
    return readSqliteSnapshot<Schema, Result>(this.#file, read);
  }

  createDriver(): Driver {
    return new SqliteDriver({ reader: this.#reader, writerThread: this.#writerThread, writer: this.#writer });
  }

  createQueryCompiler(): QueryCompiler {
    return new LikeAwareSqliteQueryCompiler();
  }

  createAdapter(): DialectAdapter {
    return new SqliteAdapter();
  }

  // oxlint-disable-next-line typescript/no-explicit-any -- as Kysely declares it
  createIntrospector(database: Kysely<any>): DatabaseIntrospector {
    return new SqliteIntrospector(database);
  }
}
