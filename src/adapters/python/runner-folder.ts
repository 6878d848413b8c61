import { constants } from "node:fs";
import { chmod, copyFile, link, mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AppError } from "../../core/errors.ts";
import type { Artifact, BlobStore } from "../../registry/index.ts";

/** A larger file is linked and not copied where the runner's user may read it. */
const copiedBytes = 16 * 1024 * 1024;

/** The files of one runner: the model's folder, and a folder of its own to work in. */
export class RunnerFolder {
  /** The model as its files say it, read-only. */
  readonly model: string;
  /** Working folder, home and place of temporary files of the process. */
  readonly work: string;
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
    this.model = join(root, "model");
    this.work = join(root, "work");
  }

  /** Puts the files together. `otherUser`: the process will have another user than this server. Throws BLOB_NOT_FOUND, BLOB_CORRUPT, MODEL_FILE_INVALID. */
  static async make(directory: string, files: readonly Artifact[], blobs: BlobStore, otherUser: boolean): Promise<RunnerFolder> {
    await mkdir(directory, { recursive: true, mode: 0o755 });
    const folder = new RunnerFolder(await mkdtemp(join(directory, "runner-")));
    try {
      await chmod(folder.#root, otherUser ? 0o755 : 0o700);
      await mkdir(folder.model, { mode: 0o755 });
      await mkdir(folder.work, { mode: 0o700 });
      for (const { path, digest } of files) {
        assertInside(path);
        const target = join(folder.model, path);
        await mkdir(dirname(target), { recursive: true, mode: 0o755 });
        await place(await blobs.verifiedPath(digest), target, otherUser);
      }
      return folder;
    } catch (error) {
      await folder.remove();
      throw error;
    }
  }

  async remove(): Promise<void> {
    // A process that was just killed may still be writing its last file.
    await rm(this.#root, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A copy shares its blocks with the blob where the file system can; no process of a model gets a file of the store to write to. */
async function place(blob: string, target: string, otherUser: boolean): Promise<void> {
  const { size, mode } = await stat(blob);
  if (size > copiedBytes && (!otherUser || (mode & 0o004) !== 0)) {
    const linked = await link(blob, target).then(() => true, () => false);
    if (linked) return;
  }
  await copyFile(blob, target, constants.COPYFILE_FICLONE);
  await chmod(target, otherUser ? 0o444 : 0o400);
}

/** Paths come from whoever made the version. */
function assertInside(path: string): void {
  if (path === "" || path.includes("\0") || path.includes("\\") || path.split("/").some((part) => part === "" || part === "." || part === "..")) {
    throw new AppError("MODEL_FILE_INVALID", "The model has a file whose path leads out of its folder.");
  }
}
