import { ChurnSet, type ChurnMember } from "../../core/churn-set.ts";
import type { Clock } from "../../core/clock.ts";
import { counted } from "../../core/counted.ts";
import { AppError, toAppError } from "../../core/errors.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { StopSignal } from "../../core/stop-signal.ts";
import { releaseWhenTaken, type HeldAnswer } from "./held-answer.ts";
import { joinRows, splitRows } from "./batch.ts";
import type { ModelRunner } from "../versions/model-runtime.ts";
import type { RunnerPool } from "../versions/runner-pool.ts";

export interface SchedulerLimits {
  maxBatchRows: number;
  maxBatchDelayMs: number;
  maxQueueRows: number;
  maxRunMs: number;
  /** Those of a batch whose runner died fail with it, and do not run again, each alone. */
  failsCrashed?: boolean;
}

export interface ScheduledResult {
  outputs: Tensor[];
  queueUs: number;
  runUs: number;
  batchRows: number;
}

/** Who waits for an answer. The signal is only asked for when there is time to leave: making one costs. */
export interface Caller {
  readonly signal: StopSignal | undefined;
  /** `told` is called when the caller has the answer, or has gone. */
  readonly whenAnswered?: ((told: () => void) => void) | undefined;
}

interface PendingRequest extends ChurnMember {
  inputs: readonly Tensor[];
  rows: number;
  key: string;
  caller: Caller;
  followed: boolean;
  enqueuedAt: number;
  deadlineAt: number;
  /** Runs alone: it was in a batch whose runner died, and only the guilty one shall fail. */
  solo: boolean;
  batch: RunningBatch | undefined;
  settled: boolean;
  resolve(result: ScheduledResult): void;
  reject(error: AppError): void;
}

interface RunningBatch extends ChurnMember {
  runner: ModelRunner;
  requests: PendingRequest[];
  startedAt: number;
  /** When the runner is killed, at the latest. */
  killAt: number;
}

/** A run that nobody waits for any more is ended after this many times its usual duration, but not before `patienceMs`. */
const patienceFactor = 10;
const patienceMs = 1000;

/**
 * Queue and batches of one version. Event-driven: a batch leaves when a runner is free and either it is full, the
 * oldest request waited `maxBatchDelayMs`, or there is no delay to wait for. Requests of one turn of the event loop
 * share a batch. Every request is answered by its deadline, whatever its runner does.
 */
export class BatchScheduler {
  readonly #pool: RunnerPool;
  readonly #clock: Clock;
  readonly #onBatch: (rows: number, runUs: number) => void;
  #limits: SchedulerLimits;
  #queue: PendingRequest[] = [];
  #queueRows = 0;
  #waiting = new ChurnSet<PendingRequest>();
  #running = new ChurnSet<RunningBatch>();
  #pumpScheduled = false;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;
  #usPerBatch = 0;
  #lastBatchRequests = 1;
  #closed: AppError | undefined;
  #drained: (() => void) | undefined;

  constructor(pool: RunnerPool, limits: SchedulerLimits, clock: Clock, onBatch: (rows: number, runUs: number) => void) {
    this.#pool = pool;
    this.#limits = limits;
    this.#clock = clock;
    this.#onBatch = onBatch;
  }

  get queueRows(): number {
    return this.#queueRows;
  }

  set limits(limits: SchedulerLimits) {
    this.#limits = limits;
    this.pump();
  }

