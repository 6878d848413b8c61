import { epochMs, type EpochMs } from "../core/clock.ts";
import type { CommandResult, CommandSpec } from "./command-runner.ts";
import type { StepContext, StepOptions, WorkflowContext } from "./definition.ts";
import { retryDelayMs, retryPolicyOf } from "./retry-delay.ts";
import { runErrorOf, StepError, WorkflowChanged } from "./run-failure.ts";
import type { RunSession } from "./run-session.ts";
import { signalKey } from "./signal-key.ts";
import { runAttempt } from "./step-attempt.ts";
import type { LogLine, StepKind } from "./schemas.ts";
import type { StepRecord } from "./workflow-store.ts";

/** What an operation is to answer; `undefined` when the run left memory, or was frozen, before. */
type Answer = { value: unknown } | { error: Error } | undefined;

/** What undoes a finished step. */
export interface Compensation {
  step: string;
  position: number;
  undo(step: StepContext): Promise<void>;
  options: StepOptions<unknown>;
}

const defaultTimeoutMs = 600_000;
/** A step that takes longer is written down as being under way, for those who watch. */
const tellAfterMs = 250;
const longestName = 200;

/** What a workflow's function does to the world, as its context: answered from the journal, or done and journalled. */
export class RunOperations implements WorkflowContext {
  readonly compensations: Compensation[] = [];
  readonly #session: RunSession;
  readonly #asked = new Set<string>();
  /** Ends the run: the function cannot go on. */
  readonly #fail: (error: WorkflowChanged) => void;

  constructor(session: RunSession, fail: (error: WorkflowChanged) => void) {
    this.#session = session;
    this.#fail = fail;
  }

  get runId(): string {
    return this.#session.run.id;
  }

