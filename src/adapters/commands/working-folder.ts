import { constants } from "node:fs";
import { access, chmod, mkdir, mkdtemp, open, readdir, rm, stat, writeFile } from "node:fs/promises";
import { delimiter, dirname, isAbsolute, join } from "node:path";
import { AppError } from "../../core/errors.ts";

/** Deeper JSON cannot be written down again: serializers recurse. */
const deepestOutput = 500;

/**
 * Where one program runs: its files, its input and the place of its output. Removed with all that the program left in it.
 */
export class WorkingFolder {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Makes it below `parent`, for this user alone. Throws STEP_FAILED when a file's path would leave it. */
  static async create(parent: string, content: { input: unknown; files: Readonly<Record<string, string>> }): Promise<WorkingFolder> {
    const paths = Object.keys(content.files);
    for (const path of paths) assertSafePath(path);
    await mkdir(parent, { recursive: true, mode: 0o700 });
    const folder = new WorkingFolder(await mkdtemp(join(parent, "step-")));
    try {
      await Promise.all([mkdir(folder.work), mkdir(folder.temporary)]);
      await writeFile(folder.input, JSON.stringify(content.input ?? null), { mode: 0o600 });
      for (const path of paths) {
        const target = join(folder.work, path);
        await mkdir(dirname(target), { recursive: true });
        await writeFile(target, content.files[path]!, { flag: "wx", mode: 0o600 });
      }
      return folder;
    } catch (error) {
      await folder.remove();
      throw error;
    }
  }

  /** Removes what earlier servers left below `parent` when they were killed. */
  static async removeAll(parent: string): Promise<void> {
    const names = await readdir(parent).catch(() => []);
    for (const name of names) if (name.startsWith("step-")) await removeTree(join(parent, name));
  }

  /** The program's current directory. */
  get work(): string {
    return join(this.#path, "work");
  }

  get input(): string {
    return join(this.#path, "input.json");
  }

  get output(): string {
    return join(this.#path, "output.json");
  }

  /** For the program's own temporary files, so that they go with it. */
  get temporary(): string {
    return join(this.#path, "temporary");
  }

  /** What the program wrote; null when it wrote nothing. Throws STEP_FAILED when that is no regular file, too large, or no JSON. */
  async readOutput(maxBytes: number): Promise<unknown> {
    const bytes = await this.#readBounded(maxBytes);
    if (bytes === null) return null;
    if (nestsDeeperThan(bytes, deepestOutput)) throw new AppError("STEP_FAILED", `The output nests deeper than ${deepestOutput} levels.`);
    try {
      return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown;
    } catch (cause) {
      throw new AppError("STEP_FAILED", "The output is not one JSON document in UTF-8.", { cause });
    }
  }

  async #readBounded(maxBytes: number): Promise<Buffer | null> {
    // Not through a link, and without waiting for the writer of a pipe.
    const file = await open(this.output, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === "ENOENT") return null;
      throw new AppError("STEP_FAILED", "The output is not a regular file that can be read.", { cause });
    });
    if (file === null) return null;
    try {
      const found = await file.stat();
      if (!found.isFile()) throw new AppError("STEP_FAILED", "The output is not a regular file that can be read.");
      if (found.size > maxBytes) throw new AppError("STEP_FAILED", `The output has ${found.size} bytes, and ${maxBytes} are allowed.`);
      const bytes = Buffer.alloc(found.size);
      let length = 0;
      while (length < bytes.length) {
        const { bytesRead } = await file.read(bytes, length, bytes.length - length, length);
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      return bytes.subarray(0, length);
    } finally {
      await file.close();
    }
  }

  /** Does nothing when it is gone. */
  remove(): Promise<void> {
    return removeTree(this.#path);
  }
}

/** A program may leave folders that even their owner may not open. */
async function removeTree(path: string): Promise<void> {
  const options = { recursive: true, force: true, maxRetries: 3 } as const;
  await rm(path, options).catch(async () => {
    await openFolders(path);
    await rm(path, options);
  });
}

async function openFolders(path: string): Promise<void> {
  await chmod(path, 0o700);
  for (const entry of await readdir(path, { withFileTypes: true })) if (entry.isDirectory()) await openFolders(join(path, entry.name));
}

function assertSafePath(path: string): void {
  const segments = path.split("/");
  if (path.length <= 1000 && !/[\0\\]/.test(path) && segments.every((segment) => segment !== "" && segment !== "." && segment !== "..")) return;
  throw new AppError("STEP_FAILED", `"${path.slice(0, 100)}" is not a relative path of a file in the working folder.`);
}

function nestsDeeperThan(bytes: Buffer, deepest: number): boolean {
  let depth = 0;
  let inText = false;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index];
    if (inText) {
      if (byte === 0x5c) index++;
      else if (byte === 0x22) inText = false;
    } else if (byte === 0x22) inText = true;
    else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > deepest) return true;
    } else if (byte === 0x5d || byte === 0x7d) depth--;
  }
  return false;
}

/**
 * The program as a path: found in PATH, or where its name has a slash, as it is or in the working folder. Throws STEP_FAILED.
 */
export async function findProgram(name: string, folder: string, path: string): Promise<string> {
  const candidates = isAbsolute(name) ? [name] : name.includes("/") ? [join(folder, name)] : path.split(delimiter).filter(isAbsolute).map((directory) => join(directory, name));
  for (const candidate of candidates) {
    const isProgram = await access(candidate, constants.X_OK).then(() => stat(candidate)).then((found) => found.isFile(), () => false);
    if (isProgram) return candidate;
  }
  throw new AppError("STEP_FAILED", `There is no program "${name.slice(0, 100)}" on the server${name.includes("/") ? "" : " (in its PATH)"}, or it may not be run.`);
}
