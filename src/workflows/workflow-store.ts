import type { EpochMs } from "../core/clock.ts";
import type { LogLine, RunError, RunState, Schedule, StepKind, WorkflowRun, WorkflowStep } from "./schemas.ts";

/** A run with the lease under which it may be written. */
export interface LeasedRun {
  run: WorkflowRun;
  /** Every write for the run names it; one with an older epoch does nothing and throws LeaseLost. */
  epoch: number;
  /** How many times in a row a lease of it ended without a word and without anything new in the journal. */
  crashes: number;
}

/** The lease is another replica's now: stop at once and write nothing. */
export class LeaseLost extends Error {}

/** What the journal gets when a step has ended, waits or is to be tried again. */
export interface StepRecord {
  step: string;
  kind: StepKind;
  position: number;
  state: WorkflowStep["state"];
  attempts: number;
  startedAt: EpochMs;
  endedAt: EpochMs | null;
  wakeAt: EpochMs | null;
  result: unknown;
  error: RunError | null;
}

/** How a run leaves a replica's memory. */
export type RunRelease =
  /** `dueAt` null: only a signal wakes it. */
  | { state: "queued" | "sleeping" | "compensating"; dueAt: EpochMs | null }
  | { state: "succeeded"; output: unknown }
  | { state: "failed" | "cancelled"; error: RunError | null };

export interface NewRun {
  id: string;
  workflow: string;
  version: number;
  input: unknown;
  idempotencyKey: string | null;
  priority: number;
  concurrencyKey: string | null;
  team: string;
  owner: string;
  schedule: string | null;
  now: EpochMs;
  dueAt: EpochMs;
}

/**
 * Runs and their journal. Every write is durable when it has answered, and all or nothing. Leases are judged by the clock
 * of the store (`time`), so replicas with skewed clocks agree. Ends of runs are written to the outbox
 * (`workflow.run.succeeded` and so on, object `workflow:<name>`) in the same transaction. Adapters prove themselves with
 * `workflow-store.conformance.ts`.
 */
export interface WorkflowStore {
  /** The one time that leases, sleeps and schedules are judged by; the database's own where replicas share it. */
  time(): Promise<EpochMs>;
  /**
   * The run that is there already for the same workflow and idempotency key; throws IDEMPOTENCY_CONFLICT when its input is
   * another, TEAM_NOT_FOUND unless the team is there or `*`.
   */
  addRun(run: NewRun): Promise<{ run: WorkflowRun; created: boolean }>;
  /**
   * Leases up to `limit` runs that are due, or whose lease has ended, of the given workflow versions, within the
   * concurrency limits: highest priority first, then the oldest. No run is given to two replicas at once.
   */
  lease(request: {
    owner: string;
    now: EpochMs;
    leaseMs: number;
    limit: number;
    workflows: readonly { name: string; version: number; concurrencyLimit: number | null }[];
  }): Promise<LeasedRun[]>;
  /** Ids of those still held; the others are lost. Tells of cancellations too. */
  renew(request: { owner: string; now: EpochMs; leaseMs: number; runs: readonly { id: string; epoch: number }[] }): Promise<{ id: string; cancelRequested: boolean }[]>;
  /** Ends all leases, as if their time were over: for whoever alone has the store, before it takes up anything. Answers how many there were. */
  endLeases(now: EpochMs): Promise<number>;
  readSteps(run: string): Promise<WorkflowStep[]>;
  /** Writes steps under the lease; throws LeaseLost and writes nothing when it is another's. */
  writeSteps(run: string, epoch: number, steps: readonly StepRecord[]): Promise<void>;
  /** Ends the lease, or the run, under it. Throws LeaseLost. */
  release(run: string, epoch: number, release: RunRelease, now: EpochMs): Promise<void>;
  writeProgress(run: string, epoch: number, progress: number, note: string | null): Promise<void>;
  /** Answers whether the log takes more: it ends at 100,000 lines, and its last line says so. */
  appendLog(run: string, lines: readonly Omit<LogLine, "sequence">[]): Promise<boolean>;
  /** When something comes due by itself: the earliest start, end of a sleep, or end of a lease after `now`. */
  nextDueAt(now: EpochMs): Promise<EpochMs | null>;
}

/** Reading and steering runs from outside. */
export interface RunDirectory {
  find(id: string): Promise<WorkflowRun | null>;
  /** Newest first. */
  list(filter: { workflow?: string; state?: RunState; teams?: readonly string[]; before?: string; limit: number }): Promise<WorkflowRun[]>;
  /** Counts by workflow and state. */
  counts(): Promise<{ workflow: string; state: RunState; runs: number }[]>;
  /** Oldest first, after the sequence. */
  readLog(run: string, after: number, limit: number): Promise<LogLine[]>;
  /** A run that has not started ends at once; one under way is told, and one that sleeps is woken to compensate. Throws RUN_STATE_CONFLICT when it has ended. */
  requestCancel(id: string, now: EpochMs): Promise<WorkflowRun>;
  /** Failed or cancelled runs go on from their last finished step: failed steps and compensations are taken out of the journal. Throws RUN_STATE_CONFLICT. */
  retry(id: string, now: EpochMs): Promise<WorkflowRun>;
  /** Removes ended runs with their steps and logs; answers how many. */
  prune(before: EpochMs, limit: number): Promise<number>;
}

/** Signals that runs wait for. */
export interface SignalStore {
  /**
   * Keeps the signal and wakes whoever waits for it, in one transaction. The same id again changes nothing. Throws
   * TEAM_NOT_FOUND unless the team is there or `*`; the signal goes with its team.
   */
  send(signal: { id: string; name: string; key: string; payload: unknown; now: EpochMs; team: string }): Promise<void>;
  /** Writes down that the run waits from now on; a signal that came before wakes it at once. Under the lease; throws LeaseLost. */
  wait(run: string, epoch: number, wait: { step: string; name: string; key: string }): Promise<void>;
  /**
   * Takes the oldest signal that nobody has taken and journals the step with its payload, in one transaction: a signal
   * is taken once. Null when there is none. Throws LeaseLost.
   */
  take(run: string, epoch: number, wait: { name: string; key: string }, record: (payload: unknown) => StepRecord): Promise<{ payload: unknown } | null>;
  /** Removes signals that nobody took. */
  prune(before: EpochMs): Promise<number>;
}

export interface ScheduleStore {
  list(): Promise<Schedule[]>;
  find(name: string): Promise<Schedule | null>;
  /**
   * Adds it, or changes the one that is there: of its own team, or of `movedFrom`. Its owner, when it was made and when it fired
   * last stay as they are. Answers what is there then. Throws NAME_TAKEN when it is another team's, TEAM_NOT_FOUND unless the
   * team is there or `*`.
   */
  put(schedule: Schedule, movedFrom?: string): Promise<Schedule>;
  /** False when the team has none of the name. */
  remove(name: string, team: string): Promise<boolean>;
  /**
   * Adds the runs (their idempotency keys are `<schedule>@<time>`) and moves `nextAt` from `expectedNextAt`, in one
   * transaction; false, and nothing is written, when another replica did so before or the schedule was changed.
   */
  fire(request: { name: string; expectedNextAt: EpochMs; runs: readonly NewRun[]; nextAt: EpochMs | null; lastAt: EpochMs }): Promise<boolean>;
}
