import assert from "node:assert/strict";
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { FaultyDisk, type DiskFault } from "../kit/faulty-disk.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { seededRandom } from "../kit/seed.ts";

/** Everything that a disk may do to a change, by the name that messages show. */
export const failures: Readonly<Record<string, Omit<DiskFault, "at">>> = {
  "an I/O error": { failure: "EIO" },
  "a write that is cut by an I/O error": { failure: "EIO", operations: ["write"], half: true },
  "a full disk for once": { failure: "ENOSPC" },
  "a disk that fills in a write and stays full": { failure: "ENOSPC", half: true, onward: true },
  "an exceeded quota": { failure: "EDQUOT" },
  "a disk that takes no more changes": { failure: "EROFS", onward: true },
  "a short write": { failure: "short" },
};
export const deaths: Readonly<Record<string, Omit<DiskFault, "at">>> = {
  "a death": { failure: "SIGKILL" },
  "a death within a write": { failure: "SIGKILL", operations: ["write"], half: true },
};

/** How many changes of files there are in what is tried, and how many of them are writes. */
export interface Changes {
  all: number;
  writes: number;
}

export interface Attempt {
  /** Unique among those of a test. */
  name: string;
  fault: DiskFault;
}

/** Of every failure at every change one attempt in so many is made, unless SLIPWAY_TEST_EVERY=1 asks for all. */
const oneIn = 15;

/** Failures take turns, from a turn that the seed draws: where five may happen at any change, every third change meets one of them. */
export function attempts(purpose: string, kinds: Readonly<Record<string, Omit<DiskFault, "at">>>, changes: Changes): Attempt[] {
  const first = seededRandom(purpose).integer(0, oneIn - 1);
  const turns = { all: first, writes: first };
  return Object.entries(kinds).flatMap(([kind, fault]) => {
    const places = fault.failure === "short" || fault.operations !== undefined ? "writes" : "all";
    const turn = turns[places]++;
    return Array.from({ length: changes[places] }, (_, index): Attempt => ({ name: `${kind} at change ${index + 1}`, fault: { ...fault, at: index + 1 } })).filter(
      (_, index) => process.env["SLIPWAY_TEST_EVERY"] === "1" || (index + turn) % oneIn === 0,
    );
  });
}

/** What became of the attempts. The server does things of its own beside, so that the last changes are not always met. */
export class Tally {
  readonly #all: number;
  #fired = 0;
  #refused = 0;

  constructor(all: readonly Attempt[]) {
    this.#all = all.length;
  }

  add({ fired, refused }: { fired: boolean; refused: boolean }): void {
    if (fired) this.#fired++;
    if (refused) this.#refused++;
  }

  /** Fails when so few faults were met that the test would show nothing. */
  tell(t: TestContext, least: { refused: number }): void {
    const text = `${this.#all} faults, ${this.#fired} met a change, ${this.#refused} were answered with an error`;
    t.diagnostic(text);
    assert.ok(this.#fired > this.#all * 0.8 && this.#refused >= this.#all * least.refused, `${text}: were they there?`);
  }
}

/** A server on a disk that fails as it is told, with its data in a folder of its own below `folder`. */
export class FaultyServer {
  readonly directory: string;
  readonly disk: FaultyDisk;
  readonly #environment: Readonly<Record<string, string>>;
  #server: RunningServer | undefined;

  /** `template` is the folder of a stopped FaultyServer whose data this one begins with. */
  constructor(folder: string, name: string, options: { environment?: Readonly<Record<string, string>>; template?: string } = {}) {
    this.directory = join(folder, name);
    const data = join(this.directory, "data");
    mkdirSync(data, { recursive: true });
    if (options.template !== undefined) cpSync(join(options.template, "data"), data, { recursive: true });
    this.disk = new FaultyDisk(join(this.directory, "disk"), data);
    this.#environment = { ...this.disk.environment, SLIPWAY_DRAIN_MS: "0", ...options.environment };
  }

  get now(): RunningServer {
    assert.ok(this.#server !== undefined);
    return this.#server;
  }

  async start(): Promise<RunningServer> {
    this.disk.heal();
    this.#server = await startServer({ directory: this.directory, environment: this.#environment, modelsInProcess: true });
    await until(async () => (await fetch(`${this.now.url}/ready`)).status === 200);
    return this.#server;
  }

  /** For a server that died by the disk: waits for its end and starts it again. */
  async restart(): Promise<RunningServer> {
    await this.now.kill();
    return this.start();
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.disk.heal();
    await server?.stop({ keep: true });
  }
}

/** Looks again and again, with pauses that leave the processor to what is waited for. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Runs `work` for all of them, `lanes` at a time; each lane takes the next one when it is done with one. */
export async function inLanes(all: readonly Attempt[], lanes: number, work: (lane: number, next: () => Attempt | undefined) => Promise<void>): Promise<void> {
  const waiting = all[Symbol.iterator]();
  const next = (): Attempt | undefined => waiting.next().value;
  await Promise.all(Array.from({ length: lanes }, (_, lane) => work(lane, next)));
}
