import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { finished, type Readable } from "node:stream";
import type { EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { ArchiveEntry, ArchiveWriter, BackupSource, FrozenFile } from "./backup-source.ts";
import { manifestPath, maxManifestBytes, type BackupEntry, type BackupManifest } from "./schemas.ts";

export interface BackupParts {
  /** In the order of reading: what names others before what is named, so that nothing named is missing. */
  sources: readonly BackupSource[];
  writeArchive: ArchiveWriter;
  /** A folder on the disk of the data, for what has to be copied or linked. */
  staging: string;
  version: string;
  schema: number;
  /** What the server uses and no backup carries, in sentences for people. */
  notes?: readonly string[];
  logger: Logger;
}

/** Takes backups of a server that goes on working. */
export class BackupService {
  readonly #parts: BackupParts;

  constructor(parts: BackupParts) {
    this.#parts = parts;
  }

  /** Removes what a backup that was killed left behind. */
  async recover(): Promise<void> {
    await rm(this.#parts.staging, { recursive: true, force: true });
  }

  /**
   * One archive of everything, as a stream: each source as of one moment, in the order of the sources, then the manifest
   * with the digest of every file. A stream that fails has no manifest, so nothing takes it for a backup.
   */
  async create(now: EpochMs): Promise<Readable> {
    const { sources, writeArchive, logger } = this.#parts;
    const folder = join(this.#parts.staging, randomUUID());
    const files: FrozenFile[] = [];
    try {
      for (const [index, source] of sources.entries()) {
        const own = join(folder, String(index));
        await mkdir(own, { recursive: true });
        // One by one: as the parameters of a call, a hundred thousand files are too many for the stack.
        for (const file of await source.freeze(own)) files.push(file);
      }
      assertManifestFits(files);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
    const archive = writeArchive(this.#entries(files, now));
    finished(archive, (cause) => {
      // What stays is removed at the next start.
      rm(folder, { recursive: true, force: true }).catch((trouble: unknown) => logger.warn("backup.left_behind", { cause: trouble }));
      if (cause) logger.warn("backup.failed", { cause });
      else logger.info("backup.taken", { files: files.length });
    });
    return archive;
  }

  async *#entries(files: readonly FrozenFile[], now: EpochMs): AsyncGenerator<ArchiveEntry> {
    const entries: BackupEntry[] = [];
    for (const { path, file, bytes, rows } of files) {
      const hash = createHash("sha256");
      yield { path, bytes, content: hashed(file, bytes, hash) };
      entries.push({ path, bytes, sha256: hash.digest("hex"), ...(rows !== undefined && { rows }) });
    }
    const { version, schema, notes = [] } = this.#parts;
    const manifest: BackupManifest = { format: 1, version, createdAt: now, schema, entries, ...(notes.length > 0 && { notes: [...notes] }) };
    const text = Buffer.from(`${JSON.stringify(manifest)}\n`);
    yield { path: manifestPath, bytes: text.length, content: onlyChunk(text) };
  }
}

/** Beside its path, an entry has a digest of 64 digits, two numbers and the names of its fields. */
const entryBytes = 160;

/** Says so before anything is written, not after it, when the manifest would be larger than a restore reads. */
function assertManifestFits(files: readonly FrozenFile[]): void {
  const bytes = files.reduce((sum, { path }) => sum + Buffer.byteLength(JSON.stringify(path)) + entryBytes, 1 << 20);
  if (bytes > maxManifestBytes) throw new AppError("NOT_SUPPORTED", `The server keeps ${files.length} files, more than one archive can name.`);
}

async function* onlyChunk(chunk: Uint8Array): AsyncGenerator<Uint8Array> {
  yield chunk;
}

/** The first `bytes` of the file. */
async function* hashed(file: string, bytes: number, hash: ReturnType<typeof createHash>): AsyncGenerator<Uint8Array> {
  let read = 0;
  if (bytes > 0) {
    for await (const chunk of createReadStream(file, { end: bytes - 1, highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
      read += chunk.length;
      hash.update(chunk);
      yield chunk;
    }
  }
  if (read !== bytes) throw new AppError("INTERNAL", "A file became shorter while it was backed up.", { cause: new Error(file) });
}
