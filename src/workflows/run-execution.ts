import type { EpochMs } from "../core/clock.ts";
import { counted } from "../core/counted.ts";
import { AppError } from "../core/errors.ts";
import type { WorkflowDefinition } from "./definition.ts";
import { parseInput } from "./new-run.ts";
import { runErrorOf, WorkflowChanged } from "./run-failure.ts";
import { RunOperations } from "./run-operations.ts";
import { RunSession, type RunSurroundings } from "./run-session.ts";
import type { RunError } from "./schemas.ts";
import { jsonCopy } from "./step-attempt.ts";
import { LeaseLost, type LeasedRun, type RunRelease } from "./workflow-store.ts";

/** Why the function goes no further. */
type Halt =
  | { because: "returned"; output: unknown }
  | { because: "threw"; error: unknown }
  | { because: "changed"; error: WorkflowChanged }
  | { because: "cancelled" | "timed out" | "stopped" | "quiet" };

const defaultTimeoutMs = 86_400_000;
/** A wait shorter than this is sat out in memory: leaving and coming back costs more. */
const keepMs = 2000;
/** How long a function that is asked for its compensations may do things that cannot be seen. */
const patienceMs = 10_000;

/** One run from its lease to its release: replays the journal, goes on from there, and undoes what must be undone. */
export class RunExecution {
  readonly run: LeasedRun;
  readonly #session: RunSession;
  readonly #operations: RunOperations;
  readonly #definition: WorkflowDefinition;
  readonly #halted = Promise.withResolvers<Halt>();
  readonly #lost = Promise.withResolvers<unknown>();
  /** Set when the function is frozen for the sake of something other than its own end. */
  #freeze: Halt | undefined;
  #idle: (() => void) | undefined;
  #cancelRequested: boolean;
  #stopping = false;

  constructor(leased: LeasedRun, definition: WorkflowDefinition, surroundings: RunSurroundings) {
    this.run = leased;
    this.#definition = definition;
    this.#cancelRequested = leased.run.cancelRequested;
    this.#session = new RunSession(leased, surroundings);
    this.#session.onLost = (error) => this.#lose(error);
    this.#session.onQuiet = () => this.#onQuiet();
    this.#operations = new RunOperations(this.#session, (error) => this.#halted.resolve({ because: "changed", error }));
  }

