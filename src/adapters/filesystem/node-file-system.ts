import { constants, type Stats, writeSync } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readdir, rename, rmdir, unlink } from "node:fs/promises";
import { epochMs } from "../../core/clock.ts";
import { type FileFacts, type FileSystem, type OpenFile, systemErrorCode } from "./file-system.ts";

// O_NOFOLLOW does not exist on Windows, where opening a link needs a right that services do not have.
const noFollow = (constants.O_NOFOLLOW as number | undefined) ?? 0;
const openFlags = {
  create: constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | noFollow,
  read: constants.O_RDONLY | noFollow,
  change: constants.O_RDWR | noFollow,
};

function factsOf(stats: Stats): FileFacts {
  const kind = stats.isFile() ? "file" : stats.isDirectory() ? "directory" : "other";
  return { bytes: stats.size, modifiedAt: epochMs(stats.mtimeMs), kind };
}

class NodeOpenFile implements OpenFile {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async write(data: Uint8Array): Promise<void> {
    // write(2) may take a part only, on a full disk for instance; the next call then says why.
    for (let done = 0; done < data.length; ) done += (await this.#handle.write(data, done, data.length - done)).bytesWritten;
  }

  writeNow(data: Uint8Array): void {
    for (let done = 0; done < data.length; ) done += writeSync(this.#handle.fd, data, done, data.length - done);
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    return (await this.#handle.read(target, 0, target.length, position)).bytesRead;
  }

  truncate(bytes: number): Promise<void> {
    return this.#handle.truncate(bytes);
  }

  sync(): Promise<void> {
    return this.#handle.sync();
  }

  async facts(): Promise<FileFacts> {
    return factsOf(await this.#handle.stat());
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** The disk of this machine. Files are made for their owner alone (0600), directories too (0700). */
export const nodeFileSystem: FileSystem = {
  async open(path, mode) {
    return new NodeOpenFile(await open(path, openFlags[mode], 0o600));
  },

  async makeDirectory(path) {
    try {
      await mkdir(path, { mode: 0o700 });
      return true;
    } catch (error) {
      if (systemErrorCode(error) === "EEXIST") return false;
      throw error;
    }
  },

  async list(path) {
    try {
      return (await readdir(path)).sort();
    } catch (error) {
      if (systemErrorCode(error) === "ENOENT") return [];
      throw error;
    }
  },

  async facts(path) {
    try {
      return factsOf(await lstat(path));
    } catch (error) {
      if (systemErrorCode(error) === "ENOENT" || systemErrorCode(error) === "ENOTDIR") return null;
      throw error;
    }
  },

  rename,

  async remove(path) {
    try {
      await unlink(path);
    } catch (error) {
      if (systemErrorCode(error) !== "ENOENT") throw error;
    }
  },

  async removeDirectory(path) {
    try {
      await rmdir(path);
    } catch (error) {
      if (systemErrorCode(error) !== "ENOENT") throw error;
    }
  },

  async syncDirectory(path) {
    // Windows has no handle for a directory; NTFS journals names by itself.
    if (process.platform === "win32") return;
    const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
};