  get startedAt(): EpochMs {
    return epochMs(this.#session.run.startedAt!);
  }

  step<Result>(name: string, work: (step: StepContext) => Promise<Result> | Result, options: StepOptions<Result> = {}): Promise<Result> {
    return this.#step(name, "function", work, options as StepOptions<unknown>) as Promise<Result>;
  }

  command(name: string, command: CommandSpec, options: StepOptions<CommandResult> = {}): Promise<CommandResult> {
    const work = (step: StepContext): Promise<CommandResult> =>
      this.#session.surroundings.commands.run(command, {
        signal: step.signal,
        environment: { SLIPWAY_RUN: this.runId, SLIPWAY_STEP: name, SLIPWAY_ATTEMPT: String(step.attempt), SLIPWAY_IDEMPOTENCY_KEY: step.idempotencyKey },
        onLine: (stream, line) => this.#log(name, stream, line),
      });
    return this.#step(name, "command", work, options as StepOptions<unknown>) as Promise<CommandResult>;
  }

  sleep(name: string, milliseconds: number): Promise<void> {
    return this.#sleep(name, () => epochMs(this.#session.surroundings.now() + Math.max(0, milliseconds)));
  }

  sleepUntil(name: string, time: EpochMs): Promise<void> {
    return this.#sleep(name, () => epochMs(time));
  }

  waitForSignal<Payload>(name: string, { signal, timeoutMs, ...given }: { signal: string; key?: string; timeoutMs?: number }): Promise<Payload | null> {
    const session = this.#session;
    const key = signalKey(session.run.team, given.key ?? "");
    return this.#ask(name, "signal", async (entry) => {
      const startedAt = entry?.startedAt ?? session.surroundings.now();
      const wakeAt = entry === undefined ? (timeoutMs === undefined ? null : epochMs(startedAt + timeoutMs)) : entry.wakeAt;
      if (entry === undefined) await session.write(this.#waiting(name, "signal", startedAt, wakeAt));
      // From here on its coming wakes the run, wherever it sleeps.
      await session.waitForSignal(name, signal, key);
      for (;;) {
        const position = session.nextPosition();
        const finished = (payload: unknown): StepRecord => this.#finished(name, "signal", { position, startedAt, attempts: 1, result: payload });
        const taken = await session.takeSignal(signal, key, finished);
        session.surroundings.onPoint("signal taken");
        if (taken !== null) return { value: taken.payload };
        if (wakeAt !== null && wakeAt <= session.surroundings.now()) {
          await session.write(finished(null));
          return { value: null };
        }
        if (session.phase === "working") await session.park(name, wakeAt, { name: signal, key });
        // On its way out of memory the run takes nothing more: what it took would be in the journal of one that sleeps. What has come makes it due when it has left.
        if (session.phase !== "working") return undefined;
      }
    }) as Promise<Payload | null>;
  }

  /** Undoes a step, with attempts and journal like any step. False when the run was stopped before. Throws StepError. */
  async compensate({ step, undo, options }: Compensation): Promise<boolean> {
    const name = `undo ${step}`;
    const entry = this.#session.journalled(name);
    if (entry?.state === "succeeded") return true;
    if (entry?.state === "failed") throw new StepError(name, entry.attempts, entry.error!);
    this.#session.enter();
    const answer = await this.#attempts(name, "compensation", undo, options, entry);
    this.#session.leave();
    if (answer !== undefined && "error" in answer) throw answer.error;
    return answer !== undefined;
  }

  /** A journalled step that the function has not asked for; the compensations aside. */
  unasked(): string | undefined {
    return [...this.#session.journal].find(({ kind, step }) => kind !== "compensation" && !this.#asked.has(step))?.step;
  }

  #step(name: string, kind: StepKind, work: (step: StepContext) => unknown, options: StepOptions<unknown>): Promise<unknown> {
    const finished = (record: StepRecord): void => {
      const { compensate } = options;
      if (compensate === undefined || record.state !== "succeeded") return;
      this.compensations.push({ step: name, position: record.position, undo: (step) => compensate(record.result, step), options });
    };
    return this.#ask(
      name, kind,
      async (entry) => {
        const answer = await this.#attempts(name, kind, work, options, entry);
        if (answer !== undefined) finished(this.#session.journalled(name)!);
        return answer;
      },
      finished,
    );
  }

  #sleep(name: string, until: () => EpochMs): Promise<void> {
    const session = this.#session;
    return this.#ask(name, "sleep", async (entry) => {
      const startedAt = entry?.startedAt ?? session.surroundings.now();
      const wakeAt = epochMs(entry?.wakeAt ?? until());
      if (entry === undefined && wakeAt > session.surroundings.now()) await session.write(this.#waiting(name, "sleep", startedAt, wakeAt));
      if (wakeAt > session.surroundings.now()) await session.park(name, wakeAt);
      if (session.phase !== "working") return undefined;
      await session.write(this.#finished(name, "sleep", { position: session.nextPosition(), startedAt, attempts: 1, result: null }));
      return { value: undefined };
    }) as Promise<void>;
  }

  /**
   * The frame of every operation: its name is taken, the journal answers if it can, else `live` does. The promise never
   * settles when the run leaves memory before.
   */
  #ask(name: string, kind: StepKind, live: (entry: StepRecord | undefined) => Promise<Answer>, replayed?: (entry: StepRecord) => void): Promise<unknown> {
    const session = this.#session;
    return new Promise((resolve, reject) => {
      if (session.phase === "over") return;
      const entry = session.journalled(name);
      const refusal = this.#refusal(name, kind, entry);
      if (refusal !== undefined) {
        this.#fail(new WorkflowChanged(refusal));
        return;
      }
      this.#asked.add(name);
      const settle = (answer: NonNullable<Answer>): void => {
        session.surroundings.onPoint(`${kind} answered`);
        if ("value" in answer) resolve(answer.value);
        else reject(answer.error);
      };
      if (entry?.state === "succeeded" || entry?.state === "failed") {
        replayed?.(entry);
        // A copy, so that a workflow that changes what it got finds it whole in the next replay.
        const answer = entry.state === "succeeded" ? { value: kind === "sleep" ? undefined : structuredClone(entry.result) } : { error: new StepError(name, entry.attempts, entry.error!) };
        session.deliverReplay(entry.position, () => settle(answer));
        return;
      }
      if (session.phase !== "working") return;
      session.enter();
      live(entry).then(
        (answer) => {
          if (answer !== undefined) session.deliverLive(() => settle(answer));
          session.leave();
        },
        (error: unknown) => {
          session.leave();
          session.onLost(error);
        },
      );
    });
  }

  #refusal(name: string, kind: StepKind, entry: StepRecord | undefined): string | undefined {
    if (name.length === 0 || name.length > longestName || !/^[^\p{Cc}]*$/u.test(name) || !name.isWellFormed()) {
      return `${JSON.stringify(name.slice(0, 50))} is no name for a step: it takes 1 to ${longestName} characters without control characters.`;
    }
    if (this.#asked.has(name)) return `The name ${JSON.stringify(name)} is used twice in this run; every step needs a name of its own.`;
    if (entry !== undefined && entry.kind !== kind) {
      return `The step ${JSON.stringify(name)} was a ${entry.kind} when the run began, and is a ${kind} now.`;
    }
    return undefined;
  }

  /** Attempts until one succeeds or none is left. */
  async #attempts(
    name: string, kind: StepKind, work: (step: StepContext) => unknown, options: StepOptions<unknown>, entry: StepRecord | undefined,
  ): Promise<Answer> {
    const session = this.#session;
    const { now, timers, random, onPoint } = session.surroundings;
    const policy = retryPolicyOf(options.retry);
    const startedAt = entry?.startedAt ?? now();
    let attempt = entry === undefined ? 1 : entry.state === "retrying" ? entry.attempts + 1 : Math.max(1, entry.attempts);
    if (entry?.state === "retrying" && entry.wakeAt !== null && entry.wakeAt > now()) await session.park(name, entry.wakeAt);
    for (;; attempt++) {
      // Compensations run while the function is frozen.
      if (session.isOver || (session.phase === "frozen" && kind !== "compensation")) return undefined;
      let telling: Promise<void> | undefined;
      const record = { step: name, kind, startedAt, attempts: attempt, wakeAt: null, result: null };
      const tell = (): void => {
        telling = session.write({ ...record, position: session.nextPosition(), state: "running", endedAt: null, error: null }).catch(session.onLost);
      };
      // The first word of an undoing tells that the run compensates.
      if (kind === "compensation" && attempt === 1) tell();
      const stopTelling = timers.after(tellAfterMs, tell);
      onPoint(`${kind} begins`);
      const outcome = await runAttempt((signal) => work(this.#contextOf(name, attempt, signal)), {
        signal: options.endsAtStop === true ? AbortSignal.any([session.abort.signal, session.stopping.signal]) : session.abort.signal, timeoutMs: options.timeoutMs ?? defaultTimeoutMs, timers, waitForEnd: kind === "command",
      });
      onPoint(`${kind} done`);
      stopTelling();
      await telling;
      if (outcome.state === "aborted" || session.isOver) return undefined;
      if (outcome.state === "succeeded") {
        await session.write(this.#finished(name, kind, { position: session.nextPosition(), startedAt, attempts: attempt, result: outcome.result }));
        onPoint(`${kind} journalled`);
        return { value: outcome.result };
      }
      const error = { ...runErrorOf(outcome.error), step: name };
      const position = session.nextPosition();
      if (attempt >= policy.maxAttempts) {
        await session.write({ ...record, position, state: "failed", endedAt: now(), error });
        return { error: new StepError(name, attempt, error) };
      }
      const wakeAt = epochMs(now() + retryDelayMs(policy, attempt, random()));
      await session.write({ ...record, position, state: "retrying", endedAt: null, wakeAt, error });
      this.#log(name, "slipway", `Attempt ${attempt} of ${policy.maxAttempts} failed: ${error.message}`);
      onPoint(`${kind} failed`);
      if (wakeAt > now()) await session.park(name, wakeAt);
    }
  }

  #contextOf(step: string, attempt: number, signal: AbortSignal): StepContext {
    return {
      attempt, signal,
      idempotencyKey: `${this.runId}:${step}`,
      log: (line) => this.#log(step, "log", line),
      progress: (share, note) => this.#session.log.progress(share, note ?? null),
    };
  }

  #log(step: string, stream: LogLine["stream"], line: string): void {
    this.#session.log.add(step, this.#session.surroundings.now(), stream, String(line));
  }

  #waiting(step: string, kind: StepKind, startedAt: number, wakeAt: EpochMs | null): StepRecord {
    const position = this.#session.nextPosition();
    return { step, kind, position, state: "waiting", attempts: 0, startedAt: epochMs(startedAt), endedAt: null, wakeAt, result: null, error: null };
  }

  #finished(step: string, kind: StepKind, facts: { position: number; startedAt: number; attempts: number; result: unknown }): StepRecord {
    return { step, kind, ...facts, startedAt: epochMs(facts.startedAt), state: "succeeded", endedAt: this.#session.surroundings.now(), wakeAt: null, error: null };
  }
}

