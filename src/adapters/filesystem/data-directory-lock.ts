import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { AppError } from "../../core/errors.ts";
import { DurableDirectories } from "./durable-file.ts";
import { nodeFileSystem } from "./node-file-system.ts";

export interface DataDirectoryLock {
  /** Frees the directory; the end of the process does too, however it ends. */
  release(): void;
}

/** Of https://sqlite.org/rescode.html: the primary code is the low byte. */
const sqliteBusy = 5;

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && typeof error.errcode === "number" && (error.errcode & 0xff) === sqliteBusy;
}

/**
 * Takes a data directory for this process, making it when it is missing. Throws DATA_DIRECTORY_IN_USE when another
 * process has it, CONFIG_INVALID when it cannot be used at all.
 *
 * Node has no file locks, and a file with a process id outlives `kill -9`. SQLite locks its file through the operating
 * system, which frees the lock with the process: an exclusive transaction that stays open is the lock.
 */
export async function lockDataDirectory(directory: string): Promise<DataDirectoryLock> {
  let database: DatabaseSync | undefined;
  try {
    await new DurableDirectories(nodeFileSystem, directory).ensure(directory);
    database = new DatabaseSync(join(directory, "lock"), { timeout: 0 });
    database.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    database?.close();
    if (isBusy(cause)) throw new AppError("DATA_DIRECTORY_IN_USE", "The data directory is in use by another process.", { cause });
    throw new AppError("CONFIG_INVALID", "The data directory cannot be made or written.", { cause });
  }
  const held = database;
  return {
    release() {
      if (held.isOpen) held.close();
    },
  };
}
