import { epochMs, systemClock } from "../../../../core/clock.ts";
import type { Migration } from "../../migrations/migration.ts";
import { openSqlDatabase, type SqlDatabase } from "../../sql-database.ts";
import { PostgresDialect, type PostgresDialectOptions } from "./postgres-dialect.ts";

/** What the fixture needs of a server; `PostgresCluster` of the test kit is one. */
interface SchemaServer {
  createSchema(name: string): Promise<string>;
  url(options: { schema: string; port?: number }): string;
}

/** For tests: databases in schemas of their own on one server, closed together. */
export class TemporarySchemas {
  readonly #server: () => SchemaServer;
  readonly #databases: SqlDatabase[] = [];
  #count = 0;

  constructor(server: () => SchemaServer) {
    this.#server = server;
  }

  newSchema(): Promise<string> {
    return this.#server().createSchema(`schema_${++this.#count}`);
  }

  async open(options: { schema?: string; port?: number; migrations?: readonly Migration[] } & Partial<PostgresDialectOptions> = {}): Promise<SqlDatabase> {
    const { schema = await this.newSchema(), port } = options;
    return this.openUrl(this.#server().url({ schema, ...(port === undefined ? {} : { port }) }), options);
  }

  async openUrl(url: string, options: { migrations?: readonly Migration[] } & Partial<PostgresDialectOptions> = {}): Promise<SqlDatabase> {
    const { migrations, ...dialect } = options;
    const database = await openSqlDatabase(new PostgresDialect({ clock: systemClock, connections: 6, ...dialect, url }), {
      now: epochMs(1), ...(migrations === undefined ? {} : { migrations }),
    });
    this.#databases.push(database);
    return database;
  }

  async close(): Promise<void> {
    for (const database of this.#databases.splice(0)) await database.close();
  }
}
