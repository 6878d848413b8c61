import { rmSync, truncateSync, renameSync, existsSync } from "node:fs";
import { dirname } from "node:path";
import type { FileSystem, OpenFile } from "../../src/adapters/filesystem/file-system.ts";
import { nodeFileSystem } from "../../src/adapters/filesystem/node-file-system.ts";

export type FileOperation = "open" | "write" | "sync" | "truncate" | "rename" | "remove" | "makeDirectory" | "syncDirectory";

export interface FaultPlan {
  /** Operations that count; all of them when absent. */
  operations?: readonly FileOperation[];
  /** The first that fails, counted from 1. */
  at: number;
  /** `once`: only that one. `onward`: every later one too, until `heal`: a full disk, or a process that died there. */
  lasts: "once" | "onward";
  /** What the operating system would say; EIO when absent. */
  code?: string;
}

/**
 * A file system over the real one that fails where it is told to, half-way through in the case of writes, and that can
 * lose its power: what was not synced is then gone. A test runs a scenario for N = 1, 2, ... until `fired` stays false.
 */
export class FaultyFileSystem implements FileSystem {
  readonly #inner: FileSystem;
  #plan: FaultPlan | null = null;
  #counted = 0;
  /** Whether the plan has failed anything. */
  fired = false;
  /** Length up to which each file written here was synced. */
  readonly #syncedBytes = new Map<string, number>();
  /** Changes of names that their directory has not synced, oldest first. */
  #unsyncedNames: { directory: string; undo: () => void }[] = [];

  constructor(inner: FileSystem = nodeFileSystem) {
    this.#inner = inner;
  }

  plan(plan: FaultPlan): void {
    this.#plan = plan;
    this.#counted = 0;
    this.fired = false;
  }

  heal(): void {
    this.#plan = null;
  }

  /** Takes back what was never synced, as a power cut would, in the harshest way that POSIX allows. Removals stay: they lose nothing. */
  losePower(): void {
    for (const { undo } of this.#unsyncedNames.reverse()) undo();
    this.#unsyncedNames = [];
    for (const [path, bytes] of this.#syncedBytes) if (existsSync(path)) truncateSync(path, bytes);
    this.#syncedBytes.clear();
  }

  /** True when the operation must fail now. */
  #strikes(operation: FileOperation): boolean {
    const plan = this.#plan;
    if (plan === null || (plan.operations !== undefined && !plan.operations.includes(operation))) return false;
    this.#counted++;
    const strikes = plan.lasts === "once" ? this.#counted === plan.at : this.#counted >= plan.at;
    if (strikes) this.fired = true;
    return strikes;
  }

  #check(operation: FileOperation): void {
    if (this.#strikes(operation)) throw this.#failure(operation);
  }

  #failure(operation: FileOperation): Error {
    const code = this.#plan?.code ?? "EIO";
    return Object.assign(new Error(`${code}: the test failed ${operation}`), { code });
  }

  async open(path: string, mode: "create" | "read" | "change"): Promise<OpenFile> {
    if (mode === "create") this.#check("open");
    const file = await this.#inner.open(path, mode);
    if (mode === "create") {
      this.#syncedBytes.set(path, 0);
      this.#unsyncedNames.push({ directory: dirname(path), undo: () => rmSync(path, { force: true }) });
    }
    const half = (data: Uint8Array): Uint8Array => data.subarray(0, data.length >> 1);
    return {
      write: async (data) => {
        if (!this.#strikes("write")) return file.write(data);
        await file.write(half(data));
        throw this.#failure("write");
      },
      writeNow: (data) => {
        if (!this.#strikes("write")) return file.writeNow(data);
        file.writeNow(half(data));
        throw this.#failure("write");
      },
      truncate: async (bytes) => {
        this.#check("truncate");
        await file.truncate(bytes);
      },
      sync: async () => {
        this.#check("sync");
        const { bytes } = await file.facts();
        await file.sync();
        this.#syncedBytes.set(path, bytes);
      },
      read: (target, position) => file.read(target, position),
      facts: () => file.facts(),
      close: () => file.close(),
    };
  }

  async makeDirectory(path: string): Promise<boolean> {
    this.#check("makeDirectory");
    const made = await this.#inner.makeDirectory(path);
    if (made) this.#unsyncedNames.push({ directory: dirname(path), undo: () => rmSync(path, { recursive: true, force: true }) });
    return made;
  }

  async rename(from: string, to: string): Promise<void> {
    this.#check("rename");
    const replaces = existsSync(to);
    await this.#inner.rename(from, to);
    // What somebody else wrote and nobody synced has nothing on the disk yet.
    this.#syncedBytes.set(to, this.#syncedBytes.get(from) ?? 0);
    this.#syncedBytes.delete(from);
    // A name that was replaced stays with its new content: which of the two a power cut leaves is open, and both are whole.
    if (!replaces) this.#unsyncedNames.push({ directory: dirname(to), undo: () => existsSync(to) && renameSync(to, from) });
  }

  async remove(path: string): Promise<void> {
    this.#check("remove");
    await this.#inner.remove(path);
    this.#syncedBytes.delete(path);
  }

  async removeDirectory(path: string): Promise<void> {
    this.#check("remove");
    await this.#inner.removeDirectory(path);
  }

  async syncDirectory(path: string): Promise<void> {
    this.#check("syncDirectory");
    await this.#inner.syncDirectory(path);
    this.#unsyncedNames = this.#unsyncedNames.filter((change) => change.directory !== path);
  }

  list(path: string): Promise<string[]> {
    return this.#inner.list(path);
  }

  facts(path: string): ReturnType<FileSystem["facts"]> {
    return this.#inner.facts(path);
  }
}
