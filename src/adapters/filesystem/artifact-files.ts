import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { Clock } from "../../core/clock.ts";
import { AppError, toAppError } from "../../core/errors.ts";
import type { ArtifactEntry, ArtifactStore } from "../../tracking/artifact-store.ts";
import { DurableDirectories, publishDurably } from "./durable-file.ts";
import { type FileFacts, type FileSystem, type OpenFile, systemErrorCode } from "./file-system.ts";
import { nodeFileSystem } from "./node-file-system.ts";
import { uploadedChunks } from "./uploaded-chunks.ts";

const readBytes = 1 << 20;
const writeBytes = 1 << 20;
const longestSegment = 255;
const mostSegments = 64;
/** What the operating system says when a file is where a folder is needed, or the other way round. */
const inTheWay: ReadonlySet<string | undefined> = new Set(["ENOTDIR", "EISDIR", "ENOTEMPTY", "EEXIST"]);

/** Artifacts as files: `DIR/artifacts/<path>`, staged in `DIR/artifact-staging` on the same disk. Links are never followed at the end of a path. */
export class ArtifactFiles implements ArtifactStore {
  readonly #fileSystem: FileSystem;
  readonly #clock: Clock;
  readonly #directories: DurableDirectories;
  readonly #root: string;
  readonly #staging: string;
  readonly #uploads = new Set<string>();

  constructor(options: { directory: string; clock: Clock; fileSystem?: FileSystem }) {
    this.#fileSystem = options.fileSystem ?? nodeFileSystem;
    this.#clock = options.clock;
    this.#directories = new DurableDirectories(this.#fileSystem, options.directory);
    this.#root = join(options.directory, "artifacts");
    this.#staging = join(options.directory, "artifact-staging");
  }

