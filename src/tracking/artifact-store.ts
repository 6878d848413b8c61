import type { Readable } from "node:stream";

export interface ArtifactEntry {
  /** Relative to the place that was listed: one segment. */
  name: string;
  isDirectory: boolean;
  /** Null for folders. */
  bytes: number | null;
}

/**
 * Files by path, as training code leaves them: they may be replaced and removed, unlike the blobs of the registry. A
 * path is some segments with `/` between; the store refuses `..`, absolute paths, backslashes, control characters and names longer than 255 bytes
 * with INVALID_PARAMETER. A file appears whole or not at all, under its name when `write` has answered, and survives power loss then. Memory does not grow with a file's
 * size. Adapters prove themselves with `artifact-store.conformance.ts`.
 */
export interface ArtifactStore {
  /** Replaces what is there. Throws BODY_INCOMPLETE when `content` ends early, INVALID_PARAMETER where a folder has the name or a file is in the way. */
  write(path: string, content: Readable): Promise<{ bytes: number }>;
  /** Throws ARTIFACT_NOT_FOUND. */
  stat(path: string): Promise<{ bytes: number; modifiedAt: number }>;
  /** `range` in bytes, the end exclusive; within the file. Throws ARTIFACT_NOT_FOUND. */
  read(path: string, range?: { start: number; end: number }): Promise<Readable>;
  /** By name; empty where there is nothing. The empty path is the root. */
  list(path: string): Promise<ArtifactEntry[]>;
  /** Every file below, with its path relative to `path`, by path; the file itself as "" when it is one. */
  walk(path: string): Promise<{ path: string; bytes: number }[]>;
  /** A file or a folder with all below; nothing when it is not there. */
  remove(path: string): Promise<void>;
  /** What uploads of a process that died left behind, older than this. Answers how many. */
  collect(olderThanMs: number): Promise<number>;
}
