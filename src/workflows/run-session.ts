import type { EpochMs } from "../core/clock.ts";
import { toAppError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { CommandRunner } from "./command-runner.ts";
import { DeliveryOrder } from "./delivery-order.ts";
import { RunLog } from "./run-log.ts";
import type { WorkflowRun } from "./schemas.ts";
import type { Timers } from "./timers.ts";
import { LeaseLost, type LeasedRun, type SignalStore, type StepRecord, type WorkflowStore } from "./workflow-store.ts";

/** What a run needs of its surroundings. */
export interface RunSurroundings {
  store: WorkflowStore;
  signals: SignalStore;
  commands: CommandRunner;
  /** The store's time. */
  now: () => EpochMs;
  timers: Timers;
  /** In [0, 1). */
  random: () => number;
  /** A run whose process died so often in a row, without anything new in the journal, fails. */
  maxCrashes: number;
  logger: Logger;
  /** Told where the run is, before it goes on: for tests that end the process there. */
  onPoint: (point: string) => void;
  /** Something of the run was written. */
  onChange: (run: string) => void;
}

/** `frozen`: journalled answers still come, nothing new begins. `over`: nothing comes any more. */
export type RunPhase = "working" | "frozen" | "over";

interface Parked {
  wakeAt: EpochMs | null;
  signal: { name: string; key: string } | null;
  wake(): void;
  cancelTimer(): void;
}

const firstPauseMs = 100;
const longestPauseMs = 5000;

/**
 * One run while it is in memory: its journal, what of it is under way and what is parked, and every write to the store, all
 * under its lease.
 */
export class RunSession {
  readonly surroundings: RunSurroundings;
  readonly run: WorkflowRun;
  readonly log: RunLog;
  phase: RunPhase = "working";
  /** Aborted when what is under way is to end. */
  abort = new AbortController();
  /** Aborted when the process is to end. */
  readonly stopping = new AbortController();
  /** Called when nothing is under way any more, not even in the workflow's own function as far as can be seen. */
  onQuiet: () => void = () => undefined;
  /** Called at the first failure that ends the work of this process on the run. */
  onLost: (error: unknown) => void = () => undefined;
  readonly #epoch: number;
  readonly #journal = new Map<string, StepRecord>();
  readonly #parked = new Map<string, Parked>();
  #lost = false;
  #deliveries = new DeliveryOrder([]);
  #position = 0;
  #active = 0;
  #quietCheck = false;

  constructor({ run, epoch }: LeasedRun, surroundings: RunSurroundings) {
    this.run = run;
    this.surroundings = surroundings;
    this.#epoch = epoch;
    const { store, timers } = surroundings;
    this.log = new RunLog({
      timers,
      append: async (lines) => {
        const takesMore = await store.appendLog(run.id, lines);
        surroundings.onChange(run.id);
        return takesMore;
      },
      writeProgress: (share, note) => store.writeProgress(run.id, epoch, share, note),
      onFailure: (cause) => {
        if (cause instanceof LeaseLost) this.onLost(cause);
        else surroundings.logger.warn("workflows.log_not_written", { run: run.id, cause });
      },
    });
  }

  /** Reads the journal; the first lease of a run has none. */
  async load(): Promise<void> {
    if (this.#epoch > 1) {
      for (const step of await this.attempt(() => this.surroundings.store.readSteps(this.run.id))) {
        this.#journal.set(step.step, step as StepRecord);
        this.#position = Math.max(this.#position, step.position);
      }
    }
    const answered = [...this.#journal.values()].filter(({ kind, state }) => kind !== "compensation" && (state === "succeeded" || state === "failed"));
    this.#deliveries = new DeliveryOrder(answered.map(({ position }) => position));
  }

  journalled(step: string): StepRecord | undefined {
    return this.#journal.get(step);
  }

  get journal(): Iterable<StepRecord> {
    return this.#journal.values();
  }

  /** Later than all that the journal has. */
  nextPosition(): number {
    return ++this.#position;
  }

  /** Durable when it answers. */
  async write(record: StepRecord): Promise<void> {
    await this.attempt(() => this.surroundings.store.writeSteps(this.run.id, this.#epoch, [record]));
    this.#journal.set(record.step, record);
    this.surroundings.onChange(this.run.id);
  }

  async waitForSignal(step: string, name: string, key: string): Promise<void> {
    await this.attempt(() => this.surroundings.signals.wait(this.run.id, this.#epoch, { step, name, key }));
  }

  async takeSignal(name: string, key: string, record: (payload: unknown) => StepRecord): Promise<{ payload: unknown } | null> {
    const taken = await this.attempt(() => this.surroundings.signals.take(this.run.id, this.#epoch, { name, key }, record));
    if (taken !== null) this.surroundings.onChange(this.run.id);
    return taken;
  }

  async release(release: Parameters<WorkflowStore["release"]>[2]): Promise<void> {
    await this.attempt(() => this.surroundings.store.release(this.run.id, this.#epoch, release, this.surroundings.now()));
    this.surroundings.onChange(this.run.id);
  }

  /** An operation has begun, or goes on after it was parked. */
  enter(): void {
    this.#active++;
  }

  /** An operation has been answered, dropped or parked. */
  leave(): void {
    this.#active--;
    this.checkQuiet();
  }

  get active(): number {
    return this.#active;
  }

  /** After the microtasks and one turn of the loop: what a delivered answer starts has started by then. */
  checkQuiet(): void {
    if (this.#quietCheck) return;
    this.#quietCheck = true;
    setImmediate(() => {
      this.#quietCheck = false;
      if (this.#active > 0 || this.phase === "over") return;
      if (!this.#deliveries.idle || this.#deliveries.hurry()) this.checkQuiet();
      else this.onQuiet();
    });
  }

  /** Waits without being active. Settles at the time or when it is woken; never when the run leaves memory before. */
  park(step: string, wakeAt: EpochMs | null, signal: Parked["signal"] = null): Promise<void> {
    return new Promise((resolve) => {
      const { timers, now } = this.surroundings;
      let cancelTimer: (() => void) | undefined;
      const wake = (): void => {
        cancelTimer?.();
        this.#parked.delete(step);
        if (this.phase === "over") return;
        this.enter();
        resolve();
      };
      const arm = (): void => {
        if (wakeAt === null) return;
        const left = wakeAt - now();
        if (left <= 0) wake();
        else cancelTimer = timers.after(left, arm);
      };
      this.#parked.set(step, { wakeAt, signal, wake, cancelTimer: () => cancelTimer?.() });
      this.leave();
      arm();
    });
  }

  get hasParked(): boolean {
    return this.#parked.size > 0;
  }

  /** The earliest time at which something parked goes on by itself. */
  get nextWakeAt(): EpochMs | null {
    const times = [...this.#parked.values()].flatMap(({ wakeAt }) => (wakeAt === null ? [] : [wakeAt]));
    return times.length === 0 ? null : (Math.min(...times) as EpochMs);
  }

  /** Looks again for a signal that parked operations wait for; for any without a name. */
  wakeSignal(name?: string, key?: string): void {
    for (const { signal, wake } of [...this.#parked.values()]) {
      if (signal !== null && (name === undefined || (signal.name === name && signal.key === key))) wake();
    }
  }

  deliverReplay(position: number, deliver: () => void): void {
    this.#deliveries.replay(position, this.#unlessOver(deliver));
    this.checkQuiet();
  }

  deliverLive(deliver: () => void): void {
    this.#deliveries.live(this.#unlessOver(deliver));
  }

  get isOver(): boolean {
    return this.phase === "over";
  }

  /** What is parked stays so: nothing wakes it any more. */
  forgetParked(): void {
    for (const { cancelTimer } of this.#parked.values()) cancelTimer();
    this.#parked.clear();
  }

  /** Nothing goes on from here: what is under way is aborted and its answers are dropped. */
  finish(reason?: unknown): void {
    this.phase = "over";
    this.forgetParked();
    this.abort.abort(reason);
  }

  /** As often as needed while the database is away; throws LeaseLost, and what trying again does not help against. */
  async attempt<Result>(work: () => Promise<Result>): Promise<Result> {
    for (let pause = firstPauseMs; ; pause = Math.min(longestPauseMs, pause * 2)) {
      try {
        return await work();
      } catch (error) {
        if (error instanceof LeaseLost || this.#lost) throw error;
        const { code } = toAppError(error);
        if (code !== "DATABASE_UNAVAILABLE" && code !== "STORAGE_FULL") throw error;
        this.surroundings.logger.warn("workflows.write_repeated", { run: this.run.id, code, pause });
        await new Promise<void>((resolve) => this.surroundings.timers.after(pause, resolve));
        // Another may have it by now, and this process cannot tell.
        if (this.#lost) throw new LeaseLost("The run is not this process's any more.");
      }
    }
  }

  /** The lease is another's, or nobody knows: writes are not tried again. */
  lose(): void {
    this.#lost = true;
    this.log.close();
    this.finish(new LeaseLost("The run is another replica's now."));
  }

  #unlessOver(deliver: () => void): () => void {
    return () => {
      if (this.phase !== "over") deliver();
    };
  }
}
