import type { Clock } from "../../core/clock.ts";
import type { AppError } from "../../core/errors.ts";
import type { HttpAnswer } from "../../core/route.ts";
import { patienceMs, reserveMs } from "../../serving/index.ts";
import type { CallFloor, OpenedFloor } from "../calls/call-floor.ts";
import type { CallBounds } from "../calls/call-ledger.ts";
import type { CallEnding } from "../calls/call-ending.ts";
import type { CallRecord } from "../calls/call-record.ts";
import type { Alarm } from "../routing/call-timer.ts";
import type { MetLimit, SplitObserver } from "./split-observer.ts";
import { mark, sampleOf, stableArm, type AssignedCall } from "./split-samples.ts";
import { armTimeout, isOwnFailure, isWorthAnother, limitOf } from "./trial-outcome.ts";

export interface ArmCallParts {
  floor: Pick<CallFloor, "accountOf" | "admit" | "reserve" | "release" | "isHeld">;
  clock: Clock;
  alarm: Alarm;
  /** Tells the observer, if there is one; never throws. */
  tell(told: (observer: SplitObserver) => void): void;
}

/** A caller who left after this long, and ten times what stable needs, says something about the arm. */
const longWaitMs = 1000;

/**
 * One call that was given to an arm. What the arm fails at before the caller has got anything is answered by stable within the same deadline. The call has its place in the route's limits once, whoever answers; stable's
 * worst case is reserved beside the arm's until it is known that it is not needed, so that no budget keeps it from answering. Each has a record of its own: what failed is in the trace below what answered.
 */
export class ArmCall {
  readonly #parts: ArmCallParts;
  readonly #assigned: AssignedCall;
  readonly #enteredStable: OpenedFloor;
  readonly #enteredArm: OpenedFloor;
  /** Of stable, which holds what both share. It is ended where stable answers. */
  readonly #standby: CallRecord;
  readonly #trial: CallRecord;
  readonly #stop = new AbortController();
  readonly #late = Promise.withResolvers<never>();
  readonly #mayRetry: boolean;
  #cancelAlarm: (() => void) | null = null;
  #limitMs = Infinity;
  /** The arm's time was over. */
  #isLate = false;
  /** Nothing was left of it when its turn came. */
  #isHurried = false;
  /** It is for stable to answer. */
  #isRetried = false;
  /** The caller has the answer, or its beginning. */
  #isSettled = false;
  #isAdmitted = false;
  /** Refused by the route's limits or a budget, as stable would have been. */
  #isRefused = false;
  #ending: CallEnding | null = null;
  /** What it ended with, before all of it was written. */
  #error: AppError | null = null;
  /** That the arm failed. */
  #isTold = false;

