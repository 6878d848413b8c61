import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { epochMs } from "../../../../core/clock.ts";
import type { Migration } from "../../migrations/migration.ts";
import { openSqlDatabase, type SqlDatabase } from "../../sql-database.ts";
import { SqliteDialect } from "./sqlite-dialect.ts";

/** For tests: SQLite databases in folders of their own, closed and removed together. */
export class TemporaryDatabases {
  readonly #folders: string[] = [];
  readonly #databases: SqlDatabase[] = [];

  newPath(): string {
    const folder = mkdtempSync(join(tmpdir(), "slipway-sql-"));
    this.#folders.push(folder);
    return join(folder, "slipway.sqlite");
  }

  async open(options: { path?: string; migrations?: readonly Migration[]; busyTimeoutMs?: number } = {}): Promise<SqlDatabase> {
    const { path = this.newPath(), migrations, busyTimeoutMs = 5000 } = options;
    const database = await openSqlDatabase(new SqliteDialect({ path, busyTimeoutMs }), { now: epochMs(1), ...(migrations === undefined ? {} : { migrations }) });
    this.#databases.push(database);
    return database;
  }

  async remove(): Promise<void> {
    for (const database of this.#databases.splice(0)) await database.close();
    for (const folder of this.#folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  }
}