  async write(path: string, content: Readable): Promise<{ bytes: number }> {
    const target = this.#pathOf(path);
    if (target === this.#root) throw invalid(path, "names no file");
    const name = `${randomUUID()}.upload`;
    const staged = join(this.#staging, name);
    this.#uploads.add(name);
    try {
      await this.#directories.ensure(this.#staging);
      const bytes = await this.#stage(staged, content);
      await this.#publish(staged, target);
      return { bytes };
    } catch (error) {
      await this.#fileSystem.remove(staged).catch(() => undefined);
      if (inTheWay.has(systemErrorCode(error))) throw invalid(path, "is in the way of a file or folder that is there", error);
      throw toAppError(error);
    } finally {
      this.#uploads.delete(name);
    }
  }

  async stat(path: string): Promise<{ bytes: number; modifiedAt: number }> {
    const facts = await this.#fileFacts(path);
    return { bytes: facts.bytes, modifiedAt: facts.modifiedAt };
  }

  async read(path: string, range?: { start: number; end: number }): Promise<Readable> {
    await this.#fileFacts(path);
    const open = () => this.#fileSystem.open(this.#pathOf(path), "read");
    return Readable.from(pieces(open, range?.start ?? 0, range?.end ?? Number.POSITIVE_INFINITY), { objectMode: false, highWaterMark: readBytes });
  }

  async list(path: string): Promise<ArtifactEntry[]> {
    const directory = this.#pathOf(path);
    if ((await this.#fileSystem.facts(directory))?.kind !== "directory") return [];
    const entries: ArtifactEntry[] = [];
    for (const name of await this.#fileSystem.list(directory)) {
      const facts = await this.#fileSystem.facts(join(directory, name));
      if (facts === null || facts.kind === "other") continue;
      entries.push({ name, isDirectory: facts.kind === "directory", bytes: facts.kind === "file" ? facts.bytes : null });
    }
    return entries;
  }

  async walk(path: string): Promise<{ path: string; bytes: number }[]> {
    const facts = await this.#fileSystem.facts(this.#pathOf(path));
    if (facts?.kind === "file") return [{ path: "", bytes: facts.bytes }];
    const found: { path: string; bytes: number }[] = [];
    const visit = async (below: string): Promise<void> => {
      for (const entry of await this.list(joined(path, below))) {
        if (entry.isDirectory) await visit(joined(below, entry.name));
        else found.push({ path: joined(below, entry.name), bytes: entry.bytes! });
      }
    };
    await visit("");
    return found;
  }

  async remove(path: string): Promise<void> {
    const target = this.#pathOf(path);
    if (target === this.#root) throw invalid(path, "is the root of all artifacts");
    const facts = await this.#fileSystem.facts(target);
    if (facts === null) return;
    await this.#removeBelow(target, facts);
    await this.#fileSystem.syncDirectory(join(target, ".."));
  }

  async collect(olderThanMs: number): Promise<number> {
    const newest = this.#clock.now() - olderThanMs;
    let removed = 0;
    for (const name of await this.#fileSystem.list(this.#staging)) {
      if (this.#uploads.has(name)) continue;
      const facts = await this.#fileSystem.facts(join(this.#staging, name));
      if (facts === null || facts.modifiedAt > newest) continue;
      await this.#fileSystem.remove(join(this.#staging, name));
      removed++;
    }
    return removed;
  }

  /** The folder may be removed between its making and the renaming; then it is made once more. */
  async #publish(staged: string, target: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      await this.#directories.ensure(join(target, ".."));
      try {
        return await publishDurably(this.#fileSystem, staged, target);
      } catch (error) {
        if (systemErrorCode(error) !== "ENOENT" || attempt === 3) throw error;
        this.#directories.forget(this.#root);
      }
    }
  }

  async #removeBelow(path: string, facts: FileFacts): Promise<void> {
    if (facts.kind !== "directory") return this.#fileSystem.remove(path);
    this.#directories.forget(path);
    for (const name of await this.#fileSystem.list(path)) {
      const inner = await this.#fileSystem.facts(join(path, name));
      if (inner !== null) await this.#removeBelow(join(path, name), inner);
    }
    await this.#fileSystem.removeDirectory(path);
  }

  async #fileFacts(path: string): Promise<FileFacts> {
    const facts = await this.#fileSystem.facts(this.#pathOf(path));
    if (facts?.kind !== "file") throw missingArtifact(path);
    return facts;
  }

  /** Pieces are gathered, so that a stream of small chunks costs few calls; memory stays at a piece and a chunk. */
  async #stage(path: string, content: Readable): Promise<number> {
    const file = await this.#fileSystem.open(path, "create");
    try {
      let bytes = 0;
      let waiting: Uint8Array[] = [];
      let waitingBytes = 0;
      const flush = async (): Promise<void> => {
        await file.write(waiting.length === 1 ? waiting[0]! : Buffer.concat(waiting, waitingBytes));
        waiting = [];
        waitingBytes = 0;
      };
      for await (const chunk of uploadedChunks(content)) {
        bytes += chunk.length;
        waiting.push(chunk);
        waitingBytes += chunk.length;
        if (waitingBytes >= writeBytes) await flush();
      }
      if (waitingBytes > 0) await flush();
      await file.sync();
      return bytes;
    } finally {
      await file.close();
    }
  }

  #pathOf(path: string): string {
    return join(this.#root, ...artifactSegments(path));
  }
}

/** The gate: no other text of a client becomes a part of a path. Throws INVALID_PARAMETER. */
export function artifactSegments(path: string): string[] {
  if (path === "") return [];
  const segments = path.split("/");
  if (segments.length > mostSegments) throw invalid(path, `has more than ${mostSegments} folders`);
  for (const segment of segments) {
    if (segment === "" || segment === "." || segment === "..") throw invalid(path, "has an empty segment, . or ..");
    if (/[\\\u0000-\u001f\u007f]/.test(segment) || !segment.isWellFormed()) throw invalid(path, "has a backslash, a control character or broken text");
    if (Buffer.byteLength(segment) > longestSegment) throw invalid(path, `has a segment of more than ${longestSegment} bytes`);
  }
  return segments;
}

function joined(path: string, name: string): string {
  return path === "" || name === "" ? path + name : `${path}/${name}`;
}

export function missingArtifact(path: string): AppError {
  return new AppError("ARTIFACT_NOT_FOUND", `There is no artifact ${JSON.stringify(path.slice(0, 300))}.`);
}

function invalid(path: string, why: string, cause?: unknown): AppError {
  return new AppError("INVALID_PARAMETER", `Invalid path: ${JSON.stringify(path.slice(0, 300))} ${why}.`, { cause });
}

/** The file is opened when somebody begins to read, and closed at the end, after a failure, and when nobody reads on. */
export async function* pieces(open: () => Promise<Pick<OpenFile, "read" | "close">>, start: number, end: number): AsyncGenerator<Uint8Array> {
  const file = await open();
  try {
    for (let position = start; position < end; ) {
      const piece = Buffer.allocUnsafeSlow(Math.min(readBytes, end - position));
      const read = await file.read(piece, position);
      if (read === 0) return;
      position += read;
      yield piece.subarray(0, read);
    }
  } finally {
    await file.close();
  }
}
