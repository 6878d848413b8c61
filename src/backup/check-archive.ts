import { createHash } from "node:crypto";
import { AppError } from "../core/errors.ts";
import { belowAFile, isArchivePath } from "./archive-path.ts";
import { BackupManifest, manifestPath, maxManifestBytes, type BackupEntry } from "./schemas.ts";

/** What a reader of archives finds, in order. `content` must be read, or left, before the next. */
export interface FoundEntry {
  path: string;
  /** `file` for a plain file. */
  type: string;
  bytes: number;
  content: AsyncIterable<Uint8Array>;
}

function invalid(message: string, cause?: unknown): AppError {
  return new AppError("BACKUP_INVALID", message, { cause });
}

/** Throws BACKUP_INVALID for a path that no backup has. */
function assertBackupPath(path: string): void {
  if (!isArchivePath(path)) throw invalid(`The archive holds ${shown(path)}, which no backup does.`);
}

function shown(path: string): string {
  return JSON.stringify(path.slice(0, 200));
}

/**
 * Reads a whole archive and compares every byte with the manifest. Throws BACKUP_INVALID with the first thing that is
 * wrong: a missing, doubled, foreign, shortened or changed file, a link, no manifest, one of a newer format.
 */
export async function checkArchive(entries: AsyncIterable<FoundEntry>): Promise<BackupManifest> {
  const found = new Map<string, { bytes: number; sha256: string }>();
  let manifest: BackupManifest | undefined;
  for await (const { path, type, bytes, content } of entries) {
    assertBackupPath(path);
    if (type !== "file") throw invalid(`${shown(path)} is a ${type}; backups hold plain files alone.`);
    if (manifest !== undefined) throw invalid(`${shown(path)} comes after the manifest.`);
    if (found.has(path)) throw invalid(`${shown(path)} is there twice.`);
    if (path === manifestPath) {
      manifest = await readManifest(bytes, content);
      continue;
    }
    const hash = createHash("sha256");
    let read = 0;
    for await (const chunk of content) {
      hash.update(chunk);
      read += chunk.length;
    }
    found.set(path, { bytes: read, sha256: hash.digest("hex") });
  }
  if (manifest === undefined) throw invalid("The archive ends before its manifest: it is not whole.");
  compare(manifest.entries, found);
  return manifest;
}

async function readManifest(bytes: number, content: AsyncIterable<Uint8Array>): Promise<BackupManifest> {
  if (bytes > maxManifestBytes) throw invalid("The manifest is too large.");
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch (cause) {
    throw invalid("The manifest is not JSON.", cause);
  }
  const parsed = BackupManifest.safeParse(value);
  if (!parsed.success) throw invalid("The manifest is not one that this release knows; a newer Slipway may have written it.", parsed.error);
  return parsed.data;
}

function compare(expected: readonly BackupEntry[], found: ReadonlyMap<string, { bytes: number; sha256: string }>): void {
  const names = new Set<string>();
  for (const { path, bytes, sha256 } of expected) {
    const file = found.get(path);
    if (file === undefined) throw invalid(`${shown(path)} is missing.`);
    if (file.bytes !== bytes || file.sha256 !== sha256) throw invalid(`${shown(path)} is not what the manifest says: it was changed or damaged.`);
    names.add(path);
  }
  const misplaced = belowAFile(names);
  if (misplaced !== null) throw invalid(`${shown(misplaced)} lies below a file.`);
  for (const path of found.keys()) if (!names.has(path)) throw invalid(`The manifest does not name ${shown(path)}.`);
}
