import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { epochMs, type Clock, type EpochMs } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import type { CallBegun, CallInterrupted, CallJournal } from "../../ledger/index.ts";
import { checkedLine, readCheckedLine } from "./checked-line.ts";
import { DurableDirectories } from "./durable-file.ts";
import type { FileSystem, OpenFile } from "./file-system.ts";
import { nodeFileSystem } from "./node-file-system.ts";

const ending = ".calls";
const syncEveryMs = 1000;
const retryMs = 5000;

interface Options {
  /** Made where it is missing. */
  directory: string;
  clock: Clock;
  logger: Logger;
  fileSystem?: FileSystem;
  /** A file that has as much, and twice as much as its calls need, is written anew. */
  fileBytes?: number;
}

/** One note. */
interface Line {
  at: number;
  begun: readonly CallBegun[];
  ended: readonly string[];
}

/** Files of lines, one for each note; what begins and does not end in all of them was under way when the process died. Only the newest file of a process counts: it has all that older ones had of calls that are not over. */
export class FileCallJournal implements CallJournal {
  readonly #options: Required<Options>;
  readonly #directories: DurableDirectories;
  readonly #former: readonly string[];
  readonly #open = new Map<string, CallBegun>();
  #path = "";
  #file: OpenFile | null = null;
  /** Of the file, and of what it began with. */
  #bytes = 0;
  #firstBytes = 0;
  #lines: string[] = [];
  #latest: EpochMs;
  #working: Promise<void> | null = null;
  /** Whose content is in the file by now, to be removed. */
  #old: string[] = [];
  #syncAt = Number.NEGATIVE_INFINITY;
  #failing = false;
  #retryAt = Number.NEGATIVE_INFINITY;

  private constructor(options: Required<Options>, former: readonly string[]) {
    this.#options = options;
    this.#former = former;
    this.#latest = options.clock.now();
    this.#directories = new DurableDirectories(options.fileSystem, options.directory);
  }

  /** Finds what former processes left. */
  static async open(given: Options): Promise<FileCallJournal> {
    const options = { fileSystem: nodeFileSystem, fileBytes: 2 ** 20, ...given };
    const names = await options.fileSystem.list(options.directory);
    return new FileCallJournal(options, names.filter((name) => name.endsWith(ending)).map((name) => join(options.directory, name)));
  }

  async interrupted(): Promise<CallInterrupted[]> {
    const found = new Map<string, CallInterrupted>();
    const ended = new Set<string>();
    for (const path of this.#former) {
      const calls = new Map<string, CallBegun>();
      let last = 0;
      for (const line of await this.#read(path)) {
        last = Math.max(last, line.at);
        for (const call of line.begun) calls.set(call.id, call);
        for (const id of line.ended) ended.add(id);
      }
      for (const [id, call] of calls) found.set(id, { ...call, lastSeenAt: epochMs(last) });
    }
    for (const id of ended) found.delete(id);
    return [...found.values()];
  }

  async forget(): Promise<void> {
    for (const path of this.#former) await this.#options.fileSystem.remove(path);
  }

  note(begun: readonly CallBegun[], ended: readonly string[], now: EpochMs): void {
    for (const call of begun) this.#open.set(call.id, call);
    for (const id of ended) this.#open.delete(id);
    this.#latest = now;
    // A file that is yet to be made begins with all that is under way.
    if (this.#file !== null) this.#lines.push(lineOf({ at: now, begun, ended }));
    this.#work();
  }

  async close(): Promise<void> {
    await this.#idle();
    if (this.#file === null && this.#open.size > 0) {
      this.#retryAt = Number.NEGATIVE_INFINITY;
      this.#work();
      await this.#idle();
    }
    const file = this.#file;
    this.#file = null;
    await file?.close().catch(() => undefined);
    if (file !== null && this.#open.size === 0) await this.#options.fileSystem.remove(this.#path).catch(() => undefined);
  }

  async #idle(): Promise<void> {
    while (this.#working !== null) await this.#working;
  }

  #work(): void {
    if (this.#working !== null || this.#options.clock.monotonic() < this.#retryAt) return;
    this.#working = this.#writeAll().then(() => this.#recovered(), (cause: unknown) => this.#failed(cause)).finally(() => {
      this.#working = null;
      if (this.#lines.length > 0 || (this.#file === null && this.#open.size > 0)) this.#work();
    });
  }

  async #writeAll(): Promise<void> {
    if (this.#file === null || (this.#bytes > this.#options.fileBytes && this.#bytes > 2 * this.#firstBytes)) await this.#renew();
    while (this.#lines.length > 0 && this.#file !== null) {
      const bytes = Buffer.from(this.#lines.join(""));
      this.#lines = [];
      await this.#file.write(bytes);
      this.#bytes += bytes.length;
    }
    const now = this.#options.clock.monotonic();
    if (this.#file === null || now < this.#syncAt) return;
    this.#syncAt = now + syncEveryMs;
    await this.#file.sync();
  }

  /** Another file, that begins with the calls under way; none where there are none. */
  async #renew(): Promise<void> {
    const { fileSystem, directory } = this.#options;
    const file = this.#file;
    if (file !== null) {
      this.#old.push(this.#path);
      this.#file = null;
      await file.close().catch(() => undefined);
    }
    this.#lines = [];
    if (this.#open.size > 0) {
      await this.#directories.ensure(directory);
      const path = join(directory, `${String(this.#latest).padStart(13, "0")}-${randomBytes(4).toString("hex")}${ending}`);
      const next = await fileSystem.open(path, "create");
      // What is noted from here on is a line behind the first one.
      [this.#path, this.#file] = [path, next];
      const bytes = Buffer.from(lineOf({ at: this.#latest, begun: [...this.#open.values()], ended: [] }));
      await next.write(bytes);
      this.#bytes = this.#firstBytes = bytes.length;
      await fileSystem.syncDirectory(directory);
    }
    while (this.#old.length > 0) {
      await fileSystem.remove(this.#old[0]!);
      this.#old.shift();
    }
  }

  #recovered(): void {
    if (this.#failing) this.#options.logger.info("ledger.calls-noted-again");
    this.#failing = false;
  }

  /** The file may end in half a line now: another takes its place, later. Calls go on; until then the death of the process loses what those under way cost. */
  #failed(cause: unknown): void {
    if (!this.#failing) this.#options.logger.error("ledger.calls-not-noted", { cause });
    this.#failing = true;
    this.#retryAt = this.#options.clock.monotonic() + retryMs;
    this.#lines = [];
    const file = this.#file;
    if (file === null) return;
    this.#file = null;
    this.#old.push(this.#path);
    file.close().catch(() => undefined);
  }

  async #read(path: string): Promise<Line[]> {
    const file = await this.#options.fileSystem.open(path, "read");
    try {
      const content = Buffer.alloc((await file.facts()).bytes);
      let length = 0;
      for (let read = -1; read !== 0 && length < content.length; length += read) read = await file.read(content.subarray(length), length);
      return content.toString("utf8", 0, length).split("\n").flatMap((line) => readCheckedLine(line) ?? []).map((text) => JSON.parse(text) as Line);
    } finally {
      await file.close();
    }
  }
}

function lineOf(line: Line): string {
  return checkedLine(JSON.stringify(line));
}
