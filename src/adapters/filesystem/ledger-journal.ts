import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Clock } from "../../core/clock.ts";
import { AppError, toAppError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { JournalPart, LedgerEntry, LedgerJournal } from "../../ledger/index.ts";
import { checkedLine, readCheckedLine } from "./checked-line.ts";
import { DurableDirectories } from "./durable-file.ts";
import type { FileSystem, OpenFile } from "./file-system.ts";
import { nodeFileSystem } from "./node-file-system.ts";
import { WriteThread } from "./write-thread.ts";

const ending = ".journal";

interface Options {
  /** Made where it is missing. */
  directory: string;
  clock: Clock;
  logger: Logger;
  fileSystem?: FileSystem;
  /** All parts together hold no more; some two million entries by default. */
  maxBytes?: number;
  /** A part that has as much is sealed. */
  partBytes?: number;
  syncEveryMs?: number;
}

/** Entries that stay in memory as their texts, so that they need not be read again; a part that would be too much is read from its file. */
const mostKept = 20_000;

/** What is written together. */
interface Group {
  entries: string[];
  lines: string[];
  bytes: number;
  written: Promise<void>;
  settle(error?: AppError): void;
}

interface ActivePart {
  path: string;
  file: OpenFile;
  bytes: number;
  dirty: boolean;
  entries: string[];
}

/**
 * Files of lines, each a checksum and an entry as JSON. What arrives in one turn of the event loop shares one write on the calling thread (some microseconds into the page cache), and what was
 * written is synced several times a second: the death of the process loses nothing that was answered, the loss of power at most the last fraction of a second.
 */
export class FileLedgerJournal implements LedgerJournal {
  readonly #options: Required<Options>;
  readonly #directories: DurableDirectories;
  readonly #thread: WriteThread;
  /** Path and bytes of sealed parts, oldest first. */
  readonly #sealed = new Map<string, number>();
  /** By path, what is written to parts of this process; lacks those that are too many. */
  readonly #kept = new Map<string, readonly string[]>();
  #active: ActivePart | null = null;
  #collecting: Group | null = null;
  #writing: Promise<void> | null = null;
  #closing: Promise<void> = Promise.resolve();
  #bytes = 0;
  /** Milliseconds, by which the newest part is named: two of one moment keep their order. */
  #newest = 0;
  #syncTimer: NodeJS.Timeout | null = null;

  private constructor(options: Required<Options>) {
    this.#options = options;
    this.#directories = new DurableDirectories(options.fileSystem, options.directory);
    this.#thread = new WriteThread(options.clock);
  }

  /** Finds what former processes left. */
  static async open(options: Options): Promise<FileLedgerJournal> {
    const journal = new FileLedgerJournal({ fileSystem: nodeFileSystem, maxBytes: 2 ** 30, partBytes: 2 ** 23, syncEveryMs: 200, ...options });
    const { fileSystem, directory } = journal.#options;
    for (const name of await fileSystem.list(directory)) {
      if (!name.endsWith(ending)) continue;
      const path = join(directory, name);
      const bytes = (await fileSystem.facts(path))?.bytes ?? 0;
      journal.#sealed.set(path, bytes);
      journal.#bytes += bytes;
    }
    return journal;
  }

  append(entry: LedgerEntry): Promise<void> {
    const text = JSON.stringify(entry);
    const line = checkedLine(text);
    const bytes = Buffer.byteLength(line);
    const collecting = this.#collecting;
    if (this.#bytes + (collecting?.bytes ?? 0) + bytes > this.#options.maxBytes) {
      return Promise.reject(new AppError("QUEUE_FULL", "The journal of the ledger is full: its entries wait for the database.", { retryAfterSeconds: 5 }));
    }
    const group = collecting ?? (this.#collecting = newGroup());
    group.entries.push(text);
    group.lines.push(line);
    group.bytes += bytes;
    if (collecting === null && this.#writing === null) this.#schedule();
    return group.written;
  }

  async seal(): Promise<JournalPart[]> {
    await Promise.allSettled([this.#writing, this.#collecting?.written]);
    // The write may have been of the group before.
    await this.#writing;
    this.#letGo("whole");
    await this.#closing;
    return [...this.#sealed.keys()].map((path) => ({ entries: () => this.#read(path), remove: () => this.#remove(path) }));
  }

  async close(): Promise<void> {
    await this.seal();
  }

  #schedule(): void {
    setImmediate(() => this.#writeGroup());
  }

  #writeGroup(): void {
    const group = this.#collecting;
    if (group === null || this.#writing !== null) return;
    this.#collecting = null;
    const active = this.#active;
    if (active === null || this.#thread.isPool) {
      this.#writing = this.#writeInBackground(group).finally(() => {
        this.#writing = null;
        if (this.#collecting !== null) this.#schedule();
      });
      return;
    }
    try {
      this.#thread.here(() => active.file.writeNow(Buffer.from(group.lines.join(""))));
    } catch (error) {
      this.#fail(group, error);
      return;
    }
    this.#commit(group, active);
  }

  async #writeInBackground(group: Group): Promise<void> {
    try {
      const active = (this.#active ??= await this.#openPart());
      await active.file.write(Buffer.from(group.lines.join("")));
      this.#commit(group, active);
    } catch (error) {
      this.#fail(group, error);
    }
  }

  #commit(group: Group, active: ActivePart): void {
    active.bytes += group.bytes;
    if (active.entries.length <= mostKept) active.entries.push(...group.entries);
    this.#bytes += group.bytes;
    active.dirty = true;
    group.settle();
    if (active.bytes >= this.#options.partBytes) this.#letGo("whole");
    else this.#syncSoon();
  }

  /** The part may end in half a line now: nothing is written behind it. */
  #fail(group: Group, error: unknown): void {
    this.#letGo("cut");
    group.settle(toAppError(error));
  }

  async #openPart(): Promise<ActivePart> {
    const { fileSystem, directory, clock } = this.#options;
    await this.#directories.ensure(directory);
    this.#newest = Math.max(clock.now(), this.#newest + 1);
    const path = join(directory, `${String(this.#newest).padStart(13, "0")}-${randomBytes(4).toString("hex")}${ending}`);
    const file = await fileSystem.open(path, "create");
    try {
      await fileSystem.syncDirectory(directory);
    } catch (error) {
      await file.close().catch(() => undefined);
      await fileSystem.remove(path).catch(() => undefined);
      throw error;
    }
    return { path, file, bytes: 0, dirty: false, entries: [] };
  }

  /** From now on it is a sealed part; it is synced and closed behind the scenes. */
  #letGo(end: "whole" | "cut"): void {
    const active = this.#active;
    if (active === null) return;
    this.#active = null;
    this.#sealed.set(active.path, active.bytes);
    let kept = active.entries.length;
    for (const entries of this.#kept.values()) kept += entries.length;
    if (kept <= mostKept) this.#kept.set(active.path, active.entries);
    this.#closing = this.#closing.then(async () => {
      try {
        if (end === "cut") await active.file.truncate(active.bytes);
        await active.file.sync();
      } catch (cause) {
        this.#options.logger.error("ledger.journal-not-synced", { cause });
      }
      await active.file.close().catch(() => undefined);
    });
  }

  #syncSoon(): void {
    if (this.#syncTimer !== null) return;
    this.#syncTimer = setTimeout(() => {
      this.#syncTimer = null;
      const active = this.#active;
      if (active === null || !active.dirty) return;
      active.dirty = false;
      this.#closing = this.#closing.then(async () => {
        try {
          if (active === this.#active) await active.file.sync();
        } catch (cause) {
          // What the operating system kept of it is unknown: the next group begins another part.
          this.#options.logger.error("ledger.journal-not-synced", { cause });
          if (active === this.#active && this.#writing === null) this.#letGo("whole");
        }
      });
    }, this.#options.syncEveryMs);
    this.#syncTimer.unref();
  }

  async #read(path: string): Promise<readonly string[]> {
    const kept = this.#kept.get(path);
    if (kept !== undefined) return kept;
    const { fileSystem, logger } = this.#options;
    const file = await fileSystem.open(path, "read");
    try {
      const content = Buffer.alloc((await file.facts()).bytes);
      let length = 0;
      for (let read = -1; read !== 0 && length < content.length; length += read) read = await file.read(content.subarray(length), length);
      const lines = content.toString("utf8", 0, length).split("\n");
      const entries = lines.flatMap((line) => readCheckedLine(line) ?? []);
      const damaged = lines.filter((line) => line !== "").length - entries.length;
      if (damaged > 0) logger.warn("ledger.journal-cut", { lines: damaged, entries: entries.length });
      return entries;
    } finally {
      await file.close();
    }
  }

  async #remove(path: string): Promise<void> {
    await this.#options.fileSystem.remove(path);
    this.#bytes -= this.#sealed.get(path) ?? 0;
    this.#sealed.delete(path);
    this.#kept.delete(path);
  }
}

function newGroup(): Group {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  return { entries: [], lines: [], bytes: 0, written: promise, settle: (error) => (error === undefined ? resolve() : reject(error)) };
}
