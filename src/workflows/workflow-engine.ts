import { epochMs, type Clock, type EpochMs } from "../core/clock.ts";
import type { IdGenerator } from "../core/ids.ts";
import type { Logger } from "../core/logger.ts";
import type { CommandRunner } from "./command-runner.ts";
import type { DefinitionCatalogue } from "./definition-catalogue.ts";
import { RunExecution } from "./run-execution.ts";
import type { RunSurroundings } from "./run-session.ts";
import { ScheduleRunner } from "./schedule-runner.ts";
import { StoreClock } from "./store-clock.ts";
import type { Timers } from "./timers.ts";
import type { RunEngine } from "./workflow-service.ts";
import type { LeasedRun, RunDirectory, ScheduleStore, SignalStore, WorkflowStore } from "./workflow-store.ts";

export interface WorkflowEngineOptions {
  store: WorkflowStore;
  directory: RunDirectory;
  signals: SignalStore;
  schedules: ScheduleStore;
  catalogue: DefinitionCatalogue;
  commands: CommandRunner;
  clock: Clock;
  timers: Timers;
  ids: IdGenerator;
  logger: Logger;
  /** Another for each process and each start of it. */
  owner: string;
  /** In [0, 1); for the pauses between attempts. */
  random: () => number;
  /** Runs in memory at once; 16 by default. */
  maxRuns?: number;
  /** How soon another replica takes over from one that died; 15 seconds by default. */
  leaseMs?: number;
  /** A run fails when its process has died so often in a row with nothing new in its journal; 5 by default. */
  maxCrashes?: number;
  /** How often to look for what other replicas did; `null`, the default, where there are none. */
  pollMs?: number | null;
  /** Ended runs are removed after this; 30 days by default. */
  retentionMs?: number;
  /** For tests: told where runs are. */
  onPoint?: (point: string) => void;
}

interface Held {
  execution: RunExecution;
  /** By the monotonic clock: until then no other replica has it. */
  validUntil: number;
  done: Promise<void>;
}

const longestWaitMs = 60_000;
const afterFailureMs = 1000;
const pruneEveryMs = 3_600_000;
const pruneAtOnce = 500;
/** Watching runs that are taken up in one look. */
const watchersAtOnce = 100;
const dayMs = 86_400_000;

/**
 * Executes the runs that this process leases, and fires schedules. Starting is done by adding a run to the store and
 * `wake`: which replica takes it up is open.
 */
export class WorkflowEngine implements RunEngine {
  readonly #options: WorkflowEngineOptions;
  readonly #maxRuns: number;
  readonly #leaseMs: number;
  readonly #storeClock: StoreClock;
  readonly #schedules: ScheduleRunner;
  readonly #held = new Map<string, Held>();
  readonly #listeners = new Map<string, Set<() => void>>();
  readonly #surroundings: RunSurroundings;
  #state: "new" | "working" | "stopping" | "stopped" = "new";
  #pumping: Promise<void> | undefined;
  #again = false;
  #cancelPump: (() => void) | undefined;
  #cancelHeartbeat: (() => void) | undefined;
  #prunedAt = 0;

