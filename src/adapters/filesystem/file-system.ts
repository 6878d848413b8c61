import type { EpochMs } from "../../core/clock.ts";

export interface FileFacts {
  bytes: number;
  modifiedAt: EpochMs;
  /** `other` is a link, a socket or a device: never followed, never opened. */
  kind: "file" | "directory" | "other";
}

/** A file that was opened; writes go to its end, in the order of the calls. */
export interface OpenFile {
  /** Writes all of it, or rejects after any part of it. */
  write(data: Uint8Array): Promise<void>;
  /** The same on the calling thread: a few microseconds into the page cache, without the trip through the thread pool. */
  writeNow(data: Uint8Array): void;
  /** Answers how many bytes were read; 0 at the end of the file. */
  read(target: Uint8Array, position: number): Promise<number>;
  truncate(bytes: number): Promise<void>;
  /** Content and length survive power loss when it has answered; the name does only after `syncDirectory`. */
  sync(): Promise<void>;
  facts(): Promise<FileFacts>;
  close(): Promise<void>;
}

/**
 * The few calls that durable storage is made of, so that a test can fail each of them. Failures are the operating
 * system's own errors with their `code`; the last part of a path is never followed when it is a link.
 */
export interface FileSystem {
  /** `create` fails with EEXIST when the name is taken; `change` opens what is there for reading and truncating. */
  open(path: string, mode: "create" | "read" | "change"): Promise<OpenFile>;
  /** Makes one directory; answers false when it is there already. */
  makeDirectory(path: string): Promise<boolean>;
  /** Names in a directory, sorted; none when it does not exist. */
  list(path: string): Promise<string[]>;
  /** Null when there is nothing. */
  facts(path: string): Promise<FileFacts | null>;
  /** Replaces what has the new name, at once for every reader. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file; nothing there is fine. */
  remove(path: string): Promise<void>;
  /** Removes a directory with nothing in it; nothing there is fine. Fails with ENOTEMPTY. */
  removeDirectory(path: string): Promise<void>;
  /** Names made, renamed or removed in the directory survive power loss when it has answered. */
  syncDirectory(path: string): Promise<void>;
}

/** The operating system's name for a failure, such as `ENOENT`. */
export function systemErrorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
