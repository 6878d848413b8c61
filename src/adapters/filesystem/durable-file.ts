import { dirname, sep } from "node:path";
import { type FileSystem, systemErrorCode } from "./file-system.ts";

/**
 * Makes folders below a root whose names survive power loss. The parent of each folder is synced once per process, also
 * when the folder was there already: the process that made it may have died before its own sync.
 */
export class DurableDirectories {
  readonly #fileSystem: FileSystem;
  readonly #root: string;
  readonly #known = new Set<string>();

  constructor(fileSystem: FileSystem, root: string) {
    this.#fileSystem = fileSystem;
    this.#root = root;
  }

  /** `path` is the root or lies below it. */
  async ensure(path: string): Promise<void> {
    if (this.#known.has(path)) return;
    if (path === this.#root) await this.#makeRoot(path);
    else {
      await this.ensure(dirname(path));
      await this.#fileSystem.makeDirectory(path);
      await this.#fileSystem.syncDirectory(dirname(path));
    }
    this.#known.add(path);
  }

  /** For folders that were removed: the next one that needs them makes them again. */
  forget(path: string): void {
    for (const known of this.#known) if (known === path || known.startsWith(path + sep)) this.#known.delete(known);
  }

  /** Folders above the root belong to the user: made where they are missing, and synced where that is allowed. */
  async #makeRoot(path: string): Promise<void> {
    let made: boolean;
    try {
      made = await this.#fileSystem.makeDirectory(path);
    } catch (error) {
      if (systemErrorCode(error) !== "ENOENT" || dirname(path) === path) throw error;
      await this.#makeRoot(dirname(path));
      made = await this.#fileSystem.makeDirectory(path);
    }
    try {
      await this.#fileSystem.syncDirectory(dirname(path));
    } catch (error) {
      if (made || (systemErrorCode(error) !== "EACCES" && systemErrorCode(error) !== "EPERM")) throw error;
    }
  }
}

/**
 * Gives a file that was synced its final name, replacing what has it. Readers see the old content or the new one,
 * never a part; the name survives power loss when it has answered. The folder must exist.
 */
export async function publishDurably(fileSystem: FileSystem, staged: string, path: string): Promise<void> {
  await fileSystem.rename(staged, path);
  await fileSystem.syncDirectory(dirname(path));
}

/** Writes a small file whole: beside its name first, synced, then renamed. A crash leaves the old content or the new one. */
export async function writeFileDurably(fileSystem: FileSystem, path: string, content: Uint8Array): Promise<void> {
  const staged = `${path}.writing`;
  await fileSystem.remove(staged);
  const file = await fileSystem.open(staged, "create");
  try {
    await file.write(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await publishDurably(fileSystem, staged, path);
}

/** Syncs a file that somebody else wrote, such as a child process. */
export async function syncFile(fileSystem: FileSystem, path: string): Promise<void> {
  const file = await fileSystem.open(path, "change");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
