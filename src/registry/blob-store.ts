import type { Readable } from "node:stream";
import { AppError } from "../core/errors.ts";

/**
 * Files by the SHA-256 of their bytes. A blob appears whole or not at all and survives power loss once `put` has
 * answered. Adapters prove themselves with `blob-store.conformance.ts`.
 */
export interface BlobStore {
  /** Streams to a staging place, syncs, renames. With `expectedDigest`, throws DIGEST_MISMATCH and keeps nothing when it differs; throws BODY_TOO_LARGE past `maxBytes`. */
  put(content: Readable, options?: { expectedDigest?: string; maxBytes?: number }): Promise<{ digest: string; bytes: number }>;
  has(digest: string): Promise<boolean>;
  /**
   * A local path whose content was hashed again by this call and matches; throws BLOB_NOT_FOUND or BLOB_CORRUPT. The
   * path never leaves the server.
   */
  verifiedPath(digest: string): Promise<string>;
  /** Removes blobs that are neither in `keep` nor younger than `olderThanMs`, and what broken uploads left. Answers how many. */
  collect(keep: ReadonlySet<string>, olderThanMs: number): Promise<number>;
}

/** The one way to say that a file is not there, for files that are not and for those that the caller may not use. */
export function missingBlob(digest: string): AppError {
  return new AppError("BLOB_NOT_FOUND", `There is no file ${JSON.stringify(digest.slice(0, 80))}.`);
}
