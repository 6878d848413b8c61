import { access, rename } from "node:fs/promises";
import { join, resolve } from "node:path";
import { lockDataDirectory } from "./adapters/filesystem/data-directory-lock.ts";
import { assertEmptyDatabase, dumpedTables, loadTables, openSqlDatabase, readTable, SqliteDialect, tableDigest } from "./adapters/sql/index.ts";
import { systemClock } from "./core/clock.ts";
import { AppError } from "./core/errors.ts";
import { databaseDialect, movedDatabaseName } from "./database-dialect.ts";

export interface MoveReport {
  data: string;
  tables: number;
  rows: number;
}

/**
 * Copies every row of a data directory's SQLite database into an empty Postgres database, in one transaction, and compares
 * each table by its digest before that commits. The SQLite file is renamed afterwards, so that nobody goes on with it by
 * mistake. Throws DATA_DIRECTORY_IN_USE while a server runs, RESTORE_TARGET_NOT_EMPTY, DATABASE_UNAVAILABLE.
 */
export async function moveDatabase(options: { to: string; data: string }, progress: (text: string) => void): Promise<MoveReport> {
  if (!/^postgres(ql)?:\/\//.test(options.to)) throw new AppError("CONFIG_INVALID", "The target must be a URL that starts with postgres://.");
  const data = resolve(options.data);
  const file = join(data, "slipway.db");
  await access(file).catch((cause: unknown) => {
    throw new AppError("CONFIG_INVALID", "There is no SQLite database in the data directory.", { cause });
  });
  const lock = await lockDataDirectory(data);
  try {
    const now = systemClock.now();
    const source = await openSqlDatabase(new SqliteDialect({ path: file }), { now });
    let rows = 0;
    try {
      const target = await openSqlDatabase(await databaseDialect(options.to), { now });
      try {
        await assertEmptyDatabase(target.queries, dumpedTables);
        await source.snapshot((snapshot) =>
          target.transaction(async (transaction) => {
            await loadTables(transaction, dumpedTables, (dumped) => {
              progress(`Copying ${dumped.table}.`);
              return readTable(snapshot, dumped);
            });
            progress("Comparing both databases.");
            for (const dumped of dumpedTables) {
              const [given, written] = [await tableDigest(snapshot, dumped), await tableDigest(transaction, dumped)];
              if (given.sha256 !== written.sha256) throw new AppError("INTERNAL", `The rows of ${dumped.table} are not the same in both databases.`);
              rows += written.rows;
            }
          }),
        );
      } finally {
        await target.close();
      }
    } finally {
      await source.close();
    }
    // After the close the write-ahead log is in the file.
    await rename(file, join(data, movedDatabaseName));
    return { data, tables: dumpedTables.length, rows };
  } finally {
    lock.release();
  }
}
