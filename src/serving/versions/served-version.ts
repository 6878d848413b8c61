import type { Clock } from "../../core/clock.ts";
import { counted } from "../../core/counted.ts";
import { AppError, toAppError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { BlobStore, ModelVersion, Policy } from "../../registry/index.ts";
import { batchKey, hasFixedTrailingDimensions, rowsOf } from "../batching/batch.ts";
import { BatchScheduler, type Caller, type ScheduledResult, type SchedulerLimits } from "../batching/batch-scheduler.ts";
import { CircuitBreaker } from "../answers/circuit-breaker.ts";
import { LatencyEstimate } from "./latency-estimate.ts";
import type { MeasurementStore, WarmupMeasure } from "./measurement-store.ts";
import type { LightRunners, ModelRunner, ModelRuntime } from "./model-runtime.ts";
import { RunnerPool } from "./runner-pool.ts";
import type { ServedVersion as ServedVersionView, VersionState } from "../schemas.ts";
import { VersionTotals } from "./version-totals.ts";
import { warmUp } from "./warm-up.ts";

export interface ServedVersionParts {
  runtime: ModelRuntime;
  blobs: BlobStore;
  measurements: MeasurementStore;
  /** Kind of machine and runtime, for which measurements hold. */
  machine: string;
  clock: Clock;
  logger: Logger;
  onState: (state: VersionState) => void;
  onBatch: (rows: number, runUs: number) => void;
  /** It is tried out beside another version: it runs in processes alone, where what it does harms nobody else. */
  isTriedOut: boolean;
  /** Inputs that callers sent, of one row or more, to warm it up with; null where there are none. */
  recordedInputs: () => Promise<readonly Tensor[] | null>;
}

/** A model whose largest batch runs in less than this may run in the server's process. */
const tinyMs = 1;

interface Lane {
  pool: RunnerPool;
  scheduler: BatchScheduler;
}

/**
 * One version with its runners. Loaded and warmed in a process of its own first; when the graph's cost is bounded by
 * its shapes and the measured time is tiny, the server runs it inline and keeps processes only for requests of more
 * rows than were measured.
 */
export class ServedVersion {
  readonly version: ModelVersion;
  readonly totals = new VersionTotals();
  readonly latency = new LatencyEstimate();
  /** Where the policy asks for one. */
  breaker: CircuitBreaker | undefined;
  readonly #parts: ServedVersionParts;
  readonly #trailingFixed: boolean;
  #policy: Policy;
  #state: VersionState = "loading";
  #reason: string | null = null;
  #inline: Lane | undefined;
  #process: Lane | undefined;
  #warmup: WarmupMeasure[] = [];
  #executionProvider = "cpu";
  #path = "";
  #isTriedOut: boolean;
  /** Where its runners are no processes: how they are used, and one of them. */
  readonly #light: LightRunners | null;
  #lightRunner: ModelRunner | undefined;

  constructor(version: ModelVersion, policy: Policy, parts: ServedVersionParts) {
    this.version = version;
    this.#policy = policy;
    this.#parts = parts;
    this.#isTriedOut = parts.isTriedOut;
    this.#setBreaker();
    this.#trailingFixed = hasFixedTrailingDimensions(version.contract.signature);
    this.#light = parts.runtime.lightRunners?.(version.contract) ?? null;
  }

  get state(): VersionState {
    return this.#state;
  }

  get reason(): string | null {
    return this.#reason;
  }

  get queueRows(): number {
    return (this.#inline?.scheduler.queueRows ?? 0) + (this.#process?.scheduler.queueRows ?? 0);
  }

  /** Ready, and with a runner alive to take work. */
  get isReady(): boolean {
    return this.#state === "ready" && this.#unavailable === null && (this.#inline !== undefined || (this.#process?.pool.ready ?? 0) > 0);
  }

  /** It was loaded, and the last of its processes died: another one starts. */
  get isDead(): boolean {
    return this.#state === "ready" && this.#inline === undefined && this.#process!.pool.ready === 0;
  }

  get #unavailable(): string | null {
    return this.#lightRunner?.unavailable ?? null;
  }

  /** Verifies the artifact, starts runners, warms them up. Rejects with the reason, which `state` and `reason` keep. */
  async load(): Promise<void> {
    try {
      const artifact = this.version.contract.runtime.artifacts[0];
      if (artifact === undefined) throw new AppError("VERSION_FAILED", "The version has no artifact.");
      this.#path = await this.#parts.blobs.verifiedPath(artifact.digest);
      this.#process = this.#makeLane("runner");
      if (!(await this.#openKnownTiny())) {
        const first = await this.#process.pool.open();
        this.#executionProvider = first.executionProvider;
        if (this.#light !== null) this.#lightRunner = first;
        else {
          const { measurements, machine, clock } = this.#parts;
          await measurements.write(this.version.contractDigest, machine, this.#warmup, clock.now());
          await this.#placeInline();
        }
      }
      this.#setState("ready", null);
    } catch (thrown) {
      const error = toAppError(thrown);
      this.#setState("failed", error.code === "INTERNAL" ? "It could not be loaded; the log has the cause." : error.message);
      this.#parts.logger.error("version.failed", { model: this.version.model, version: this.version.version, code: error.code, reason: error.message, cause: error.cause });
      await this.#close();
      throw new AppError("VERSION_FAILED", `Version ${this.version.version} of ${this.version.model} cannot be loaded: ${this.#reason}`, { cause: thrown });
    }
  }

  /** Rejects with VERSION_NOT_READY, VERSION_FAILED, INVALID_INPUT and what the scheduler rejects with. */
  async submit(inputs: readonly Tensor[], deadlineMs: number, caller: Caller): Promise<ScheduledResult> {
    if (this.#state !== "ready") throw this.#notReady();
    const { batchable } = this.version.contract.signature;
    const rows = rowsOf(inputs, batchable);
    if (rows > this.#policy.serving.maxRowsPerRequest) {
      throw new AppError("INVALID_INPUT", `The request has ${counted(rows, "row")}; the model's policy takes at most ${this.#policy.serving.maxRowsPerRequest} at once.`);
    }
    let lane = this.#inline;
    if (lane === undefined || rows > this.#policy.serving.maxBatchRows) {
      lane = this.#process!;
      if (!lane.pool.started) lane.pool.fill();
    }
    return lane.scheduler.submit(inputs, rows, batchKey(inputs, this.#trailingFixed), deadlineMs, caller);
  }

  /** Applies what can change without a reload. */
  setPolicy(policy: Policy): void {
    this.#policy = policy;
    this.#setBreaker();
    for (const lane of [this.#inline, this.#process]) if (lane !== undefined) lane.scheduler.limits = this.#limits();
  }

  /** Changes only where it runs, between two requests: out of the server's process while it is tried out, and back when it proved itself. */
  async setTriedOut(isTriedOut: boolean): Promise<void> {
    if (this.#isTriedOut === isTriedOut) return;
    this.#isTriedOut = isTriedOut;
    this.setPolicy(this.#policy);
    if (this.#state !== "ready") return;
    if (!isTriedOut) return this.#placeInline();
    const inline = this.#inline;
    if (inline === undefined) return;
    if (this.#process!.pool.ready === 0) await this.#process!.pool.open();
    this.#inline = undefined;
    await inline.scheduler.drain();
    await inline.pool.close();
  }

  get isTriedOut(): boolean {
    return this.#isTriedOut;
  }

  /** Whether a change of policy needs new runners. */
  needsReload(policy: Policy): boolean {
    const { serving } = this.#policy;
    if (this.#light !== null) return false;
    return policy.serving.runners !== serving.runners || policy.serving.inline !== serving.inline || policy.serving.maxBatchRows > serving.maxBatchRows;
  }

  /** Finishes what was accepted, then returns the memory. */
  async unload(): Promise<void> {
    if (this.#state === "ready") this.#setState("draining", null);
    await Promise.all([this.#inline?.scheduler.drain(), this.#process?.scheduler.drain()]);
    await this.#close();
    this.#setState("unloaded", null);
  }

  view(active: boolean): ServedVersionView {
    const lane = this.#inline ?? this.#process;
    const unavailable = this.#state === "ready" ? this.#unavailable : null;
    return {
      model: this.version.model,
      version: this.version.version,
      state: unavailable === null ? this.#state : "away",
      reason: unavailable ?? this.#reason,
      active,
      placement: this.#inline === undefined && this.#lightRunner?.placement !== "inline" ? "runner" : "inline",
      executionProvider: this.#executionProvider,
      runners: { wanted: lane?.pool.wanted ?? 0, ready: unavailable === null ? (lane?.pool.ready ?? 0) : 0, restarts: this.#process?.pool.restarts ?? 0 },
      queueRows: this.queueRows,
      breaker: this.breaker?.state(this.#parts.clock.monotonic()) ?? null,
      warmup: this.#warmup.map(({ rows, milliseconds }) => ({ rows, milliseconds })),
    };
  }

  /** What this kind of machine measured before counts: a restart need not start a process for every tiny model. */
  async #openKnownTiny(): Promise<boolean> {
    const { measurements, machine } = this.#parts;
    this.#warmup = (await measurements.read(this.version.contractDigest, machine)) ?? [];
    if (!(await this.#mayRunInline())) {
      this.#warmup = [];
      return false;
    }
    await this.#openInline();
    return true;
  }

  async #placeInline(): Promise<void> {
    if (!(await this.#mayRunInline())) return;
    const idle = this.#process!;
    await this.#openInline();
    this.#process = this.#makeLane("runner");
    await idle.scheduler.drain();
    await idle.pool.close();
  }

  #setBreaker(): void {
    const { breaker: limits } = this.#policy.fallback;
    if (limits === null) this.breaker = undefined;
    else if (this.breaker === undefined) this.breaker = new CircuitBreaker(limits);
    else this.breaker.limits = limits;
  }

  async #openInline(): Promise<void> {
    const lane = this.#makeLane("inline");
    await lane.pool.open();
    this.#inline = lane;
  }

  async #mayRunInline(): Promise<boolean> {
    if (this.#isTriedOut) return false;
    const largest = this.#warmup.at(-1);
    const tiny = largest !== undefined && largest.milliseconds < tinyMs && largest.rows >= this.#limits().maxBatchRows;
    return tiny && this.#policy.serving.inline !== "never" && this.#parts.runtime.inlineAllowed(this.#path);
  }

  #makeLane(placement: "inline" | "runner"): Lane {
    const { clock, logger, onBatch } = this.#parts;
    const lane = {} as Lane;
    lane.pool = new RunnerPool({
      size: this.#light?.count ?? (placement === "inline" ? 1 : this.#policy.serving.runners),
      start: () => this.#startWarm(placement),
      onIdle: () => lane.scheduler.pump(),
      onEmpty: () => {
        // Another version answers for one that is tried out: nobody waits for its next process.
        if (this.#isTriedOut) lane.scheduler.rejectWaiting(new AppError("RUNNER_CRASHED", "The model's process died."));
      },
      clock,
      logger,
      name: `${this.version.model}/${this.version.version}`,
    });
    lane.scheduler = new BatchScheduler(lane.pool, this.#limits(), clock, onBatch);
    return lane;
  }

  async #startWarm(placement: "inline" | "runner"): Promise<ModelRunner> {
    const start = (): Promise<ModelRunner> => this.#parts.runtime.start(this.#path, this.version.contract, placement);
    if (this.#light !== null) return start();
    const brief = this.#warmup.length > 0;
    const recorded = brief ? null : await this.#parts.recordedInputs();
    const { runner, measures } = await warmUp(start, this.version.contract, { maxBatchRows: this.#limits().maxBatchRows, clock: this.#parts.clock, brief, recorded });
    if (measures.length > 0 && this.#warmup.length === 0) this.#warmup = measures;
    return runner;
  }

  #limits(): SchedulerLimits {
    const { maxBatchRows, maxBatchDelayMs, maxQueueRows, maxRunMs } = this.#policy.serving;
    const joins = this.version.contract.signature.batchable && this.#light?.joinsRequests !== false;
    return { maxBatchRows: joins ? maxBatchRows : 1, maxBatchDelayMs: joins ? maxBatchDelayMs : 0, maxQueueRows, maxRunMs, failsCrashed: this.#isTriedOut };
  }

  #notReady(): AppError {
    const name = `Version ${this.version.version} of ${this.version.model}`;
    if (this.#state === "failed") return new AppError("VERSION_FAILED", `${name} could not be loaded: ${this.#reason}`);
    return new AppError("VERSION_NOT_READY", `${name} is ${this.#state}.`, { retryAfterSeconds: 1 });
  }

  #setState(state: VersionState, reason: string | null): void {
    this.#state = state;
    this.#reason = reason;
    this.#parts.onState(state);
  }

  async #close(): Promise<void> {
    await Promise.allSettled([this.#inline?.pool.close(), this.#process?.pool.close()]);
    this.#inline = undefined;
    this.#process = undefined;
  }
}
