import { fork, type ChildProcess } from "node:child_process";
import { compileCache } from "./compile-cache.ts";

/** A process that waits to be told what to do, and to be killed while it does it. */
export class Victim<ToVictim, FromVictim> {
  /** What it says, as it says it. */
  onMessage: (message: FromVictim) => void = () => undefined;
  readonly #child: ChildProcess;
  readonly #ended: Promise<string>;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.on("message", (message) => this.onMessage(message as FromVictim));
    // One that dies while it is told something is heard of by its end.
    child.on("error", () => undefined);
    this.#ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve(signal ?? String(code))));
  }

  tell(message: ToVictim): void {
    this.#child.send(message as object, () => undefined);
  }

  /** SIGKILL. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** The signal that ended it, or its exit code; by then it does nothing any more. */
  get ended(): Promise<string> {
    return this.#ended;
  }
}

/**
 * Processes started in advance, so that after each kill the next one is there at once: its program's imports are done, and
 * it waits for a message. Each is forked with `program`, which says anything when it has its imports.
 */
export class VictimPool<ToVictim, FromVictim> {
  readonly #program: string;
  readonly #waiting: Promise<Victim<ToVictim, FromVictim>>[] = [];
  readonly #living = new Set<Victim<ToVictim, FromVictim>>();

  constructor(program: string, size: number) {
    this.#program = program;
    for (let index = 0; index < size; index++) this.#waiting.push(this.#start());
  }

  take(): Promise<Victim<ToVictim, FromVictim>> {
    this.#waiting.push(this.#start());
    return this.#waiting.shift()!;
  }

  /** Kills all that are left. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#waiting);
    for (const victim of this.#living) victim.kill();
    await Promise.all([...this.#living].map(({ ended }) => ended));
  }

  #start(): Promise<Victim<ToVictim, FromVictim>> {
    // What Node compiled once is not compiled for each of thousands of processes, nor for those of another file.
    const child = fork(this.#program, [], { execArgv: ["--disable-warning=ExperimentalWarning"], env: { ...process.env, ...compileCache } });
    const victim = new Victim<ToVictim, FromVictim>(child);
    this.#living.add(victim);
    void victim.ended.then(() => this.#living.delete(victim));
    const started = new Promise<void>((resolve) => child.once("message", () => resolve()));
    const failed = victim.ended.then((end) => Promise.reject(new Error(`${this.#program} ended with ${end} before it began.`)));
    // Who takes it hears of it; one that nobody takes fails nobody.
    failed.catch(() => undefined);
    const ready = Promise.race([started, failed]).then(() => victim);
    ready.catch(() => undefined);
    return ready;
  }
}
