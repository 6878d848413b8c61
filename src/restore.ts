import { createHash, randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, open, readdir, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { readTar } from "./adapters/archive/read-tar.ts";
import { assertEmptyDatabase, decodeRow, dumpedTables, loadTables, migrations, openSqlDatabase, tableDigest } from "./adapters/sql/index.ts";
import { SqlError } from "./adapters/sql/sql-error.ts";
import { checkArchive, manifestPath, type BackupManifest } from "./backup/index.ts";
import { systemClock } from "./core/clock.ts";
import { counted } from "./core/counted.ts";
import { AppError } from "./core/errors.ts";
import { databaseDialect } from "./database-dialect.ts";

export interface RestoreReport {
  data: string;
  takenAt: string;
  files: number;
  rows: number;
  bytes: number;
}

/**
 * Brings an archive back into an empty data directory and, with `databaseUrl`, an empty database. The whole archive is
 * verified before anything is written; what fails after that leaves the directory as it was and the database without a
 * row. Throws BACKUP_INVALID, RESTORE_TARGET_NOT_EMPTY.
 */
export async function restoreBackup(
  options: { archive: string; data: string; databaseUrl?: string | undefined },
  progress: (text: string) => void,
): Promise<RestoreReport> {
  const data = resolve(options.data);
  progress("Verifying the archive.");
  const manifest = await readAndCheck(options.archive);
  assertKnown(manifest);
  await assertEmptyDirectory(data);
  // On the same disk, so that the rename at the end puts everything in place at once.
  const staging = `${data}.restoring-${randomUUID().slice(0, 8)}`;
  await mkdir(staging, { recursive: true, mode: 0o700 });
  try {
    progress(`Unpacking ${counted(manifest.entries.length, "file")}.`);
    await unpack(options.archive, staging, manifest);
    progress("Filling the database.");
    const tables = join(staging, "tables");
    const rows = await fill(options.databaseUrl ?? join(staging, "slipway.db"), manifest, tables, async () => {
      if (options.databaseUrl !== undefined) await publish(staging, data);
    });
    if (options.databaseUrl === undefined) await publish(staging, data);
    const bytes = manifest.entries.reduce((sum, entry) => sum + entry.bytes, 0);
    return { data, takenAt: new Date(manifest.createdAt).toISOString(), files: manifest.entries.length, rows, bytes };
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** Reads the whole archive and compares it with its manifest. Throws BACKUP_INVALID. */
export function readAndCheck(archive: string): Promise<BackupManifest> {
  return checkArchive(readTar(archive));
}

function assertKnown({ schema, entries }: BackupManifest): void {
  if (schema > migrations.length) {
    throw new AppError("DATABASE_NEWER", `The backup has schema ${schema}; this release knows ${migrations.length}.`);
  }
  const known = new Set<string>(dumpedTables.map(({ table }) => `tables/${table}.jsonl`));
  for (const { path } of entries) {
    if (path.startsWith("tables/") && !known.has(path)) throw new AppError("BACKUP_INVALID", `The backup holds ${path}, a table that this release does not know.`);
  }
}

async function assertEmptyDirectory(data: string): Promise<void> {
  const names = await readdir(data).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw new AppError("CONFIG_INVALID", "The data directory cannot be read.", { cause: error });
  });
  if (names.length > 0) throw new AppError("RESTORE_TARGET_NOT_EMPTY", "The data directory is not empty.");
}

/** Where a file of the archive belongs in a data directory; its path was checked to be one that backups have. */
function placeOf(staging: string, path: string): string {
  return join(staging, ...(path.startsWith("segments/") ? `prediction-segments/${path.slice(9)}` : path).split("/"));
}

const rowFaults: ReadonlySet<SqlError["reason"]> = new Set(["unique", "foreign_key", "not_null", "check", "type", "misuse", "other"]);

/** Rows that the tables refuse, such as ones with foreign columns, were not written by a backup. */
function refuseRows(cause: unknown): never {
  if (cause instanceof SqlError && rowFaults.has(cause.reason)) {
    throw new AppError("BACKUP_INVALID", "The database refuses rows of the archive.", { cause });
  }
  throw cause;
}

/** Names of artifacts are as the machine of the backup took them; another one's disk may not. */
function refusePlace(cause: unknown): never {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "ENAMETOOLONG") {
    throw new AppError("CONFIG_INVALID", "A file of the archive would have a path too long for this system: choose a data directory with a shorter path.", { cause });
  }
  if (code === "EEXIST" || code === "ENOTDIR") {
    throw new AppError("CONFIG_INVALID", "Two files of the archive have names that are one to this disk: choose one that tells upper from lower case.", { cause });
  }
  throw cause;
}

