import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readSync, writeFileSync, writeSync } from "node:fs";
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
  /** What the system says, or the death of the process before it has done anything. */
  failure: "EIO" | "ENOSPC" | "EDQUOT" | "SIGKILL";
  /** Every later one fails too, until `heal`. */
  onward?: boolean;
}

/** Why there can be no faulty disk here; false where there can. */
export const faultyDiskMissing: string | false =
  process.platform === "linux" && spawnSync(compiler, ["--version"]).status === 0 ? false : "puts itself between a process and its files, which needs Linux and a C compiler";

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
    const compiled = spawnSync(compiler, ["-O1", "-shared", "-fPIC", "-w", "-o", library, source, "-ldl"], { encoding: "utf8" });
    if (compiled.status !== 0) throw new Error(compiled.stderr);
    writeFileSync(this.#plan, new Uint8Array(new Int32Array(5).buffer));
    this.environment = { LD_PRELOAD: library, FAULTY_DISK_PLAN: this.#plan, FAULTY_DISK_ROOT: root };
  }

  fail({ at, operations = Object.keys(bits) as DiskOperation[], failure, onward = false }: DiskFault): void {
    const code = failure === "SIGKILL" ? 0 : constants.errno[failure];
    // The operations go last: with them it begins.
    this.#write([0, at, code, onward ? 1 : 0, 0]);
    this.#write([operations.reduce((sum, operation) => sum | bits[operation], 0)]);
  }

  heal(): void {
    this.#write([0]);
  }

  /** How many changes failed since `fail`. */
  get fired(): number {
    const words = new Int32Array(5);
    const descriptor = openSync(this.#plan, "r");
    readSync(descriptor, words, 0, words.byteLength, 0);
    closeSync(descriptor);
    return words[4]!;
  }

  #write(words: readonly number[]): void {
    const descriptor = openSync(this.#plan, "r+");
    writeSync(descriptor, Int32Array.from(words), 0, words.length * 4, 0);
    closeSync(descriptor);
  }
}
