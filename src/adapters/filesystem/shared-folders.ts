import { randomUUID } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readdir, readlink, realpath, rename, rm } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { Readable } from "node:stream";
import { AppError, toAppError } from "../../core/errors.ts";
import { isWithin } from "../../core/local-path.ts";
import type { SharedPlace } from "../../tracking/artifact-locations.ts";
import type { ArtifactEntry } from "../../tracking/artifact-store.ts";
import type { SharedArtifacts } from "../../tracking/shared-artifacts.ts";
import { artifactSegments, missingArtifact, pieces } from "./artifact-files.ts";
import { systemErrorCode } from "./file-system.ts";
import { uploadedChunks } from "./uploaded-chunks.ts";

const readBytes = 1 << 20;
const mostFiles = 100_000;
/** A file that is replaced while it is opened is opened once more. */
const attempts = 3;
// A queue that waits for a writer would hold a thread for ever; neither flag exists on Windows.
const readOnly = constants.O_RDONLY | ((constants.O_NOFOLLOW as number | undefined) ?? 0) | ((constants.O_NONBLOCK as number | undefined) ?? 0);
const createNew = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | ((constants.O_NOFOLLOW as number | undefined) ?? 0);
/** What the operating system says of a path that leads nowhere: nothing there, a file for a folder, links in a ring, a name that is too long. */
const nowhere: ReadonlySet<string | undefined> = new Set(["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG"]);

interface Found {
  /** The path without any link. */
  real: string;
  facts: Stats;
}

/** Folders that others write to. Whatever they put there, links above all, nothing outside of the owner's folder is read or written. */
export class SharedFolders implements SharedArtifacts {
  readonly #roots: readonly string[];
  readonly #openFile: typeof open;

  /** `openFile` is given by tests that change the disk at the last moment. */
  constructor(roots: readonly string[], openFile: typeof open = open) {
    this.#roots = roots;
    this.#openFile = openFile;
  }

  async stat(place: SharedPlace): Promise<{ bytes: number; modifiedAt: number }> {
    const { facts } = await this.#file(place);
    return { bytes: facts.size, modifiedAt: facts.mtimeMs };
  }

  async read(place: SharedPlace, range?: { start: number; end: number }): Promise<Readable> {
    await this.#file(place);
    const file = async () => {
      const handle = await this.#open(place);
      return { read: async (target: Uint8Array, position: number) => (await handle.read(target, 0, target.length, position)).bytesRead, close: () => handle.close() };
    };
    return Readable.from(pieces(file, range?.start ?? 0, range?.end ?? Number.POSITIVE_INFINITY), { objectMode: false, highWaterMark: readBytes });
  }

  async write(place: SharedPlace, content: Readable): Promise<{ bytes: number }> {
    const name = artifactSegments(place.path).at(-1);
    if (name === undefined) throw inTheWay(place.path);
    const folder = await this.#makeFolder(place);
    const staged = join(folder, `.${randomUUID()}.upload`);
    const handle = await this.#openFile(staged, createNew);
    try {
      // A folder that became a link meanwhile: what was made there is empty, and is taken away again.
      if (!(await isStillAt(handle, staged).catch(() => false))) throw inTheWay(place.path);
      let bytes = 0;
      for await (const chunk of uploadedChunks(content)) {
        await handle.writeFile(chunk);
        bytes += chunk.length;
      }
      await handle.sync();
      const there = await lstat(join(folder, name)).catch(unlessNowhere);
      if (there !== null && !there.isFile()) throw inTheWay(place.path);
      await rename(staged, join(folder, name));
      return { bytes };
    } catch (error) {
      await rm(staged, { force: true }).catch(() => undefined);
      throw toAppError(error);
    } finally {
      await handle.close();
    }
  }

  async list(place: SharedPlace): Promise<ArtifactEntry[]> {
    const found = await this.#find(place);
    return found?.facts.isDirectory() === true ? this.#entries(place, found.real) : [];
  }