  constructor(parts: ArmCallParts, assigned: AssignedCall) {
    const { split, call, arm, revision } = assigned;
    this.#parts = parts;
    this.#assigned = assigned;
    this.#mayRetry = split.active.route.retryOnStable;
    this.#enteredStable = split.with(call.entered, split.active.route.stable);
    this.#enteredArm = split.with(call.entered, revision);
    this.#standby = call.record(this.#enteredStable);
    mark(this.#standby, { split, arm: stableArm, revision: split.active.route.stable });
    // What stable answers in its place is no answer of the arm, whoever is to blame, and no fair share of stable's.
    Object.assign(this.#standby.attributes, { "slipway.failed_arm": arm, "slipway.scored": false });
    this.#trial = call.record(this.#enteredArm);
    mark(this.#trial, assigned);
    this.#trial.watch = { ending: (outcome, error) => this.#beforeEnd(outcome, error), ended: (ending) => this.#ended(ending) };
    this.#late.promise.catch(() => undefined);
  }

  async answer(): Promise<HttpAnswer> {
    const { call } = this.#assigned;
    const { signal } = call.context;
    if (signal.aborted) this.#leave();
    else signal.addEventListener("abort", this.#leave, { once: true });
    this.#setAlarm();
    const carried = call.carryOut({ entered: this.#enteredArm, record: this.#trial, context: { ...call.context, signal: this.#stop.signal }, admit: (bounds) => this.#admit(bounds), holdsBack: this.#mayRetry });
    carried.catch(() => undefined);
    try {
      const answer = await Promise.race([carried, this.#late.promise]);
      if (!this.#isRetried) {
        this.#settle();
        return answer;
      }
    } catch (error) {
      if (!this.#isRetried) throw error;
    }
    return this.#again();
  }

  readonly #leave = (): void => this.#stop.abort(this.#assigned.call.context.signal.reason);

  /** As long as stable can still answer after it. Throws where nothing is left. */
  #setAlarm(): void {
    if (!this.#mayRetry) return;
    const { split } = this.#assigned;
    const { deadlineMs } = this.#enteredStable.route.settings;
    const usualMs = this.#usualMs;
    const leftMs = deadlineMs - (this.#parts.clock.monotonic() - this.#standby.startedTick) - reserveMs(deadlineMs, usualMs);
    this.#isHurried = leftMs <= 0;
    if (this.#isHurried) throw armTimeout();
    this.#limitMs = Math.min(leftMs, split.active.route.hard.latencyMs ?? patienceMs(usualMs));
    this.#cancelAlarm = this.#parts.alarm(this.#limitMs, this.#ring);
  }

  #stopAlarm(): void {
    this.#cancelAlarm?.();
    this.#cancelAlarm = null;
  }

  readonly #ring = (): void => {
    const error = armTimeout();
    this.#isLate = true;
    this.#retry();
    this.#stop.abort(error);
    // What hangs where no signal reaches is not waited for.
    setImmediate(() => this.#late.reject(error));
  };

  async #admit(bounds: CallBounds): Promise<void> {
    const { floor } = this.#parts;
    const { call } = this.#assigned;
    const context = { ...call.context, signal: this.#stop.signal };
    if (this.#isRetried) throw armTimeout();
    // Waiting for the route's limits is not the arm's time.
    this.#stopAlarm();
    try {
      if (!this.#mayRetry) return await floor.admit(this.#enteredArm, this.#trial, bounds, context);
      try {
        await floor.admit(this.#enteredStable, this.#standby, call.bounds(this.#enteredStable.route.settings, floor.isHeld(this.#enteredStable, this.#standby)), context);
      } finally {
        this.#trial.limits = this.#standby.limits;
      }
    } catch (error) {
      this.#isRefused = true;
      throw error;
    }
    this.#isAdmitted = true;
    await floor.reserve(this.#enteredArm, this.#trial, bounds);
    this.#setAlarm();
  }

  /** Decides who answers, before the arm's record gives back what it holds. */
  #beforeEnd(outcome: CallEnding["outcome"], error: AppError | null): void {
    this.#stopAlarm();
    this.#error = error;
    if (this.#isRetried) return;
    if (this.#mayRetry && !this.#isSettled && !this.#isRefused && outcome === "failed" && error !== null && isWorthAnother(error)) this.#retry();
    else this.#settle();
  }

  #retry(): void {
    this.#isRetried = true;
    this.#trial.parentSpanId = this.#standby.spanId;
    this.#trial.attributes["slipway.scored"] = false;
  }

  /** The answer is the arm's: so is the call's place, and stable's reservation is not needed. */
  #settle(): void {
    this.#stopAlarm();
    if (this.#isSettled) return;
    this.#isSettled = true;
    if (this.#standby.ticket !== null) this.#trial.ticket = this.#standby.ticket;
    this.#standby.ticket = null;
    this.#parts.floor.release(this.#standby);
  }

  #ended(ending: CallEnding): void {
    this.#assigned.call.context.signal.removeEventListener("abort", this.#leave);
    this.#ending = ending;
    if (this.#isRetried) return;
    const { outcome, error, totalMs } = ending;
    const isTooLong = outcome === "cancelled" && totalMs >= Math.max(longWaitMs, 10 * (this.#usualMs ?? 0));
    const isFailure = isTooLong || (outcome === "failed" && error !== null && isOwnFailure(error));
    this.#parts.tell((observer) => observer.answered(sampleOf(this.#assigned, this.#trial, ending, { isFailure, limit: this.#sharedLimit(ending) })));
  }

  /** Of an arm that was asked alone: without stable in its place its callers see its own limits as errors. */
  #sharedLimit(ending: CallEnding): MetLimit | undefined {
    const { targets } = this.#enteredStable.route.settings;
    return targets.some(({ provider }) => limitOf(ending, provider, this.#parts.floor.accountOf) === "shared") ? "shared" : undefined;
  }

  async #again(): Promise<HttpAnswer> {
    const { call, split } = this.#assigned;
    const since = this.#parts.clock.monotonic();
    const stable: AssignedCall = { ...this.#assigned, arm: stableArm, revision: split.active.route.stable };
    this.#standby.watch = {
      ending: () => this.#countArm(),
      ended: (ending) => {
        this.#tellTrial(ending.outcome === "ok" || ending.outcome === "cached");
        const isFailure = ending.outcome === "failed" && ending.error !== null && isOwnFailure(ending.error);
        this.#parts.tell((observer) => observer.answered(sampleOf(stable, this.#standby, ending, { isFailure, isRetry: true, ms: ending.totalMs - (since - this.#standby.startedTick) })));
      },
    };
    const admit = async (bounds: CallBounds): Promise<void> => {
      if (!this.#isAdmitted) await this.#parts.floor.admit(this.#enteredStable, this.#standby, bounds, call.context);
    };
    try {
      const answer = await call.carryOut({ entered: this.#enteredStable, record: this.#standby, context: call.context, admit, holdsBack: false });
      this.#tellTrial(true);
      return answer;
    } catch (error) {
      this.#tellTrial(false);
      throw error;
    }
  }

  /** Both used tokens of the route's limits. */
  #countArm(): void {
    const { ticket } = this.#standby;
    const used = this.#trial.usedTokens;
    if (ticket !== null && used > 0) this.#standby.ticket = { ...ticket, settle: (tokens) => ticket.settle(tokens + used) };
  }

  /** Once both have been asked: what no settings can do is nobody's fault. */
  #tellTrial(couldStable: boolean): void {
    if (this.#isTold) return;
    this.#isTold = true;
    const { clock } = this.#parts;
    const ending = this.#ending ?? { outcome: "failed", error: this.#error, totalMs: clock.monotonic() - this.#trial.startedTick, cost: this.#trial.spent().cost, uses: [] };
    const isInTime = !this.#isHurried && !(this.#isLate && this.#limitMs < (this.#usualMs ?? 0));
    const isFailure = couldStable && isInTime && ending.error?.code !== "BUDGET_EXCEEDED";
    const limit = limitOf(ending, couldStable ? (this.#standby.target?.provider ?? null) : null, this.#parts.floor.accountOf);
    this.#parts.tell((observer) => observer.answered(sampleOf(this.#assigned, this.#trial, ending, { isFailure, limit, isLate: this.#isLate || this.#isHurried })));
  }

  /** What stable takes, to the point from which the answer is the arm's. */
  get #usualMs(): number | null {
    const { split, call } = this.#assigned;
    return (call.isStream ? split.usual.begin : split.usual.whole).p99Ms;
  }
}