  /**
   * Rejects with QUEUE_FULL, DEADLINE_EXCEEDED, CALLER_GONE, RUNNER_CRASHED, MODEL_RUN_FAILED or OUTPUT_INVALID.
   * `deadlineMs` counts from now.
   */
  submit(inputs: readonly Tensor[], rows: number, key: string, deadlineMs: number, caller: Caller): Promise<ScheduledResult> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (this.#queueRows > 0 && this.#queueRows + rows > this.#limits.maxQueueRows) {
      return Promise.reject(
        new AppError("QUEUE_FULL", `${counted(this.#queueRows, "row waits", "rows wait")} already, of at most ${this.#limits.maxQueueRows}.`, { retryAfterSeconds: this.#retryAfter() }),
      );
    }
    return new Promise((resolve, reject) => {
      const now = this.#clock.monotonic();
      const request: PendingRequest = {
        inputs, rows, key, caller, followed: false, enqueuedAt: now, deadlineAt: now + deadlineMs, solo: false, batch: undefined, settled: false, place: -1, resolve, reject,
      };
      this.#waiting.add(request);
      this.#queue.push(request);
      this.#queueRows += rows;
      this.#watch(request.deadlineAt);
      this.#schedulePump();
    });
  }

  /** Dispatches what may leave now; called by the pool when a runner is free. */
  pump(): void {
    while (this.#queue.length > 0 && this.#pool.hasIdle) {
      const requests = this.#takeBatch();
      if (requests === undefined) return;
      if (requests.length > 0) void this.#run(this.#pool.acquire()!, requests);
    }
  }

  /** Takes no new requests; answers when the accepted ones are settled, and runs that nobody waits for any more have ended or were killed. */
  async drain(): Promise<void> {
    this.#closed = new AppError("VERSION_NOT_READY", "This version is being unloaded.", { retryAfterSeconds: 1 });
    if (this.#waiting.size > 0 || this.#running.size > 0) await new Promise<void>((resolve) => (this.#drained = resolve));
    clearTimeout(this.#timer);
  }

  /** Fails what waits for a runner; more may come. */
  rejectWaiting(error: AppError): void {
    for (const request of this.#waiting.values()) if (request.batch === undefined) this.#giveUp(request, error);
  }

  /**
   * A caller who is alone is served at once. Once batches have company, the dispatch waits for the end of this turn of
   * the event loop, whose requests then share a run.
   */
  #schedulePump(): void {
    if (this.#pumpScheduled) return;
    this.#pumpScheduled = true;
    const pump = (): void => {
      this.#pumpScheduled = false;
      this.pump();
      for (const request of this.#queue) this.#follow(request);
    };
    if (this.#lastBatchRequests <= 1 && this.#waiting.size === 1) process.nextTick(pump);
    else setImmediate(pump);
  }

  /** Hears of the caller's leaving. */
  #follow(request: PendingRequest): void {
    if (request.followed || request.settled) return;
    request.followed = true;
    const leave = (): void => this.#giveUp(request, new AppError("CALLER_GONE", "The caller left."));
    const { signal } = request.caller;
    if (signal?.aborted === true) leave();
    else signal?.addEventListener("abort", leave, { once: true });
  }

  /** The oldest requests that may share a run; undefined while the batch should wait for company. */
  #takeBatch(): PendingRequest[] | undefined {
    while (this.#queue[0]?.settled === true) this.#queue.shift();
    const first = this.#queue[0];
    if (first === undefined) return [];
    const batch: PendingRequest[] = [];
    const kept: PendingRequest[] = [];
    let rows = 0;
    let index = 0;
    for (; index < this.#queue.length; index++) {
      const request = this.#queue[index]!;
      if (request.settled) continue;
      const fits = batch.length === 0 || (!first.solo && !request.solo && request.key === first.key && rows + request.rows <= this.#limits.maxBatchRows);
      if (fits) {
        batch.push(request);
        rows += request.rows;
      } else {
        kept.push(request);
      }
      if (rows >= this.#limits.maxBatchRows || first.solo) {
        index++;
        break;
      }
    }
    const waitUntil = first.enqueuedAt + this.#limits.maxBatchDelayMs;
    if (this.#limits.maxBatchDelayMs > 0 && rows < this.#limits.maxBatchRows && kept.length === 0 && !first.solo && this.#clock.monotonic() < waitUntil) {
      this.#watch(waitUntil);
      return undefined;
    }
    this.#queue = kept.length === 0 ? this.#queue.slice(index) : [...kept, ...this.#queue.slice(index)];
    this.#queueRows -= rows;
    return batch;
  }

  async #run(runner: ModelRunner, requests: PendingRequest[]): Promise<void> {
    const startedAt = this.#clock.monotonic();
    const batch: RunningBatch = { runner, requests, startedAt, killAt: startedAt + this.#limits.maxRunMs, place: -1 };
    for (const request of requests) {
      request.batch = batch;
      if (runner.placement === "runner") this.#follow(request);
    }
    this.#lastBatchRequests = requests.length;
    this.#running.add(batch);
    this.#watch(batch.killAt);
    const rowCounts = requests.map((request) => request.rows);
    const batchRows = rowCounts.reduce((sum, rows) => sum + rows, 0);
    let held: HeldAnswer | undefined;
    const answered: Caller[] = [];
    try {
      if (runner.hasNoRoom === true) throw noRoom();
      const { outputs, runUs, ...rest } = await runner.run(joinRows(requests.map((request) => request.inputs)));
      held = rest.held;
      this.#usPerBatch = this.#usPerBatch === 0 ? runUs : this.#usPerBatch * 0.9 + runUs * 0.1;
      this.#onBatch(batchRows, runUs);
      const parts = requests.length === 1 ? [outputs] : splitRows(outputs, rowCounts);
      requests.forEach((request, position) => {
        if (held !== undefined && !request.settled) answered.push(request.caller);
        this.#settle(request)?.resolve({ outputs: parts[position]!, queueUs: (startedAt - request.enqueuedAt) * 1000, runUs, batchRows });
      });
    } catch (thrown) {
      this.#failBatch(batch, toAppError(thrown));
    } finally {
      if (held !== undefined) releaseWhenTaken(held, answered);
      this.#running.delete(batch);
      this.#tellDrained();
      this.#pool.release(runner);
    }
  }

  /** One bad request must not fail its neighbours: those of a batch run again, each alone. */
  #failBatch(batch: RunningBatch, error: AppError): void {
    const retriable = batch.requests.length > 1 && ((error.code === "RUNNER_CRASHED" && this.#limits.failsCrashed !== true) || error.code === "MODEL_RUN_FAILED" || error.code === "OUTPUT_INVALID");
    const again: PendingRequest[] = [];
    for (const request of batch.requests) {
      if (request.settled) continue;
      if (retriable) {
        request.solo = true;
        request.batch = undefined;
        again.push(request);
        this.#queueRows += request.rows;
      } else this.#settle(request)?.reject(error);
    }
    if (again.length > 0) {
      this.#queue = [...again, ...this.#queue];
      this.#schedulePump();
    }
  }

  #giveUp(request: PendingRequest, error: AppError): void {
    const settled = this.#settle(request);
    if (settled === undefined) return;
    const { batch } = request;
    if (batch === undefined) {
      this.#queueRows -= request.rows; // the queue skips it when its turn comes
      if (this.#queue.length > 64 && this.#waiting.size < this.#queue.length / 2) this.#queue = this.#queue.filter((kept) => !kept.settled);
    } else if (batch.requests.every((member) => member.settled)) {
      const patience = Math.max(patienceMs, (this.#usPerBatch / 1000) * patienceFactor);
      batch.killAt = Math.min(batch.killAt, Math.max(batch.startedAt + patience, this.#clock.monotonic()));
      this.#watch(batch.killAt);
    }
    settled.reject(error);
  }

  /** Marks a request as answered; undefined when it was before. */
  #settle(request: PendingRequest): PendingRequest | undefined {
    if (request.settled) return undefined;
    request.settled = true;
    this.#waiting.delete(request);
    this.#tellDrained();
    return request;
  }

  #tellDrained(): void {
    if (this.#waiting.size === 0 && this.#running.size === 0) this.#drained?.();
  }

  /** One timer for all deadlines, armed for the nearest. */
  #watch(at: number): void {
    if (at >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => this.#sweep(), Math.max(0, Math.ceil(at - this.#clock.monotonic())));
    this.#timer.unref();
  }

  #sweep(): void {
    this.#timerAt = Infinity;
    const now = this.#clock.monotonic();
    for (const batch of this.#running.values()) {
      if (batch.killAt <= now) batch.runner.kill(`a run took longer than ${Math.round(now - batch.startedAt)} ms`);
      else this.#watch(batch.killAt);
    }
    for (const request of this.#waiting.values()) {
      if (request.deadlineAt <= now) this.#giveUp(request, deadlineError(request, now));
      else this.#watch(request.deadlineAt);
    }
    this.pump();
  }

  #retryAfter(): number {
    const batches = Math.ceil(this.#queueRows / this.#limits.maxBatchRows) / Math.max(1, this.#pool.ready);
    return Math.min(60, Math.max(1, (batches * this.#usPerBatch) / 1e6));
  }
}

function noRoom(): AppError {
  return new AppError("QUEUE_FULL", "As many large answers are under way as this server has memory for.", { retryAfterSeconds: 1 });
}

function deadlineError(request: PendingRequest, now: number): AppError {
  if (request.batch?.runner.isHeldUp === true) return noRoom();
  const waited = Math.round(now - request.enqueuedAt);
  const where = request.batch === undefined ? "in the queue" : "for the model";
  return new AppError("DEADLINE_EXCEEDED", `The request waited ${waited} ms, at last ${where}, and its deadline passed.`);
}
