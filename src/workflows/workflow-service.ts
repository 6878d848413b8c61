import { z } from "zod";
import type { Role } from "../core/caller.ts";
import { epochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { IdGenerator } from "../core/ids.ts";
import type { DefinitionCatalogue } from "./definition-catalogue.ts";
import { newRun, parseInput } from "./new-run.ts";
import { nextTime } from "./schedule-times.ts";
import { ScheduleSpec, StartRun, type LogLine, type RunState, type Schedule, type WorkflowRun, type WorkflowStep, type WorkflowSummary } from "./schemas.ts";
import { signalKey } from "./signal-key.ts";
import type { Timers } from "./timers.ts";
import type { RunDirectory, ScheduleStore, SignalStore, WorkflowStore } from "./workflow-store.ts";

/** What `follow` tells: the state at first, then every change, and `end` last. */
export type RunEvent =
  | { type: "line"; line: LogLine }
  | { type: "step"; step: WorkflowStep }
  | { type: "run"; run: WorkflowRun }
  | { type: "end"; run: WorkflowRun };

/** What the service needs of the engine of this process. */
export interface RunEngine {
  /** There may be runs to take up. */
  wake(): void;
  schedulesChanged(): void;
  /** A signal of this name and key was sent. */
  signalSent(name: string, key: string): void;
  cancelRequested(run: string): void;
  /** Calls back when something of the run was written here, until the answer is called. */
  onChange(run: string, listener: () => void): () => void;
}

/** Throws where the caller may not do it with this schedule: judged is the very one that is read, not one of the same name. */
export type JudgeSchedule = (schedule: Schedule) => void;

const endStates: ReadonlySet<RunState> = new Set<RunState>(["succeeded", "failed", "cancelled"]);
/** How often `follow` looks for what other replicas wrote. */
const followPollMs = 300;
const linesPerRead = 1000;

interface WorkflowServiceParts {
  store: WorkflowStore;
  directory: RunDirectory;
  signals: SignalStore;
  schedules: ScheduleStore;
  catalogue: DefinitionCatalogue;
  /** None where this process only starts and reads. */
  engine: RunEngine | null;
  ids: IdGenerator;
  timers: Timers;
}

/** Starting, watching and steering runs. Who may do so is the routes' question: runs and schedules carry their team. */
export class WorkflowService {
  readonly #parts: WorkflowServiceParts;

  constructor(parts: WorkflowServiceParts) {
    this.#parts = parts;
  }

  /** The workflows that this server runs, in their newest versions. */
  async definitions(): Promise<WorkflowSummary[]> {
    const counts = await this.#parts.directory.counts();
    return this.#parts.catalogue.listLatest().map(({ name, version, description, input, concurrency }) => ({
      name, version, description,
      inputSchema: z.toJSONSchema(input, { io: "input", unrepresentable: "any" }),
      concurrencyLimit: concurrency?.limit ?? null,
      runs: Object.fromEntries(counts.filter(({ workflow }) => workflow === name).map(({ state, runs }) => [state, runs])),
    }));
  }

  /** Role on the whole server that starting a workflow needs beside that in the team; null where none is, or there is no such workflow. */
  starterOf(workflow: string): Role | null {
    const { catalogue } = this.#parts;
    return catalogue.has(workflow) ? (catalogue.latest(workflow).starter ?? null) : null;
  }

  /**
   * Starts a run with the newest version, or answers the one that the same idempotency key started before. Throws
   * WORKFLOW_NOT_FOUND, TEAM_NOT_FOUND, INVALID_REQUEST with the problems of the input, IDEMPOTENCY_CONFLICT.
   */
  async start(workflow: string, request: z.input<typeof StartRun>, owner: string): Promise<{ run: WorkflowRun; created: boolean }> {
    const { input, idempotencyKey, priority, startAt, team } = StartRun.parse(request);
    const definition = this.#parts.catalogue.latest(workflow);
    const now = await this.#parts.store.time();
    const started = await this.#parts.store.addRun(
      newRun(definition, { id: this.#parts.ids.next("run"), input, idempotencyKey: idempotencyKey ?? null, priority, team, owner, schedule: null, now, dueAt: epochMs(startAt ?? now) }),
    );
    if (started.created) this.#parts.engine?.wake();
    return started;
  }

  /** Throws RUN_NOT_FOUND. */
  async find(id: string): Promise<WorkflowRun> {
    const run = await this.#parts.directory.find(id);
    if (run === null) throw new AppError("RUN_NOT_FOUND", `There is no workflow run ${JSON.stringify(id)}.`);
    return run;
  }

  /** In the order of their completion. Throws RUN_NOT_FOUND. */
  async steps(id: string): Promise<WorkflowStep[]> {
    await this.find(id);
    return this.#parts.store.readSteps(id);
  }

  /** Newest first; `before` is the id of the last run of the page before. `teams` leaves out the runs of all others. */
  list(filter: { workflow?: string; state?: RunState; teams?: readonly string[]; before?: string; limit: number }): Promise<WorkflowRun[]> {
    return this.#parts.directory.list(filter);
  }

  counts(): Promise<{ workflow: string; state: RunState; runs: number }[]> {
    return this.#parts.directory.counts();
  }

  /** Oldest first, after the sequence; 0 for all. */
  readLog(id: string, after: number, limit: number): Promise<LogLine[]> {
    return this.#parts.directory.readLog(id, after, limit);
  }

  /**
   * Lines after the sequence, every step and the run itself as they change, wherever the run is executed; ends with `end`,
   * or without it when `signal` aborts. Throws RUN_NOT_FOUND.
   */
  async *follow(id: string, after: number, signal: AbortSignal): AsyncGenerator<RunEvent, void, undefined> {
    const seen = new Map<string, string>();
    const isNew = (key: string, value: unknown): boolean => {
      const text = JSON.stringify(value);
      if (seen.get(key) === text) return false;
      seen.set(key, text);
      return true;
    };
    let last = after;
    while (!signal.aborted) {
      const change = this.#nextChange(id, signal);
      try {
        // The run first: what is read after its end is all there is.
        const run = await this.find(id);
        if (isNew("run", run)) yield { type: "run", run };
        for (const step of await this.#parts.store.readSteps(id)) if (isNew(`step ${step.step}`, step)) yield { type: "step", step };
        for (;;) {
          const lines = await this.#parts.directory.readLog(id, last, linesPerRead);
          for (const line of lines) yield { type: "line", line };
          last = lines.at(-1)?.sequence ?? last;
          if (lines.length < linesPerRead || signal.aborted) break;
        }
        if (endStates.has(run.state)) {
          yield { type: "end", run };
          return;
        }
        await change.promise;
      } finally {
        change.stop();
      }
    }
  }

  /** Told to the run wherever it is; it ends when its finished steps are undone. Throws RUN_NOT_FOUND, RUN_STATE_CONFLICT. */
  async cancel(id: string): Promise<WorkflowRun> {
    await this.find(id);
    const run = await this.#parts.directory.requestCancel(id, await this.#parts.store.time());
    this.#parts.engine?.cancelRequested(id);
    this.#parts.engine?.wake();
    return run;
  }

  /** A failed or cancelled run goes on from its last finished step. Throws RUN_NOT_FOUND, RUN_STATE_CONFLICT. */
  async retry(id: string): Promise<WorkflowRun> {
    await this.find(id);
    const run = await this.#parts.directory.retry(id, await this.#parts.store.time());
    this.#parts.engine?.wake();
    return run;
  }

  /** Keeps the signal for whoever of the team waits or will wait for it; one run takes it. The same id again changes nothing. Throws TEAM_NOT_FOUND. */
  async signal(request: { id?: string | undefined; signal: string; key?: string | undefined; payload: unknown; team?: string | undefined }): Promise<{ id: string }> {
    const { id = this.#parts.ids.next("signal"), signal, payload, team = "default" } = request;
    const key = signalKey(team, request.key ?? "");
    await this.#parts.signals.send({ id: signalKey(team, id), name: signal, key, payload, team, now: await this.#parts.store.time() });
    this.#parts.engine?.signalSent(signal, key);
    return { id };
  }

  listSchedules(): Promise<Schedule[]> {
    return this.#parts.schedules.list();
  }

  /**
   * Adds or changes. `judge` throws where the caller may not change the one that is there; another team's that comes in between
   * is left alone. Throws SCHEDULE_INVALID, WORKFLOW_NOT_FOUND, TEAM_NOT_FOUND, NAME_TAKEN, INVALID_REQUEST with the problems of the input.
   */
  async putSchedule(name: string, request: z.input<typeof ScheduleSpec>, owner: string, judge?: JudgeSchedule): Promise<Schedule> {
    const before = await this.#parts.schedules.find(name);
    if (before !== null) judge?.(before);
    const spec = ScheduleSpec.parse(request);
    parseInput(this.#parts.catalogue.latest(spec.workflow), spec.input);
    const now = await this.#parts.store.time();
    // What would have come while it was paused, or by its old times, is not missed.
    const nextAt = nextTime(spec, now);
    const schedule = await this.#parts.schedules.put(
      { ...spec, name, owner, createdAt: now, nextAt: spec.paused ? null : nextAt, lastAt: null }, before?.team,
    );
    this.#parts.engine?.schedulesChanged();
    return schedule;
  }

  /** Throws SCHEDULE_NOT_FOUND, and what `judge` throws. */
  async removeSchedule(name: string, judge?: JudgeSchedule): Promise<Schedule> {
    const schedule = await this.#findSchedule(name, judge);
    if (!(await this.#parts.schedules.remove(name, schedule.team))) throw scheduleNotFound(name);
    return schedule;
  }

  /** Starts a run of it now, beside its times. Throws SCHEDULE_NOT_FOUND, WORKFLOW_NOT_FOUND, and what `judge` throws. */
  async fireNow(name: string, owner: string, judge?: JudgeSchedule): Promise<WorkflowRun> {
    const schedule = await this.#findSchedule(name, judge);
    const definition = this.#parts.catalogue.latest(schedule.workflow);
    const now = await this.#parts.store.time();
    const { run } = await this.#parts.store.addRun(
      newRun(definition, { id: this.#parts.ids.next("run"), input: schedule.input, idempotencyKey: null, priority: 0, team: schedule.team, owner, schedule: name, now, dueAt: now }),
    );
    this.#parts.engine?.wake();
    return run;
  }

  async #findSchedule(name: string, judge?: JudgeSchedule): Promise<Schedule> {
    const schedule = await this.#parts.schedules.find(name);
    if (schedule === null) throw scheduleNotFound(name);
    judge?.(schedule);
    return schedule;
  }

  #nextChange(run: string, signal: AbortSignal): { promise: Promise<void>; stop: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stopTimer = this.#parts.timers.after(followPollMs, resolve);
    const stopListening = this.#parts.engine?.onChange(run, resolve);
    const aborted = (): void => resolve();
    signal.addEventListener("abort", aborted, { once: true });
    const stop = (): void => {
      stopTimer();
      stopListening?.();
      signal.removeEventListener("abort", aborted);
    };
    return { promise, stop };
  }
}

export function scheduleNotFound(name: string): AppError {
  return new AppError("SCHEDULE_NOT_FOUND", `There is no schedule named ${JSON.stringify(name)}.`);
}