  /** Settles when the run has left memory; never rejects. */
  async execute(): Promise<void> {
    const lost = this.#lost.promise.then((error) => {
      if (error instanceof LeaseLost) return;
      this.#session.surroundings.logger.error("workflows.run_dropped", { run: this.run.run.id, workflow: this.run.run.workflow, cause: error });
    });
    await Promise.race([this.#execute().catch((error: unknown) => this.#lose(error)), lost]);
    this.#session.finish();
  }

  cancel(): void {
    if (this.#cancelRequested) return;
    this.#cancelRequested = true;
    this.#freezeFor({ because: "cancelled" });
  }

  /** Another replica has it, or may have it: everything of it ends here, and nothing is written. */
  loseLease(): void {
    this.#lose(new LeaseLost("The lease of the run has ended."));
  }

  /** The process ends: steps under way may finish within the grace, then the run is released as it is. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    if (this.#session.phase === "over") return;
    this.#session.phase = "frozen";
    const goingDown = new AppError("SHUTTING_DOWN", "The server is going down.");
    this.#session.stopping.abort(goingDown);
    const abort = (): void => this.#session.abort.abort(goingDown);
    if (graceMs <= 0) abort();
    const cancel = this.#session.surroundings.timers.after(graceMs, abort);
    await Promise.race([this.#whenIdle(), this.#lost.promise]);
    cancel();
    this.#freeze ??= { because: "stopped" };
    this.#halted.resolve({ because: "stopped" });
  }

  wakeSignal(name?: string, key?: string): void {
    this.#session.wakeSignal(name, key);
  }

  async #execute(): Promise<void> {
    const session = this.#session;
    session.surroundings.onPoint("leased");
    if (this.run.crashes >= session.surroundings.maxCrashes) {
      const message = `The process ended ${counted(this.run.crashes, "time")} in a row while it worked on this run; it is not tried again.`;
      return this.#release({ state: "failed", error: { code: "RUN_CRASHED", message } });
    }
    await session.load();
    const journal = [...session.journal];
    if (this.#cancelRequested) this.#freezeFor({ because: "cancelled" });
    else if (this.#deadline <= session.surroundings.now()) this.#freezeFor({ because: "timed out" });
    else if (journal.some(({ kind }) => kind === "compensation")) this.#freezeFor({ because: "quiet" });
    const cancelDeadline = this.#armDeadline();
    if (journal.length > 0 || this.#freeze === undefined) this.#call();
    else this.#halted.resolve(this.#freeze);
    const halt = await this.#halted.promise;
    cancelDeadline();
    if (session.phase === "over") return;
    session.phase = "frozen";
    if (halt.because === "stopped") return this.#release({ state: this.#isCompensating() ? "compensating" : "sleeping", dueAt: session.surroundings.now() });
    if (halt.because === "quiet" && this.#freeze === undefined) return this.#release({ state: "sleeping", dueAt: earlier(session.nextWakeAt, this.#deadline) });
    await this.#end(halt);
  }

  #call(): void {
    let input: unknown;
    try {
      input = parseInput(this.#definition, this.run.run.input);
    } catch (cause) {
      const error = new WorkflowChanged(`The input of this run does not fit the workflow any more: ${runErrorOf(cause).message}`);
      this.#halted.resolve({ because: "changed", error });
      return;
    }
    const call = async (): Promise<unknown> => this.#definition.run(this.#operations, input);
    call().then(
      (output) => this.#halted.resolve({ because: "returned", output }),
      (error: unknown) => this.#halted.resolve({ because: "threw", error }),
    );
    this.#session.checkQuiet();
  }

  /** The function is over, in one way or another: what is under way ends, finished steps are undone if need be, the run ends. */
  async #end(halt: Halt): Promise<void> {
    const session = this.#session;
    session.abort.abort(new AppError("RUN_CANCELLED", "The run goes no further."));
    await this.#whenIdle();
    session.forgetParked();
    const outcome = this.#outcomeOf(halt);
    if (outcome.state !== "succeeded" && !("changed" in outcome)) {
      session.abort = new AbortController();
      const error = await this.#compensate(outcome.error);
      if (error === undefined) return;
      await this.#release(error === outcome.error ? { state: outcome.state, error } : { state: "failed", error });
      return;
    }
    await this.#release(outcome.state === "succeeded" ? { state: "succeeded", output: outcome.output } : { state: "failed", error: outcome.error });
  }

  #outcomeOf(halt: Halt): { state: "succeeded"; output: unknown } | { state: "failed" | "cancelled"; error: RunError } | { state: "failed"; error: RunError; changed: true } {
    if (halt.because === "changed") return { state: "failed", error: runErrorOf(halt.error), changed: true };
    const unasked = this.#operations.unasked();
    if (unasked !== undefined) {
      const message = `The workflow's code went another way than before: it did not ask for the step ${JSON.stringify(unasked)}, which this run has done.`;
      return { state: "failed", error: { code: "WORKFLOW_CHANGED", message, step: unasked }, changed: true };
    }
    // A run that failed by itself, and was being undone when somebody cancelled it, has failed.
    if (this.#freeze?.because === "cancelled" && (halt.because !== "threw" || !this.#isCompensating())) return { state: "cancelled", error: { code: "RUN_CANCELLED", message: "It was cancelled." } };
    const timedOut = this.#deadline <= this.#session.surroundings.now();
    if (this.#freeze !== undefined && halt.because !== "threw" && timedOut) {
      return { state: "failed", error: { code: "RUN_TIMEOUT", message: `The run took longer than ${this.#timeoutMs} ms.` } };
    }
    if (halt.because === "threw") return { state: "failed", error: runErrorOf(halt.error) };
    if (halt.because === "returned" && this.#freeze === undefined) {
      try {
        return { state: "succeeded", output: jsonCopy(halt.output) };
      } catch (error) {
        return { state: "failed", error: runErrorOf(error) };
      }
    }
    return { state: "failed", error: { code: "WORKFLOW_CHANGED", message: "Steps of this run were being undone, and its code does not fail any more where it did." } };
  }

  /** Answers the error that the run ends with, or nothing when it was released before its end. */
  async #compensate(error: RunError): Promise<RunError | undefined> {
    const session = this.#session;
    const parked = Promise.withResolvers<"parked">();
    session.onQuiet = () => {
      if (session.hasParked && !isSoon(session.nextWakeAt, session.surroundings.now())) parked.resolve("parked");
      this.#idle?.();
    };
    for (const compensation of [...this.#operations.compensations].sort((left, right) => right.position - left.position)) {
      try {
        const done = await Promise.race([this.#operations.compensate(compensation), parked.promise]);
        if (done === "parked" || !done || this.#stopping) {
          await this.#release({ state: "compensating", dueAt: session.nextWakeAt ?? session.surroundings.now() });
          return undefined;
        }
      } catch (failure) {
        if (failure instanceof LeaseLost || !(failure instanceof AppError)) throw failure;
        return { ...error, message: `${error.message} And it could not be undone: ${failure.message}` };
      }
    }
    return error;
  }

  async #release(release: RunRelease): Promise<void> {
    const session = this.#session;
    await session.log.flush();
    session.surroundings.onPoint("releasing");
    await session.release(release);
    session.surroundings.onPoint("released");
  }

  #onQuiet(): void {
    this.#idle?.();
    const session = this.#session;
    if (this.#stopping) return;
    if (session.phase === "frozen") {
      const freeze = this.#freeze;
      if (freeze === undefined) return;
      // It may still be on its way to a finished step whose undoing only it knows.
      if (this.#operations.unasked() === undefined) this.#halted.resolve(freeze);
      else session.surroundings.timers.after(patienceMs, () => this.#halted.resolve(freeze));
      return;
    }
    if (session.hasParked && !isSoon(earlier(session.nextWakeAt, this.#deadline), session.surroundings.now())) {
      // At once, so that nothing that is woken now begins anything.
      session.phase = "frozen";
      this.#halted.resolve({ because: "quiet" });
    }
  }

  #freezeFor(freeze: Halt): void {
    if (this.#freeze !== undefined || this.#session.phase !== "working") return;
    this.#freeze = freeze;
    this.#session.phase = "frozen";
    this.#session.abort.abort(new AppError("RUN_CANCELLED", `The run was ${freeze.because}.`));
    this.#session.checkQuiet();
  }

  #whenIdle(): Promise<void> {
    if (this.#session.active === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle = resolve;
    });
  }

  #lose(error: unknown): void {
    this.#session.lose();
    this.#lost.resolve(error);
  }

  #isCompensating(): boolean {
    return [...this.#session.journal].some(({ kind }) => kind === "compensation");
  }

  get #timeoutMs(): number {
    return this.#definition.timeoutMs ?? defaultTimeoutMs;
  }

  get #deadline(): EpochMs {
    return (this.run.run.startedAt! + this.#timeoutMs) as EpochMs;
  }

  #armDeadline(): () => void {
    const { timers, now } = this.#session.surroundings;
    let cancel = (): void => undefined;
    const arm = (): void => {
      const left = this.#deadline - now();
      if (left <= 0) this.#freezeFor({ because: "timed out" });
      else cancel = timers.after(left, arm);
    };
    arm();
    return () => cancel();
  }
}

function earlier(left: EpochMs | null, right: EpochMs): EpochMs {
  return left === null || left > right ? right : left;
}

function isSoon(time: EpochMs | null, now: EpochMs): boolean {
  return time !== null && time - now <= keepMs;
}