  async walk(place: SharedPlace): Promise<{ path: string; bytes: number }[]> {
    const found = await this.#find(place);
    if (found?.facts.isFile() === true) return [{ path: "", bytes: found.facts.size }];
    const files: { path: string; bytes: number }[] = [];
    const visit = async (below: string, above: readonly string[]): Promise<void> => {
      const here = { ...place, path: joined(place.path, below) };
      const folder = await this.#find(here);
      // A link to a folder above would have no end.
      if (folder?.facts.isDirectory() !== true || above.includes(folder.real)) return;
      for (const { name, isDirectory, bytes } of await this.#entries(here, folder.real)) {
        if (isDirectory) await visit(joined(below, name), [...above, folder.real]);
        else if (files.push({ path: joined(below, name), bytes: bytes! }) > mostFiles) throw new AppError("INVALID_PARAMETER", `The folder has more than ${mostFiles} files.`);
      }
    };
    await visit("", []);
    return files;
  }

  /** Names that no request could ask for are left out, as is what leads outside. */
  async #entries(place: SharedPlace, real: string): Promise<ArtifactEntry[]> {
    const names = await readdir(real).catch(unlessNowhere);
    const entries: ArtifactEntry[] = [];
    for (const name of (names ?? []).filter(isAskable).sort()) {
      const found = await this.#find({ ...place, path: joined(place.path, name) });
      if (found === null || !(found.facts.isFile() || found.facts.isDirectory())) continue;
      entries.push({ name, isDirectory: found.facts.isDirectory(), bytes: found.facts.isFile() ? found.facts.size : null });
    }
    return entries;
  }

  async #file(place: SharedPlace): Promise<Found> {
    const found = await this.#find(place);
    if (found?.facts.isFile() !== true) throw missingArtifact(place.path);
    return found;
  }

  /** The folder that a file is to be in, made where it is missing; its path has no link. */
  async #makeFolder({ folder, path }: SharedPlace): Promise<string> {
    for (const root of this.#roots.filter((each) => isWithin(each, folder))) {
      let here = await realpath(root).catch(unlessNowhere);
      if (here === null) continue;
      for (const name of [...relative(root, folder).split(sep), ...artifactSegments(path).slice(0, -1)]) {
        here = join(here, name);
        await mkdir(here).catch((error: unknown) => {
          if (systemErrorCode(error) !== "EEXIST") throw toAppError(error);
        });
        if (!(await lstat(here)).isDirectory()) throw inTheWay(path);
      }
      return here;
    }
    throw missingArtifact(path);
  }

  /** Null for what is not there and for what leads out of the folder. */
  async #find({ folder, path }: SharedPlace): Promise<Found | null> {
    const segments = artifactSegments(path);
    for (const root of this.#roots.filter((each) => isWithin(each, folder))) {
      const realRoot = await realpath(root).catch(unlessNowhere);
      if (realRoot === null) continue;
      const base = join(realRoot, relative(root, folder));
      // Judged by the path without links: neither a link above the folder nor one below it leads out.
      const real = await realpath(join(base, ...segments)).catch(unlessNowhere);
      if (real === null || !isWithin(base, real)) continue;
      const facts = await lstat(real).catch(unlessNowhere);
      if (facts !== null) return { real, facts };
    }
    return null;
  }

  /** What was opened is what was judged: a folder that became a link in between leads nowhere. */
  async #open(place: SharedPlace): Promise<FileHandle> {
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const { real } = await this.#file(place);
      const handle = await this.#openFile(real, readOnly).catch(unlessNowhere);
      if (handle === null) continue;
      if (await isStillAt(handle, real).catch(() => false)) return handle;
      await handle.close();
    }
    throw missingArtifact(place.path);
  }
}

/** Linux says to what path a handle leads; elsewhere the file must be the one that is there now. */
async function isStillAt(handle: FileHandle, path: string): Promise<boolean> {
  const facts = await handle.stat();
  if (!facts.isFile()) return false;
  const opened = await readlink(`/proc/self/fd/${handle.fd}`).catch(() => null);
  if (opened !== null) return opened === path;
  const now = await lstat(path);
  return (await realpath(path)) === path && now.ino === facts.ino && now.dev === facts.dev;
}

function inTheWay(path: string): AppError {
  return new AppError("INVALID_PARAMETER", `The artifact ${JSON.stringify(path.slice(0, 300))} cannot be written: a folder has its name, or a file or link is in its way.`);
}

function isAskable(name: string): boolean {
  try {
    return artifactSegments(name).length === 1;
  } catch {
    return false;
  }
}

function joined(path: string, name: string): string {
  return path === "" || name === "" ? path + name : `${path}/${name}`;
}

function unlessNowhere(error: unknown): null {
  if (nowhere.has(systemErrorCode(error))) return null;
  throw toAppError(error);
}
