import type { Readable } from "node:stream";
import type { SharedPlace } from "./artifact-locations.ts";
import type { ArtifactEntry } from "./artifact-store.ts";

/**
 * Artifacts in folders that several machines share: clients write them, the server reads them, and writes what is uploaded to it. Nothing outside of a place's
 * folder is read: a link on the way from the root to the folder is not followed, one below it only where it stays inside. What leads out is not there.
 * Paths are refused as those of an `ArtifactStore`, with INVALID_PARAMETER. Memory does not grow with a file's size.
 */
export interface SharedArtifacts {
  /**
   * Replaces what is there; the file appears whole or not at all. Links are not followed. Throws BODY_INCOMPLETE when `content` ends early, INVALID_PARAMETER where
   * a folder has the name, or a file or a link is in the way, ARTIFACT_NOT_FOUND when the root is not there.
   */
  write(place: SharedPlace, content: Readable): Promise<{ bytes: number }>;
  /** Throws ARTIFACT_NOT_FOUND. */
  stat(place: SharedPlace): Promise<{ bytes: number; modifiedAt: number }>;
  /** `range` in bytes, the end exclusive. Throws ARTIFACT_NOT_FOUND. */
  read(place: SharedPlace, range?: { start: number; end: number }): Promise<Readable>;
  /** By name; empty where there is no folder. */
  list(place: SharedPlace): Promise<ArtifactEntry[]>;
  /** Every file below, with its path relative to the place, by path; the file itself as "" when it is one. Throws INVALID_PARAMETER for more than 100,000. */
  walk(place: SharedPlace): Promise<{ path: string; bytes: number }[]>;
}
