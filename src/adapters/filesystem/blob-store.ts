import { createHash, randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { Clock } from "../../core/clock.ts";
import { AppError, toAppError } from "../../core/errors.ts";
import { Digest } from "../../core/names.ts";
import { missingBlob, type BlobStore } from "../../registry/index.ts";
import { DurableDirectories, publishDurably } from "./durable-file.ts";
import { type FileSystem, type OpenFile, systemErrorCode } from "./file-system.ts";
import { nodeFileSystem } from "./node-file-system.ts";
import { uploadedChunks } from "./uploaded-chunks.ts";

const readBytes = 256 * 1024;
const shardPattern = /^[0-9a-f]{2}$/;
const hexPattern = /^[0-9a-f]{64}$/;

/**
 * Blobs as files: `DIR/blobs/sha256/ab/<64 hex digits>`, staged in `DIR/staging` on the same disk. No text of a client
 * becomes a part of a path: a digest does, after it was checked to be one, and links are never opened.
 */
export class FilesystemBlobStore implements BlobStore {
  readonly #fileSystem: FileSystem;
  readonly #clock: Clock;
  readonly #directories: DurableDirectories;
  readonly #blobs: string;
  readonly #staging: string;
  readonly #uploads = new Set<string>();
  #publication: Promise<unknown> = Promise.resolve();

  constructor(options: { directory: string; clock: Clock; fileSystem?: FileSystem }) {
    this.#fileSystem = options.fileSystem ?? nodeFileSystem;
    this.#clock = options.clock;
    this.#directories = new DurableDirectories(this.#fileSystem, options.directory);
    this.#blobs = join(options.directory, "blobs", "sha256");
    this.#staging = join(options.directory, "staging");
  }

  async put(content: Readable, options: { expectedDigest?: string; maxBytes?: number } = {}): Promise<{ digest: string; bytes: number }> {
    const name = `${randomUUID()}.upload`;
    const staged = join(this.#staging, name);
    this.#uploads.add(name);
    try {
      await this.#directories.ensure(this.#staging);
      const stored = await this.#stage(staged, content, options.maxBytes ?? Number.POSITIVE_INFINITY);
      if (options.expectedDigest !== undefined && options.expectedDigest !== stored.digest) {
        throw new AppError("DIGEST_MISMATCH", `The content has the digest ${stored.digest}, another one than announced.`);
      }
      const path = this.#pathOf(stored.digest)!;
      // A blob that is there already is replaced by the same content: that renews its age and heals a damaged file.
      await this.#exclusively(async () => {
        await this.#directories.ensure(join(path, ".."));
        await publishDurably(this.#fileSystem, staged, path);
      });
      return stored;
    } catch (error) {
      await this.#fileSystem.remove(staged).catch(() => undefined);
      throw toAppError(error);
    } finally {
      this.#uploads.delete(name);
    }
  }

  async has(digest: string): Promise<boolean> {
    const path = this.#pathOf(digest);
    return path !== null && (await this.#fileSystem.facts(path))?.kind === "file";
  }

  async verifiedPath(digest: string): Promise<string> {
    const path = this.#pathOf(digest);
    const file = path === null ? null : await this.#openBlob(path, digest);
    if (path === null || file === null) throw missingBlob(digest);
    try {
      if ((await digestOfFile(file)) === digest) return path;
    } catch (cause) {
      throw new AppError("BLOB_CORRUPT", `The stored file ${digest} cannot be read.`, { cause });
    } finally {
      await file.close();
    }
    throw new AppError("BLOB_CORRUPT", `The stored file ${digest} has other content than its digest says.`);
  }

  async collect(keep: ReadonlySet<string>, olderThanMs: number): Promise<number> {
    const newest = this.#clock.now() - olderThanMs;
    let removed = 0;
    for (const name of await this.#fileSystem.list(this.#staging)) {
      // An upload under way may be slower than `olderThanMs`; what no upload of this process owns was left by a dead one.
      if (name.endsWith(".upload") && !this.#uploads.has(name) && (await this.#removeOlder(join(this.#staging, name), newest))) removed++;
    }
    for (const shard of await this.#fileSystem.list(this.#blobs)) {
      if (!shardPattern.test(shard)) continue;
      const directory = join(this.#blobs, shard);
      let removedHere = 0;
      for (const name of await this.#fileSystem.list(directory)) {
        if (!hexPattern.test(name) || keep.has(`sha256:${name}`)) continue;
        // Exclusive, so that a blob which is put again at this moment is either seen young or published after.
        if (await this.#exclusively(() => this.#removeOlder(join(directory, name), newest))) removedHere++;
      }
      if (removedHere > 0) await this.#fileSystem.syncDirectory(directory);
      removed += removedHere;
    }
    return removed;
  }

  /** Null for what is not a digest, so that nothing else reaches a path. */
  #pathOf(digest: string): string | null {
    if (!Digest.safeParse(digest).success) return null;
    const hex = digest.slice("sha256:".length);
    return join(this.#blobs, hex.slice(0, 2), hex);
  }

  async #stage(path: string, content: Readable, maxBytes: number): Promise<{ digest: string; bytes: number }> {
    const file = await this.#fileSystem.open(path, "create");
    try {
      const hash = createHash("sha256");
      let bytes = 0;
      for await (const chunk of uploadedChunks(content)) {
        bytes += chunk.length;
        if (bytes > maxBytes) throw new AppError("BODY_TOO_LARGE", `The file is larger than ${maxBytes} bytes.`);
        hash.update(chunk);
        await file.write(chunk);
      }
      await file.sync();
      return { digest: `sha256:${hash.digest("hex")}`, bytes };
    } finally {
      await file.close();
    }
  }

  async #openBlob(path: string, digest: string): Promise<OpenFile | null> {
    let file: OpenFile;
    try {
      file = await this.#fileSystem.open(path, "read");
    } catch (cause) {
      if (systemErrorCode(cause) === "ENOENT" || systemErrorCode(cause) === "ENOTDIR") return null;
      throw new AppError("BLOB_CORRUPT", `The stored file ${digest} cannot be opened.`, { cause });
    }
    if ((await file.facts()).kind === "file") return file;
    await file.close();
    throw new AppError("BLOB_CORRUPT", `What is stored as ${digest} is not a file.`);
  }

  async #removeOlder(path: string, newest: number): Promise<boolean> {
    const facts = await this.#fileSystem.facts(path);
    if (facts === null || facts.kind !== "file" || facts.modifiedAt > newest) return false;
    await this.#fileSystem.remove(path);
    return true;
  }

  /** One publication or removal at a time; uploads themselves run side by side. */
  #exclusively<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#publication.then(work);
    this.#publication = result.catch(() => undefined);
    return result;
  }
}

async function digestOfFile(file: OpenFile): Promise<string> {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(readBytes);
  for (let position = 0; ; ) {
    const read = await file.read(buffer, position);
    if (read === 0) return `sha256:${hash.digest("hex")}`;
    hash.update(buffer.subarray(0, read));
    position += read;
  }
}
