import { epochMs, systemClock } from "../../../../core/clock.ts";
import type { Migration } from "../../migrations/migration.ts";
import { openSqlDatabase, type SqlDatabase } from "../../sql-database.ts";
import { emptySchema, rememberSchema, type SqlServer } from "./emptied-schema.fixture.ts";
import { PostgresDialect, type PostgresDialectOptions } from "./postgres-dialect.ts";

/** What the fixture needs of a server; `PostgresCluster` of the test kit is one. */
interface SchemaServer extends SqlServer {
  createSchema(name: string): Promise<string>;
  url(options: { schema: string; port?: number }): string;
}

type OpenOptions = { migrations?: readonly Migration[] } & Partial<PostgresDialectOptions>;

/** For tests: databases in schemas of their own on one server, closed together. */
export class TemporarySchemas {
  readonly #server: () => SchemaServer;
  readonly #databases: SqlDatabase[] = [];
  #count = 0;
  /** Schemas with all migrations and nothing else. */
  readonly #migrated: string[] = [];
  readonly #lent: string[] = [];
  #form: Promise<string> | null = null;

  constructor(server: () => SchemaServer) {
    this.#server = server;
  }

  /** An empty one. */
  newSchema(): Promise<string> {
    return this.#server().createSchema(`schema_${++this.#count}`);
  }

  /**
   * One with all migrations and no more, until `close`; who works in it has stopped by then. To make all migrations takes ten
   * times as long as to empty what a test wrote: so they are made once for as many as are open together, and used again.
   */
  async migratedSchema(): Promise<string> {
    const schema = this.#migrated.pop() ?? (await this.#migrate());
    this.#lent.push(schema);
    return schema;
  }

  /** Without a schema and migrations: in a migrated one. */
  async open(options: { schema?: string; port?: number } & OpenOptions = {}): Promise<SqlDatabase> {
    const { port, migrations } = options;
    const schema = options.schema ?? (await (migrations === undefined ? this.migratedSchema() : this.newSchema()));
    return this.openUrl(this.#server().url({ schema, ...(port === undefined ? {} : { port }) }), options);
  }

  async openUrl(url: string, options: OpenOptions = {}): Promise<SqlDatabase> {
    const database = await openAt(url, options);
    this.#databases.push(database);
    return database;
  }

  async close(): Promise<void> {
    for (const database of this.#databases.splice(0)) await database.close();
    for (const schema of this.#lent.splice(0)) {
      // One whose tables a test changed is not used again.
      if (await emptySchema(this.#server(), schema, await this.#form!)) this.#migrated.push(schema);
    }
  }

  async #migrate(): Promise<string> {
    const schema = await this.newSchema();
    await (await openAt(this.#server().url({ schema }), { connections: 2 })).close();
    this.#form ??= rememberSchema(this.#server(), schema);
    await this.#form;
    return schema;
  }
}

function openAt(url: string, { migrations, ...dialect }: OpenOptions): Promise<SqlDatabase> {
  return openSqlDatabase(new PostgresDialect({ clock: systemClock, connections: 6, ...dialect, url }), {
    now: epochMs(1), ...(migrations === undefined ? {} : { migrations }),
  });
}
