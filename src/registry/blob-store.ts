import type { Readable } from "node:stream";

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
