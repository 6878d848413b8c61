import type { Readable } from "node:stream";

/** A file of a backup, which stays as it is until the source is released. */
export interface FrozenFile {
  /** In the archive: relative, with slashes, such as `tables/models.jsonl`. */
  path: string;
  /** On disk. */
  file: string;
  /** The file may be longer by now: what follows is not of this moment. */
  bytes: number;
  rows?: number;
}

/** Something that belongs into a backup and can stand still for it while it goes on being written. */
export interface BackupSource {
  /** The state of one moment. `folder` is empty, on the same disk, for copies and links; who made it removes it. */
  freeze(folder: string): Promise<readonly FrozenFile[]>;
}

/** Writes entries as one archive. The stream fails when an entry gives another number of bytes than announced. */
export type ArchiveWriter = (entries: AsyncIterable<ArchiveEntry>) => Readable;

export interface ArchiveEntry {
  path: string;
  bytes: number;
  content: AsyncIterable<Uint8Array>;
}
