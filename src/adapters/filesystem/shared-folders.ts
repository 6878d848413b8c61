import { constants, type Stats } from "node:fs";
import { type FileHandle, lstat, open, readdir, readlink, realpath } from "node:fs/promises";
import { join, relative } from "node:path";
import { Readable } from "node:stream";
import { AppError, toAppError } from "../../core/errors.ts";
import { isWithin } from "../../core/local-path.ts";
import type { SharedPlace } from "../../tracking/artifact-locations.ts";
import type { ArtifactEntry } from "../../tracking/artifact-store.ts";
import type { SharedArtifacts } from "../../tracking/shared-artifacts.ts";
import { artifactSegments, missingArtifact, pieces } from "./artifact-files.ts";
import { systemErrorCode } from "./file-system.ts";

const readBytes = 1 << 20;
const mostFiles = 100_000;
/** A file that is replaced while it is opened is opened once more. */
const attempts = 3;
// A queue that waits for a writer would hold a thread for ever; neither flag exists on Windows.
const readOnly = constants.O_RDONLY | ((constants.O_NOFOLLOW as number | undefined) ?? 0) | ((constants.O_NONBLOCK as number | undefined) ?? 0);
/** What the operating system says of a path that leads nowhere: nothing there, a file for a folder, links in a ring, a name that is too long. */
const nowhere: ReadonlySet<string | undefined> = new Set(["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG"]);

interface Found {
  /** The path without any link. */
  real: string;
  facts: Stats;
}

/** Reads folders that others write to. Whatever they put there, links above all, nothing outside of the owner's folder is read. */
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
