import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The conventional name of the C compiler. */
const compiler = "cc";
const source = fileURLToPath(new URL("./faulty-disk.c", import.meta.url));
const bits = { write: 1, sync: 2, rename: 4, remove: 8, create: 16, truncate: 32, link: 64 } as const;
export type DiskOperation = keyof typeof bits;

export interface DiskFault {
  /** The change that fails, counted from now and from 1. */
  at: number;
  /** Those that count; all by default. */
  operations?: readonly DiskOperation[];
  /**
   * What the system says before it has done anything, or the death of the process there. `short` fails nothing: a write
   * takes half of what it is given and says so, as it may at any time; only writes count.
   */
  failure: "EIO" | "ENOSPC" | "EDQUOT" | "EROFS" | "SIGKILL" | "short";
  /** Half of a write's bytes arrive before it fails. */
  half?: boolean;
  /** Every later one fails too, until `heal`: a disk that is full, or that the system takes no more changes for. */
  onward?: boolean;
}

/** int32: operations, left, code, onward, half, fired; then the text of the first that failed. */
const planWords = 6;
const planBytes = planWords * 4 + 256;

/** More changes than any test makes. */
const uncounted = 1_000_000_000;

/** Why there can be no faulty disk here; false where there can. */
export const faultyDiskMissing: string | false =
  process.platform === "linux" && spawnSync(compiler, ["--version"]).status === 0 ? false : "puts itself between a process and its files, which needs Linux and a C compiler";

let compiledLibrary: Buffer | undefined;

function compile(library: string): Buffer {
  const compiled = spawnSync(compiler, ["-O1", "-shared", "-fPIC", "-w", "-o", library, source, "-ldl"], { encoding: "utf8" });
  if (compiled.status !== 0) throw new Error(compiled.stderr);
  return readFileSync(library);
}

/**
 * Makes changes of files below a folder fail in another process, from the outside and at any depth: SQLite and Node see
 * what the operating system would say. Start the process with `environment`.
 */
export class FaultyDisk {
  readonly environment: Readonly<Record<string, string>>;
  readonly #plan: string;

  /** `folder` is for the library and its plan; `root`, which must be there, is where files are faulty. */
  constructor(folder: string, root: string) {
    mkdirSync(folder, { recursive: true });
    const library = join(folder, "faulty-disk.so");
    this.#plan = join(folder, "faulty-disk.plan");
    writeFileSync(library, (compiledLibrary ??= compile(library)));
    writeFileSync(this.#plan, new Uint8Array(planBytes));
    this.environment = { LD_PRELOAD: library, FAULTY_DISK_PLAN: this.#plan, FAULTY_DISK_ROOT: root };
  }

  fail({ at, operations, failure, half = false, onward = false }: DiskFault): void {
    const code = failure === "SIGKILL" ? 0 : failure === "short" ? -1 : constants.errno[failure];
    const counted = failure === "short" ? (["write"] as const) : (operations ?? (Object.keys(bits) as DiskOperation[]));
    // The operations go last: with them it begins.
    this.#write([0, at, code, onward ? 1 : 0, half ? 1 : 0, 0]);
    this.#write([counted.reduce((sum, operation) => sum | bits[operation], 0)]);
  }

  /** Fails nothing, and counts: `counted` tells how many changes there were since. */
  count(operations?: readonly DiskOperation[]): void {
    this.fail({ at: uncounted, failure: "EIO", ...(operations === undefined ? {} : { operations }) });
  }

  get counted(): number {
    return uncounted - this.#read().readInt32LE(4);
  }

  heal(): void {
    this.#write([0]);
  }

  /** How many changes failed since `fail`. */
  get fired(): number {
    return this.#read().readInt32LE(5 * 4);
  }

  /** The first change that failed since it was last healed, such as "fsync /slipway.db-wal": for messages. */
  get failed(): string {
    const text = this.#read().subarray(planWords * 4);
    return text.toString("utf8", 0, text.indexOf(0));
  }

  #read(): Buffer {
    return readFileSync(this.#plan);
  }

  #write(words: readonly number[]): void {
    const descriptor = openSync(this.#plan, "r+");
    writeSync(descriptor, Int32Array.from(words), 0, words.length * 4, 0);
    closeSync(descriptor);
  }
}