  constructor(options: WorkflowEngineOptions) {
    this.#options = options;
    this.#maxRuns = options.maxRuns ?? 16;
    this.#leaseMs = options.leaseMs ?? 15_000;
    const { store, signals, commands, timers, random, logger, onPoint = () => undefined } = options;
    this.#storeClock = new StoreClock(store, options.clock);
    this.#schedules = new ScheduleRunner(options);
    this.#surroundings = {
      store, signals, commands, timers, random, logger, onPoint, maxCrashes: options.maxCrashes ?? 5,
      now: () => this.#storeClock.now(),
      onChange: (run) => this.#tell(run),
    };
  }

  /** Takes up what is due, from now on. */
  start(): void {
    if (this.#state !== "new") return;
    this.#state = "working";
    this.wake();
    this.#armHeartbeat();
  }

  /** Steps under way may finish within the grace; then their runs are left to whoever comes next. */
  async stop(graceMs = 2000): Promise<void> {
    if (this.#state === "stopped") return;
    this.#state = "stopping";
    this.#cancelPump?.();
    await this.#pumping;
    const held = [...this.#held.values()];
    await Promise.all(held.map(async ({ execution, done }) => Promise.race([Promise.all([execution.stop(graceMs), done]), done])));
    this.#cancelHeartbeat?.();
    this.#state = "stopped";
  }

  /** How many runs are in memory. */
  get runsInMemory(): number {
    return this.#held.size;
  }

  wake(): void {
    if (this.#state !== "working") return;
    this.#again = true;
    this.#pumping ??= this.#pump();
  }

  schedulesChanged(): void {
    this.#schedules.changed();
    this.wake();
  }

  signalSent(name: string, key: string): void {
    for (const { execution } of this.#held.values()) execution.wakeSignal(name, key);
    this.wake();
  }

  cancelRequested(run: string): void {
    this.#held.get(run)?.execution.cancel();
  }

  onChange(run: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(run) ?? new Set();
    listeners.add(listener);
    this.#listeners.set(run, listeners);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(run) === listeners) this.#listeners.delete(run);
    };
  }

  async #pump(): Promise<void> {
    let next: EpochMs | undefined;
    let failed = false;
    while (this.#again && this.#state === "working") {
      this.#again = false;
      try {
        next = await this.#takeUp();
        failed = false;
      } catch (cause) {
        failed = true;
        this.#options.logger.warn("workflows.not_taken_up", { cause });
        break;
      }
    }
    this.#pumping = undefined;
    this.#cancelPump?.();
    if (this.#state !== "working") return;
    if (this.#again && !failed) return this.wake();
    const waitMs = failed ? afterFailureMs : Math.min(this.#options.pollMs ?? longestWaitMs, next === undefined ? longestWaitMs : Math.max(1, next - this.#storeClock.now()));
    this.#cancelPump = this.#options.timers.after(waitMs, () => this.wake());
  }

  /** One look at what is due. Answers when something will be due by itself. */
  async #takeUp(): Promise<EpochMs> {
    const { store, catalogue, owner, clock, directory } = this.#options;
    const requestedAt = clock.monotonic();
    const now = await this.#storeClock.refresh();
    const nextSchedule = await this.#schedules.fireDue(now);
    const working = [...this.#held.values()].filter(({ execution: { run } }) => !catalogue.isWatching(run.run.workflow)).length;
    const free = this.#maxRuns - working;
    // A full house looks again when one leaves; watchers take no place.
    const places = [{ limit: free, workflows: catalogue.leasable(false) }, { limit: watchersAtOnce, workflows: catalogue.leasable(true) }];
    let isFull = free <= 0;
    for (const { limit, workflows } of places) {
      if (limit <= 0 || workflows.length === 0) continue;
      const found = await store.lease({ owner, now, leaseMs: this.#leaseMs, limit, workflows });
      isFull ||= found.length === limit;
      for (const run of found) this.#execute(run, requestedAt + this.#leaseMs);
    }
    for (const { execution } of this.#held.values()) execution.wakeSignal();
    if (now - this.#prunedAt >= pruneEveryMs) {
      this.#prunedAt = now;
      const before = epochMs(now - (this.#options.retentionMs ?? 30 * dayMs));
      while ((await directory.prune(before, pruneAtOnce)) === pruneAtOnce);
      await this.#options.signals.prune(before);
    }
    if (isFull) return nextSchedule;
    const nextRun = await store.nextDueAt(now);
    return nextRun === null || nextRun > nextSchedule ? nextSchedule : nextRun;
  }

  #execute(leased: LeasedRun, validUntil: number): void {
    const { catalogue, logger, clock } = this.#options;
    const { id, workflow, version } = leased.run;
    const definition = catalogue.find(workflow, version)!;
    // An older lease of the same run has ended, or it would not have been given.
    this.#held.get(id)?.execution.loseLease();
    const execution = new RunExecution(leased, definition, this.#surroundings);
    const startedAt = clock.monotonic();
    const done = execution.execute().then(() => {
      if (this.#held.get(id)?.execution !== execution) return;
      this.#held.delete(id);
      logger.info("workflows.run_left", { run: id, workflow, durationMs: Math.round(clock.monotonic() - startedAt) });
      // Its place, and that in its workflow's limit, are free.
      this.wake();
    });
    this.#held.set(id, { execution, validUntil, done });
  }

  #armHeartbeat(): void {
    this.#cancelHeartbeat = this.#options.timers.after(this.#leaseMs / 4, () => void this.#beat());
  }

  async #beat(): Promise<void> {
    if (this.#held.size > 0) await this.#renew();
    if (this.#state === "working" || this.#state === "stopping") this.#armHeartbeat();
  }

  async #renew(): Promise<void> {
    const { store, owner, clock, logger } = this.#options;
    const startedAt = clock.monotonic();
    const asked = new Map(this.#held);
    try {
      const now = await this.#storeClock.refresh();
      const runs = [...asked.values()].map(({ execution: { run } }) => ({ id: run.run.id, epoch: run.epoch }));
      const kept = new Map((await store.renew({ owner, now, leaseMs: this.#leaseMs, runs })).map(({ id, cancelRequested }) => [id, cancelRequested]));
      for (const [id, held] of asked) {
        const cancelRequested = kept.get(id);
        if (cancelRequested === undefined) held.execution.loseLease();
        else held.validUntil = startedAt + this.#leaseMs;
        if (cancelRequested === true) held.execution.cancel();
      }
    } catch (cause) {
      logger.warn("workflows.leases_not_renewed", { cause });
      // Whether others have them by now cannot be known: work that may be done twice ends here.
      for (const { execution, validUntil } of asked.values()) if (clock.monotonic() >= validUntil) execution.loseLease();
    }
  }

  #tell(run: string): void {
    for (const listener of [...(this.#listeners.get(run) ?? [])]) listener();
  }
}
