import { AppError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { RouteTarget } from "../schemas.ts";
import { AttemptPlaces } from "./attempt-places.ts";
import { AttemptRoom } from "./attempt-room.ts";
import { CallAttempt, type AttemptFailure, type AttemptParts, type Begun } from "./call-attempt.ts";
import { absence, callFailure, toldMessage, type TargetTrouble } from "./call-failure.ts";
import { attemptsOfFailure, type AttemptPlace, type AttemptRecord, type CallOrder, type OpenedCall, type PreparedCall, type ReadyProvider } from "./call-plan.ts";
import type { ProviderHealth } from "./provider-health.ts";
import { RaceCandidates, type Candidate } from "./race-candidates.ts";
import { RaceWaits } from "./race-waits.ts";
import { attemptSpans, backoffMs, isCounted, isFinal, isPassing, isSound, leastAttemptMs, leastRetryMs, retryWindowMs } from "./retry-rules.ts";
import { isAskedAnew, isMended, type RunningAttempt } from "./running-attempt.ts";
import { StreamPieces } from "./stream-pieces.ts";
import { targetName } from "./target-name.ts";

export interface CallRunnerParts extends AttemptParts {
  /** With `settings.baseUrl` set, also where it is the kind's own. */
  provider(name: string): ReadyProvider | null;
  /** Of one that is not there, where it was or is looked for, as words behind its name; null where nobody knows. */
  whereabouts?(name: string): string | null;
  health: ProviderHealth;
  /** In [0, 1). */
  random(): number;
  logger: Logger;
}

/** Asks one target after the other. */
interface Lane {
  hedge: boolean;
  /** What failed last in it, until another is asked. */
  lost: AttemptRecord | null;
}

/**
 * One call over its targets. A lane asks one target after the other; a second lane starts where the call is hedged and the first is silent. What begins well first is the answer, and everything else is ended
 * in that moment. A target that fails is asked again within a second while others wait; what it could not do by then it may try after them, as long as the deadline leaves time.
 */
export class CallRace<Answer> {
  readonly #parts: CallRunnerParts;
  readonly #order: CallOrder<Answer>;
  readonly #startedAt: number;
  readonly #candidates: RaceCandidates;
  readonly #running = new Set<RunningAttempt<Answer>>();
  readonly #attempts: AttemptRecord[] = [];
  readonly #troubles = new Map<RouteTarget, TargetTrouble>();
  readonly #room: AttemptRoom;
  #isOver = false;
  readonly #waits: RaceWaits;
  /** Null where no target has limits of its own. */
  readonly #places: AttemptPlaces | null;
  readonly #result = Promise.withResolvers<OpenedCall<Answer>>();
  #lanes = 0;

  constructor(parts: CallRunnerParts, order: CallOrder<Answer>, targets: readonly RouteTarget[]) {
    this.#parts = parts;
    this.#order = order;
    this.#room = new AttemptRoom(order.watch);
    this.#waits = new RaceWaits(parts.alarm);
    this.#places = order.admit === undefined ? null : new AttemptPlaces(parts, order.admit, order.deadline);
    this.#startedAt = parts.clock.monotonic();
    this.#candidates = new RaceCandidates({ clock: parts.clock, random: () => parts.random(), deadline: order.deadline });
    for (const target of targets) {
      const provider = parts.provider(target.provider);
      if (provider === null) this.#troubled(target, "absent", absence(parts.whereabouts?.(target.provider) ?? null));
      else {
        const health = parts.health.of(target.provider, target.model, provider.settings.breaker);
        this.#candidates.add({ target, provider, health, failures: 0, attemptsLeft: order.settings.attempts, firstFailureAt: null, notBefore: 0, asLastResort: false, isRenewed: false });
      }
    }
  }

  run(): Promise<OpenedCall<Answer>> {
    const { signal, settings } = this.#order;
    if (signal.aborted) this.#callerLeft();
    else {
      signal.addEventListener("abort", this.#callerLeft, { once: true });
      this.#startLane(false);
      if (settings.hedgeAfterMs !== undefined && this.#mayHedge) void this.#waits.wait(settings.hedgeAfterMs).then(() => (this.#mayHedge ? this.#startLane(true) : undefined));
    }
    return this.#result.promise;
  }

  get #mayHedge(): boolean {
    return !this.#isOver && this.#candidates.hasFresh;
  }

  readonly #callerLeft = (): void => void this.#fail(new AppError("CALLER_GONE", "The caller ended the call.", { cause: this.#order.signal.reason }));

  #startLane(hedge: boolean): void {
    this.#lanes++;
    this.#lane(hedge).then(
      () => {
        if (--this.#lanes === 0 && !this.#isOver) this.#fail(this.#room.failure([...this.#troubles.values()], this.#candidates.hasUnasked));
      },
      (thrown: unknown) => this.#fail(thrown),
    );
  }

  async #lane(hedge: boolean): Promise<void> {
    const lane: Lane = { hedge, lost: null };
    while (!this.#isOver) {
      if (lane.lost !== null && this.#candidates.isAnyLeft && !(await this.#room.isLeftBeside(lane.lost))) return;
      const candidate = this.#candidates.next();
      if (candidate === undefined) return;
      while (!this.#isOver && (await this.#ask(candidate, lane))) if (lane.lost !== null && !(await this.#room.isLeftBeside(lane.lost))) return;
    }
  }

  /** One attempt. True where the same target is to be asked once more, after the wait that was done here. */
  async #ask(candidate: Candidate, lane: Lane): Promise<boolean> {
    lane.lost = null;
    const { clock } = this.#parts;
    const { target, provider, health } = candidate;
    const waitMs = candidate.notBefore - clock.monotonic();
    if (waitMs > 0) {
      await this.#waits.wait(waitMs);
      if (this.#isOver) return false;
    }
    if (!candidate.asLastResort && health.isOpen(clock.monotonic()) && !isMended(candidate)) return this.#leaveAlone(candidate);
    let prepared: PreparedCall<Answer>;
    try {
      prepared = this.#order.prepare(target, provider);
    } catch (thrown) {
      if (!(thrown instanceof AppError) || !(thrown.code === "GATEWAY_FIELD_UNSUPPORTED" || thrown.code === "CONTEXT_TOO_LONG" || thrown.code.startsWith("PROVIDER_"))) throw thrown;
      return this.#troubled(target, thrown.code.startsWith("PROVIDER_") ? "unauthorized" : "unfit", thrown.message, thrown);
    }
    const place = this.#places === null ? null : await this.#placeOf(candidate, this.#places);
    if (place === false) return false;
    const now = clock.monotonic();
    const remainingMs = this.#order.deadline - now;
    const admits = remainingMs >= leastAttemptMs && (candidate.asLastResort ? health.admitsAsLastResort(now) : health.admits(now));
    if (!admits) {
      place?.giveBack();
      return remainingMs < leastAttemptMs ? this.#tooLate(target) : this.#leaveAlone(candidate);
    }
    const spans = attemptSpans({
      remainingMs, firstByteMs: this.#order.settings.firstByteMs, others: this.#candidates.others(now), sinceFailureMs: candidate.firstFailureAt === null ? null : now - candidate.firstFailureAt,
      usualMs: health.ewmaMs,
    });
    const ended = this.#order.watch?.begun(target, provider);
    const attempt = new CallAttempt(this.#parts, provider, prepared, { firstByteMs: spans.firstByteMs, resentMs: spans.resentMs, wholeBy: now + spans.wholeMs, deadline: this.#order.deadline, hold: this.#order.hold });
    const running: RunningAttempt<Answer> = { candidate, attempt, prepared, place, record: { provider: target.provider, model: target.model, since: now, hedge: lane.hedge }, ended };
    this.#running.add(running);
    const result = await attempt.begin();
    // Whoever ended the race has put it down already.
    if (!this.#running.has(running)) return false;
    if ("outcome" in result) {
      const isAgain = this.#lost(running, result, spans);
      lane.lost = this.#attempts.at(-1) ?? null;
      return isAgain;
    }
    this.#won(running, result);
    return false;
  }

  /** False where there was none, or nobody wants it any more. */
  async #placeOf({ target, provider }: Candidate, places: AttemptPlaces): Promise<false | AttemptPlace> {
    try {
      return (await places.take(target, provider)) ?? (this.#isOver ? false : this.#tooLate(target));
    } catch (thrown) {
      if (!(thrown instanceof AppError)) throw thrown;
      // Who may not call any more asks no other target either.
      if (thrown.status === 401 || thrown.status === 403 || thrown.status === 404) return this.#fail(thrown);
      return this.#troubled(target, "busy", thrown.message, thrown, thrown.retryAfterSeconds === undefined ? null : thrown.retryAfterSeconds * 1000);
    }
  }

  #lost(running: RunningAttempt<Answer>, failure: AttemptFailure, { firstByteMs, inWindow }: { firstByteMs: number; inWindow: boolean }): boolean {
    const { candidate, candidate: { target, health } } = running;
    const { outcome, retryAfterMs, thrown, resentAt } = failure;
    const message = toldMessage(failure);
    this.#put(running, failure);
    if (isAskedAnew(running, failure)) {
      health.released();
      this.#troubled(target, outcome, message, thrown);
      return true;
    }
    const now = this.#parts.clock.monotonic();
    const cutShort = failure.cutShort === true || (inWindow && outcome === "timeout");
    // A closed connection is no failure of the target's, but the time of the others counts from it.
    candidate.firstFailureAt ??= resentAt ?? null;
    // A caller in a hurry says nothing about the provider.
    const hurried = outcome === "timeout" && firstByteMs < Math.min(retryWindowMs, this.#order.settings.firstByteMs);
    if (isCounted(outcome) && !cutShort && !hurried) this.#countFailure(candidate, message, now);
    else if (isSound(outcome)) health.succeeded(null);
    else if (outcome === "rate-limited") health.limited();
    else health.released();
    if (outcome === "unauthorized") health.refusedSecret = { used: running.attempt.secret };
    if (!cutShort) {
      this.#troubled(target, outcome, message, thrown, retryAfterMs);
      candidate.attemptsLeft--;
      candidate.failures++;
      candidate.firstFailureAt ??= now;
    } else if (!this.#troubles.has(target)) this.#troubled(target, outcome, message, thrown, retryAfterMs);
    if (outcome === "cancelled") return this.#fail(thrown); // this server has no room
    if (isFinal(outcome)) return this.#fail(callFailure([this.#troubles.get(target)!]));
    if (outcome === "context-length") this.#candidates.keepRoomier(target, this.#order.facts.inputTokens);
    const refused = thrown instanceof AppError && thrown.code === "EGRESS_REFUSED";
    return isPassing(outcome) && !refused && candidate.attemptsLeft > 0 && this.#isForthwith(candidate, failure, now);
  }

  /** Whether the same target is asked again before the others; where it is not, it may be its turn after them. */
  #isForthwith(candidate: Candidate, { outcome, retryAfterMs }: AttemptFailure, now: number): boolean {
    candidate.notBefore = now + (retryAfterMs ?? backoffMs(candidate.failures, this.#parts.random()));
    if (candidate.notBefore + leastAttemptMs > this.#order.deadline) return false;
    if (this.#candidates.others(now) === 0) {
      if (!this.#candidates.hasAgain) return true;
    } else if (outcome !== "timeout" && candidate.notBefore + (candidate.health.ewmaMs ?? leastRetryMs) <= candidate.firstFailureAt! + retryWindowMs) return true;
    this.#candidates.askAgain(candidate);
    return false;
  }

  #won(running: RunningAttempt<Answer>, begun: Begun<Answer>): void {
    const { candidate, attempt, prepared, place } = running;
    const { target, provider, health } = candidate;
    this.#put(running, null, begun);
    const firstByteMs = begun.firstByteAt - running.record.since;
    if (begun.streamed) health.begun(firstByteMs, this.#parts.clock.monotonic());
    else health.succeeded(firstByteMs);
    const record = this.#attempts.pop()!;
    this.#endOthers();
    this.#attempts.push(record);
    const opened = { target, provider, attempts: this.#attempts, headers: begun.headers, prepared, firstByteMs: begun.firstByteAt - this.#startedAt };
    const { signal } = this.#order;
    signal.removeEventListener("abort", this.#callerLeft);
    if (!begun.streamed) {
      place?.leave();
      this.#result.resolve({ ...opened, streamed: false, answer: begun.answer, body: begun.body });
      return;
    }
    const stop = (): void => attempt.stop();
    signal.addEventListener("abort", stop, { once: true });
    const ended = (failure: AppError | null): void => {
      signal.removeEventListener("abort", stop);
      attempt.stop();
      place?.leave();
      // The deadline is the route's; everything else that breaks a stream off is the provider's.
      const now = this.#parts.clock.monotonic();
      if (failure === null) health.ended(now);
      else if (failure.code !== "CALLER_GONE" && now < this.#order.deadline) this.#countFailure(candidate, failure.message, now);
    };
    this.#result.resolve({ ...opened, streamed: true, pieces: new StreamPieces({ ...begun.source, failureOf: (thrown) => attempt.streamFailure(thrown), ended }) });
  }

  #fail(thrown: unknown): false {
    if (this.#isOver) return false;
    this.#order.signal.removeEventListener("abort", this.#callerLeft);
    this.#endOthers();
    if (thrown instanceof AppError) attemptsOfFailure.set(thrown, this.#attempts);
    this.#result.reject(thrown);
    return false;
  }

  #endOthers(): void {
    this.#isOver = true;
    this.#waits.end();
    this.#places?.end();
    for (const running of this.#running) {
      this.#put(running, { outcome: "cancelled", status: null, message: "Another answer was quicker, or the caller left.", retryAfterMs: null, thrown: null });
      running.candidate.health.released();
      running.attempt.stop();
    }
  }

  /** Writes an attempt down. A stream that has begun keeps its place of the provider's limits until its end. */
  #put(running: RunningAttempt<Answer>, failure: AttemptFailure | null, begun: Pick<Begun<Answer>, "status" | "requestId"> | null = null): void {
    this.#running.delete(running);
    if (failure !== null) running.place?.leave();
    const ms = this.#parts.clock.monotonic() - running.record.since;
    const attempt: AttemptRecord = { ...running.record, sent: running.attempt.isSent, ms, outcome: failure?.outcome ?? "ok", status: failure?.status ?? begun?.status ?? null, message: failure?.message ?? null, requestId: failure?.requestId ?? begun?.requestId ?? null };
    if (running.attempt.resends > 0) attempt.resends = running.attempt.resends;
    this.#attempts.push(attempt);
    running.ended?.(attempt);
  }

  #countFailure({ target, health, asLastResort }: Candidate, message: string, now: number): void {
    if (health.failed(now, asLastResort)) this.#parts.logger.warn("gateway.breaker.opened", { target: targetName(target), message, waitMs: health.waitMs(now) });
  }

  #leaveAlone(candidate: Candidate): false {
    const { target, health } = candidate;
    // A route with one target has none to spare: its breaker spares the target.
    if (!candidate.asLastResort && this.#order.settings.targets.length > 1) this.#candidates.leaveAlone(candidate);
    const waitMs = health.waitMs(this.#parts.clock.monotonic());
    // What it failed with in this very call says more.
    if (this.#troubles.has(target)) return false;
    return this.#troubled(target, "left-alone", `It failed again and again, and is left alone for ${Math.max(1, Math.ceil(waitMs / 1000))} s.`, null, waitMs);
  }

  #tooLate(target: RouteTarget): false {
    return this.#troubles.has(target) ? false : this.#troubled(target, "timeout", "The deadline was over before it could be asked.");
  }

  #troubled(target: RouteTarget, kind: TargetTrouble["kind"], message: string, thrown: unknown = null, retryAfterMs: number | null = null): false {
    this.#troubles.set(target, { target, kind, message, retryAfterMs, thrown });
    return false;
  }
}
