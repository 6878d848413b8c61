import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { emptyDatabase } from "../../../../../test/kit/empty-database.ts";
import { epochMs } from "../../../../core/clock.ts";
import type { Migration } from "../../migrations/migration.ts";
import { openSqlDatabase, type SqlDatabase } from "../../sql-database.ts";
import { lendWorker } from "./lent-workers.fixture.ts";
import { SqliteDialect } from "./sqlite-dialect.ts";

/** A database with the schema of this release and nothing in it, made once by each process or each run: to migrate costs more than most tests. */
let empty: Promise<Buffer> | undefined;

export async function makeEmptyDatabase(): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), "slipway-sql-"));
  try {
    const path = join(folder, "slipway.sqlite");
    const database = await openSqlDatabase(new SqliteDialect({ path, startWorker: lendWorker }), { now: epochMs(1) });
    await database.close();
    return readFileSync(path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** For tests: SQLite databases in folders of their own, closed and removed together. */
export class TemporaryDatabases {
  readonly #folders: string[] = [];
  readonly #databases: SqlDatabase[] = [];

  newPath(): string {
    const folder = mkdtempSync(join(tmpdir(), "slipway-sql-"));
    this.#folders.push(folder);
    return join(folder, "slipway.sqlite");
  }

  /** A new file begins as a copy with this release's schema, and is migrated only where `migrations` are given. */
  async open(options: { path?: string; migrations?: readonly Migration[]; busyTimeoutMs?: number } = {}): Promise<SqlDatabase> {
    const { path = this.newPath(), migrations, busyTimeoutMs = 5000 } = options;
    if (migrations === undefined) {
      const content = await (empty ??= emptyDatabase === undefined ? makeEmptyDatabase() : readFile(emptyDatabase));
      if (this.#folders.includes(dirname(path)) && !existsSync(path)) writeFileSync(path, content);
    }
    const database = await openSqlDatabase(new SqliteDialect({ path, busyTimeoutMs, startWorker: lendWorker }), { now: epochMs(1), ...(migrations === undefined ? {} : { migrations }) });
    this.#databases.push(database);
    return database;
  }

  async remove(): Promise<void> {
    for (const database of this.#databases.splice(0)) await database.close();
    for (const folder of this.#folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  }
}
