import {
  PostgresAdapter, PostgresIntrospector, sql, CompiledQuery,
  type DatabaseIntrospector, type DialectAdapter, type Driver, type Kysely, type QueryCompiler, type QueryResult, type Transaction,
} from "kysely";
import type { Clock } from "../../../../core/clock.ts";
import { SqlError } from "../../sql-error.ts";
import type { SqlCapabilities, SqlDialect } from "../../sql-dialect.ts";
import { runBatch, StatementNames } from "./postgres-batch.ts";
import { PostgresConnections } from "./postgres-connections.ts";
import { PostgresDriver } from "./postgres-driver.ts";
import type { PostgresLimits } from "./postgres-pool.ts";
import { migrationLock } from "./postgres-transaction.ts";
import { StrictPostgresQueryCompiler } from "./postgres-query-compiler.ts";
import { parsePostgresUrl } from "./postgres-url.ts";

/** The collation "C" compares text by the bytes of UTF-8: by code point. */
const text = sql`text collate "C"`;

const capabilities: SqlCapabilities = {
  columnTypes: { text, integer: sql`bigint`, double: sql`double precision`, bytes: sql`bytea`, json: text },
  tableEnding: sql``,
  clusteredTableEnding: sql``,
  appendOnly: (table) => [
    sql`create function ${sql.id(`${table}_unchanging`)}() returns trigger language plpgsql as $$
      begin raise exception 'rows of this table are never changed'; end $$`,
    sql`create trigger ${sql.id(`${table}_no_change`)} before update or delete or truncate on ${sql.table(table)}
      for each statement execute function ${sql.id(`${table}_unchanging`)}()`,
  ],
};

export interface PostgresDialectOptions extends Partial<PostgresLimits> {
  /** See `parsePostgresUrl`. */
  readonly url: string;
  readonly clock: Clock;
  /** Connections of this process, at most. A third of them is kept for reads. */
  readonly connections?: number;
  /** The database counts as unreachable after having been lost for so long. */
  readonly graceMs?: number;
  readonly probeEveryMs?: number;
  /** How long attempts are repeated. */
  readonly patienceMs?: number;
}

/** Postgres 13 or newer on `pg`. One dialect object serves one Kysely, whose `destroy` ends the connections. */
export class PostgresDialect implements SqlDialect {
  readonly capabilities = capabilities;
  readonly #connections: PostgresConnections;
  readonly #names = new StatementNames();

  /** Connects when it is first used. Throws CONFIG_INVALID. */
  constructor(options: PostgresDialectOptions) {
    const { url, clock, connections = 12, graceMs = 3000, probeEveryMs = 1000, patienceMs = 10_000 } = options;
    const { statementTimeoutMs = 30_000, answerTimeoutMs = statementTimeoutMs + 5000, waitTimeoutMs = 5000, maxWaiting = 200 } = options;
    const limits = { statementTimeoutMs, answerTimeoutMs, waitTimeoutMs, maxWaiting };
    this.#connections = new PostgresConnections({ address: parsePostgresUrl(url), limits, clock, connections, graceMs, probeEveryMs, patienceMs });
  }

  isReachable(): boolean {
    return this.#connections.isReachable;
  }

  async writeBatch(queries: readonly CompiledQuery[], { idempotent = false }: { idempotent?: boolean } = {}): Promise<QueryResult<unknown>[]> {
    const statements = this.#names.statementsOf(queries);
    return this.#connections.repeat(
      () => (statements.length === 0 ? this.#connections.run("write", async () => []) : this.#connections.run("write", (client) => runBatch(client, statements))),
      { idempotent },
    );
  }

  repeatTransaction<Result>(attempt: () => Promise<Result>): Promise<Result> {
    return this.#connections.repeat(attempt, { idempotent: false });
  }

  async lockMigrations(transaction: Transaction<unknown>): Promise<void> {
    await transaction.executeQuery(CompiledQuery.raw(migrationLock));
  }

  async snapshot<Schema, Result>(queries: Kysely<Schema>, read: (snapshot: Kysely<Schema>) => Promise<Result>): Promise<Result> {
    return queries.transaction().setIsolationLevel("repeatable read").setAccessMode("read only").execute(read);
  }

  // oxlint-disable-next-line typescript/no-explicit-any -- whatever the schema
  async hasTable(database: Kysely<any>, table: string): Promise<boolean> {
    const { schema, found } = await database
      .selectNoFrom([
        sql<string | null>`current_schema()`.as("schema"),
        sql<string | null>`to_regclass(quote_ident(current_schema()) || '.' || quote_ident(${table}))::text`.as("found"),
      ])
      .executeTakeFirstOrThrow();
    if (schema === null) throw new SqlError("unavailable", "Postgres: no schema of the search path is there.");
    return found !== null;
  }

  createDriver(): Driver {
    return new PostgresDriver(this.#connections);
  }

  createQueryCompiler(): QueryCompiler {
    return new StrictPostgresQueryCompiler();
  }

  createAdapter(): DialectAdapter {
    return new PostgresAdapter();
  }

  // oxlint-disable-next-line typescript/no-explicit-any -- as Kysely declares it
  createIntrospector(database: Kysely<any>): DatabaseIntrospector {
    return new PostgresIntrospector(database);
  }
}