/** Compares once more while it writes: the file may have changed since it was verified. */
async function unpack(archive: string, staging: string, manifest: BackupManifest): Promise<void> {
  const expected = new Map(manifest.entries.map((entry) => [entry.path, entry]));
  for await (const { path, content } of readTar(archive)) {
    if (path === manifestPath) continue;
    const entry = expected.get(path);
    expected.delete(path);
    if (entry === undefined) throw new AppError("BACKUP_INVALID", `${path} was not there when the archive was verified.`);
    const target = placeOf(staging, path);
    await mkdir(dirname(target), { recursive: true, mode: 0o700 }).catch(refusePlace);
    const hash = createHash("sha256");
    const hashed = async function* (): AsyncGenerator<Uint8Array> {
      for await (const chunk of content) {
        hash.update(chunk);
        yield chunk;
      }
    };
    await pipeline(Readable.from(hashed()), createWriteStream(target, { flags: "wx", mode: 0o600, flush: true })).catch(refusePlace);
    if (hash.digest("hex") !== entry.sha256) throw new AppError("BACKUP_INVALID", `${path} changed since the archive was verified.`);
  }
  if (expected.size > 0) throw new AppError("BACKUP_INVALID", "The archive changed since it was verified.");
}

/** Answers the number of rows. `beforeCommit` runs when every row is in and compared, and nothing of it is final. */
async function fill(target: string, manifest: BackupManifest, folder: string, beforeCommit: () => Promise<void>): Promise<number> {
  const now = systemClock.now();
  // The tables as the archive knows them; this release's changes come after its rows.
  const database = await openSqlDatabase(await databaseDialect(target), { now, migrations: migrations.slice(0, manifest.schema) });
  let rows = 0;
  try {
    const byTable = new Map(manifest.entries.map((entry) => [entry.path, entry]));
    const dumped = dumpedTables.filter(({ table }) => byTable.has(`tables/${table}.jsonl`));
    await assertEmptyDatabase(database.queries, dumped);
    await database.transaction(async (transaction) => {
      await loadTables(transaction, dumped, ({ table }) => readRows(join(folder, `${table}.jsonl`))).catch(refuseRows);
      for (const each of dumped) {
        const found = await tableDigest(transaction, each);
        if (found.sha256 !== byTable.get(`tables/${each.table}.jsonl`)!.sha256) {
          throw new AppError("INTERNAL", `The rows of ${each.table} are not what was written to them.`);
        }
        rows += found.rows;
      }
      await rm(folder, { recursive: true, force: true });
      await beforeCommit();
    });
  } finally {
    await database.close();
  }
  return rows;
}

async function* readRows(file: string): AsyncGenerator<Record<string, unknown>[]> {
  let rest = "";
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    // Split at line feeds alone: text may hold characters that other readers take for the end of a line.
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    if (lines.length > 0) yield lines.map(decodeRow);
  }
  if (rest !== "") throw new AppError("BACKUP_INVALID", "The last row of a table is cut off.");
}

async function publish(staging: string, data: string): Promise<void> {
  await rmdir(data).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw new AppError("RESTORE_TARGET_NOT_EMPTY", "The data directory is not empty any more.", { cause: error });
  });
  await rename(staging, data);
  const parent = await open(dirname(data), "r");
  try {
    await parent.sync();
  } finally {
    await parent.close();
  }
}
