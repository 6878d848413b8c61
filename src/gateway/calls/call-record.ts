import type { Clock, EpochMs } from "../../core/clock.ts";
import type { AppError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { Attribution, Reservation } from "../../ledger/index.ts";
import type { SpanSink } from "../../tracing/index.ts";
import { settleTickets, tokensOf, type AttemptTicket } from "./attempt-tickets.ts";
import { endedUses, type CallEnding, type CallOutcome, type RecordWatch } from "./call-ending.ts";
import type { CallBounds, CallLedger, Spent, UnwrittenEntry } from "./call-ledger.ts";
import { CallProgress } from "./call-progress.ts";
import { spansOfCall, type AnswerFacts, type AttemptUse, type TracedCall } from "./call-spans.ts";
import { unknownUsage, type TokenUsage } from "../conversation/chat-answer.ts";
import type { Sampling } from "../conversation/chat-request.ts";
import { LostAttempts, type ReserveLost } from "./lost-attempts.ts";
import type { ToldLimits } from "./limit-left-headers.ts";
import type { Ticket } from "../limits/index.ts";
import { usesElsewhere, usesOfRounds, type EarlierRound, type UseElsewhere } from "./round-uses.ts";
import type { AttemptRecord, ReadyProvider } from "../routing/call-plan.ts";
import type { RouteTarget } from "../schemas.ts";
import { answeredTokens, unseenTokens, unseenUses, type UnseenUse } from "./unseen-use.ts";

export interface CallRecordParts {
  calls: CallLedger;
  spans: SpanSink;
  clock: Clock;
  logger: Logger;
  /** Is told of every call, before what it cost is written. */
  observer?: CallObserver | undefined;
}

/** Who counts all calls. Must be quick and may not throw. */
export interface CallObserver {
  ended(record: CallRecord, ending: CallEnding): void;
}

/** The call that ended with an error, for the headers of its answer. */
export const recordOfFailure = new WeakMap<AppError, CallRecord>();

/** One call from its admission to its end: what it holds, what it used, and what is written about it. */
export class CallRecord {
  readonly attribution: Attribution & { traceId: string };
  /** By which the door's log and the caller's client know it. */
  readonly requestId: string;
  readonly spanId: string;
  readonly startedAt: EpochMs;
  readonly startedTick: number;
  readonly attributes: Record<string, TracedCall["attributes"][string]> = {};
  /** Of guardrails, filled as they work. */
  hooks: TracedCall["hooks"] = [];
  attempts: readonly AttemptRecord[] = [];
  reservation: Reservation | null = null;
  /** Null where no budget holds the call, and after its end: it knows the whole question, and the record waits for its trace to be written. */
  reserveLost: ReserveLost | null = null;
  ticket: Ticket | null = null;
  /** Null where nothing that binds the call has limits, and of what never came to them. */
  limits: ToldLimits | null = null;
  /** Of attempts on providers and models that have limits of their own, in the order of the attempts; each is left with its attempt. */
  readonly attemptTickets: AttemptTicket[] = [];
  target: Pick<RouteTarget, "provider" | "model"> | null = null;
  usage: TokenUsage = unknownUsage;
  /** Tokens of input and output that count in limits, of attempts beside the answer too: known when it is over. */
  usedTokens = 0;
  estimated = false;
  firstByteMs: number | null = null;
  /** The dearer way to be served that was asked for, by kind of provider: what counts where the provider does not tell. */
  askedTier: CallBounds["tierOf"];
  /** Of the web, that a round may make at a provider of this kind. Null for calls that are no chats. */
  mostSearches: ((kind: string, model: string) => number) | null = null;
  cached = false;
  /** Of an answer from the cache: what it cost when it was made; null where nobody knows. */
  savedCost: number | null = null;
  /** The provider's answer came as a stream. */
  streamed = false;
  /** The id that the answer carries, as its caller sees it; null for what has none. */
  answerId: string | null = null;
  parentSpanId: string | null;
  /** For the trace, of a chat. */
  sampling: Sampling | null = null;
  answer: AnswerFacts | null = null;
  watch: RecordWatch | null = null;
  /** Messages for the trace, as JSON; null where they are not kept. Asked after the end. */
  input: (() => string) | null = null;
  output: (() => string) | null = null;
  /** That the answer carries beside the usual ones; null for none. */
  headers: Readonly<Record<string, string>> | null = null;
  readonly #parts: CallRecordParts;
  readonly operation: string;
  readonly #model: string;
  /** What it cost in all, when it is over. */
  #ended: (Spent & { ownCost: number | null }) | null = null;
  readonly #progress: CallProgress;
  #lost: LostAttempts | null = null;
  /** The id of its entry, once it has one. */
  #entry: string | null = null;
  readonly #earlier: EarlierRound[] = [];
  #isCut = false;
  /** Whose entry it is where none was answered; null where none may have worked. */
  #unanswered: AttemptRecord | null = null;
  /** Attempts that have entries beside the call's own. */
  #beside: ReadonlyMap<AttemptRecord, AttemptUse> | null = null;
  /** Null where it is the target. */
  #answering: Pick<RouteTarget, "provider" | "model"> | null = null;

  constructor(parts: CallRecordParts, facts: { attribution: Attribution & { traceId: string }; requestId: string; spanId: string; parentSpanId: string | null; operation: string; model: string; startedAt: EpochMs }) {
    this.#parts = parts;
    this.#progress = new CallProgress(parts.calls, parts.clock, this);
    this.attribution = facts.attribution;
    this.requestId = facts.requestId;
    this.spanId = facts.spanId;
    this.parentSpanId = facts.parentSpanId;
    this.operation = facts.operation;
    this.#model = facts.model;
    this.startedAt = facts.startedAt;
    this.startedTick = parts.clock.monotonic();
  }

  /** To be told of each attempt before it goes out: from the first one on the call may cost something, whatever becomes of this process. */
  begun(target: RouteTarget, provider: ReadyProvider): (attempt: AttemptRecord) => void {
    return this.#progress.begun(target, provider);
  }

  /** What its first round may use: tokens of input and search units by estimate, of output at most. */
  begins({ inputTokens, outputTokens, searchUnits = 0 }: { inputTokens: number; outputTokens: number; searchUnits?: number | undefined }): void {
    this.#progress.rounds.push({ inputTokens, outputTokens, searchUnits, attemptsBefore: 0 });
  }

  /** Before the model is asked once more: what it may use until the end of that round is what it has to be, whatever becomes of this process. `inputTokens`: of that round, by estimate; `answered`: what the one before it used. */
  asksAgain(inputTokens: number, answered?: TokenUsage): void {
    const [first] = this.#progress.rounds;
    const attempt = this.attempts.findLast(({ outcome }) => outcome === "ok");
    if (attempt !== undefined && answered !== undefined) this.#earlier.push({ attempt, usage: answered });
    if (first !== undefined) this.#progress.asksAgain({ ...first, inputTokens, attemptsBefore: this.attempts.length });
  }

  /**
   * To be asked before another attempt takes the place of this one, which failed: what it may have cost has to have room in the budgets beside what is reserved for the call. So estimates of any number of attempts stay
   * within them. Throws BUDGET_EXCEEDED, BUDGET_UNAVAILABLE, or rejects with it.
   */
  lost(attempt: AttemptRecord): void | Promise<void> {
    const round = this.#progress.rounds.at(-1);
    if (this.reserveLost === null || round === undefined) return;
    const [use] = unseenUses([attempt], [{ ...round, attemptsBefore: 0 }], (target) => this.#searchesOf(target));
    const lostNano = use === undefined ? 0 : (this.#parts.calls.spentBy(use, use.usage, this.startedAt, this.askedTier).cost ?? 0);
    if (lostNano === 0) return;
    this.#lost ??= new LostAttempts((reservation) => this.#parts.calls.release(reservation));
    return this.#lost.add(this.reserveLost, lostNano);
  }

  /** Its answer was cut before its end: what its provider made of it that nobody saw counts by estimate. */
  cutShort(): void {
    this.#isCut = true;
    if (this.target !== null && this.usage.webSearches === undefined) this.#addSearches(this.#searchesOf(this.target));
  }

  /** By the model that answered where its provider chose among several: it is billed instead of the target's where its price is known, else the cost is an estimate by the target's. */
  answeredBy(model: string): void {
    if (this.target === null || model === this.target.model) return;
    const answering = { provider: this.target.provider, model };
    if (model !== "" && model.length <= 256 && this.#parts.calls.priceOf(answering, this.startedAt) !== null) this.#answering = answering;
    else this.estimated = true;
  }

  /** What the answer has cost so far, by its usage and that of rounds before it that other targets answered. */
  spent(): Spent {
    const own = this.#ownSpent();
    return own.cost === null ? own : { ...own, cost: this.#roundsElsewhere().reduce((sum, { cost }) => sum + (cost ?? 0), own.cost) };
  }

  #ownSpent(): Spent {
    return this.cached ? { cost: 0, priceVersion: null } : this.#spentBy(this.usage);
  }

  /** Each round that another target answered than the last: it is billed by its own price. */
  #roundsElsewhere(): (UseElsewhere & Spent)[] {
    if (this.target === null || this.#earlier.length === 0) return [];
    return usesElsewhere(this.#earlier, this.target, this.#progress.rounds).map((use) => ({ ...use, ...this.#parts.calls.spentBy(use, use.usage, this.startedAt, this.askedTier) }));
  }

  #spentBy(usage: TokenUsage): Spent {
    const billed = this.#answering ?? this.target ?? this.#unanswered;
    return billed === null ? { cost: null, priceVersion: null } : this.#parts.calls.spentBy(billed, usage, this.startedAt, this.askedTier);
  }

  /** Gives back what is held, writes the cost down and emits the spans. The first end counts. Answers when the entry survives the death of this process; never throws. */
  async end(outcome: CallOutcome, error: AppError | null = null): Promise<Spent> {
    if (this.#ended !== null) return this.#ended;
    const unseen = this.#countUnseen(outcome);
    const own = this.#ownSpent();
    const spent = (this.#ended = { ...own, ownCost: own.cost, cost: own.cost === null ? null : unseen.reduce((sum, { cost }) => sum + (cost ?? 0), own.cost) });
    if (error !== null) recordOfFailure.set(error, this);
    this.watch?.ending?.(outcome, error);
    const { calls, clock, logger } = this.#parts;
    const totalMs = clock.monotonic() - this.startedTick;
    if (!this.cached) this.usedTokens = unseen.reduce((sum, { usage }) => sum + tokensOf(usage), tokensOf(this.usage));
    this.ticket?.settle(this.usedTokens);
    this.ticket?.leave();
    const uses = endedUses(unseen, this.target ?? this.#unanswered, { usage: this.usage, cost: own.cost });
    if (this.attemptTickets.length > 0) settleTickets(this.attemptTickets, uses);
    const ending: CallEnding = { outcome: this.cached ? "cached" : outcome, error, totalMs, cost: spent.cost, uses };
    this.#parts.observer?.ended(this, ending);
    try {
      if (this.target === null && this.attempts.length === 0 && !this.cached) calls.release(this.reservation);
      else {
        const { provider = "", model = "" } = this.#answering ?? this.target ?? this.#unanswered ?? this.attempts.at(-1) ?? {};
        await calls.settle(this.reservation, {
          id: (this.#entry = this.#progress.id), time: this.startedAt, attribution: this.attribution, provider, model, outcome: ending.outcome, estimated: this.estimated, usage: this.usage,
          ...(this.target === null && this.#unanswered === null ? { cost: 0, priceVersion: null } : own), ...(this.cached ? { savedCost: this.savedCost } : {}), totalMs, firstByteMs: this.firstByteMs,
        }, unseen);
      }
    } catch (cause) {
      logger.error("gateway.not_settled", { route: this.attribution.route, cause });
    }
    this.reserveLost = null;
    this.#lost?.over();
    this.#progress.over();
    this.#emit(spent, totalMs, error);
    this.watch?.ended(ending);
    return spent;
  }

  /**
   * What models may have written that nobody saw: their providers ask for it all the same, whoever cut it, and tell nobody. The call's own entry has it where it has no answer, or one that was cut; every other attempt that may have
   * worked is an entry beside it, of its own provider and price.
   */
  #countUnseen(outcome: CallOutcome): UnwrittenEntry[] {
    if (this.cached || (outcome === "ok" && this.attempts.length < 2)) return [];
    const uses = unseenUses(this.attempts, this.#progress.rounds, (target) => this.#searchesOf(target));
    if (this.target !== null) this.#countAnswered(outcome);
    else this.#countLast(uses.pop());
    const all = [...this.#roundsElsewhere(), ...uses.map((use) => ({ ...use, estimated: true, ...this.#parts.calls.spentBy(use, use.usage, this.startedAt, this.askedTier) }))];
    const entries = all.map(({ attempt, provider, model, outcome: ended, estimated, usage, cost, priceVersion, ms }): UnwrittenEntry => ({
      id: this.#progress.idOf(attempt), time: this.startedAt, attribution: this.attribution, provider, model, outcome: ended, estimated, usage, cost, priceVersion, totalMs: ms, firstByteMs: null,
    }));
    this.#beside = new Map(all.map(({ attempt }, index) => [attempt, entries[index]!]));
    return entries;
  }

  #countLast(last: UnseenUse | undefined): void {
    if (last === undefined) return;
    this.#unanswered = last.attempt;
    this.usage = last.usage;
    this.estimated = true;
  }

  /** Of a stream that was cut, also what may have been thought before it began; of a whole answer, tokens that nobody counted any more. */
  #countAnswered(outcome: CallOutcome): void {
    const { inputTokens, outputTokens } = this.usage;
    if (this.#isCut && this.estimated) {
      const seen = outputTokens ?? 0;
      const most = this.#progress.rounds[0]?.outputTokens ?? 0;
      const thought = unseenTokens(this.attempts.findLast((attempt) => attempt.outcome === "ok")?.ms ?? 0);
      this.usage = { ...this.usage, inputTokens: inputTokens ?? this.#progress.rounds[0]?.inputTokens ?? null, outputTokens: Math.max(seen, Math.min(most, seen + thought)) };
    } else if (outcome !== "ok" && inputTokens === null && outputTokens === null && this.#progress.rounds.length > 0) {
      this.usage = { ...this.usage, ...answeredTokens(this.attempts, this.#progress.rounds) };
      this.estimated = true;
    }
  }

  #addSearches(searches: number): void {
    if (searches === 0) return;
    this.usage = { ...this.usage, webSearches: (this.usage.webSearches ?? 0) + searches };
    this.estimated = true;
  }

  #searchesOf(target: Pick<RouteTarget, "provider" | "model">): number {
    return this.unseenSearches(this.#parts.calls.kindOf(target), target.model);
  }

  /** One for a round that may search, however many it may make. */
  unseenSearches(kind: string, model: string): number {
    return Math.min(1, this.mostSearches?.(kind, model) ?? 0);
  }

  /** Nothing of a span is made while the caller waits. */
  #emit({ cost }: Spent, totalMs: number, error: AppError | null): void {
    const { attribution: { team, traceId, route }, attempts, hooks } = this;
    // A failed attempt is worth seeing, whatever became of the call, and so are settings that failed.
    const mayPass = this.parentSpanId === null && this.attributes["slipway.failed_arm"] === undefined && attempts.every(({ outcome }) => outcome === "ok" || outcome === "cancelled");
    if (mayPass && this.#parts.spans.passesOver({ team, traceId, route, failed: error !== null, duration: totalMs }, 1 + attempts.length + hooks.length)) return;
    this.#parts.spans.emit(team, () => spansOfCall(this.#traced(cost, totalMs, error)));
  }

  #traced(cost: number | null, totalMs: number, error: AppError | null): TracedCall {
    const { attribution, attempts, usage } = this;
    const answered = this.target === null ? null : (attempts.findLast(({ outcome }) => outcome === "ok") ?? null);
    const counted = answered ?? this.#unanswered;
    const own = counted === null ? [] : usesOfRounds(this.#earlier.filter(({ attempt }) => this.#beside?.has(attempt) !== true), counted, { id: null, usage, cost: this.#ended?.ownCost ?? null }, (part) => this.#spentBy(part).cost);
    const uses = new Map([...(this.#beside ?? []), ...own]);
    return {
      team: attribution.team, traceId: attribution.traceId, spanId: this.spanId, parentSpanId: this.parentSpanId, operation: this.operation, model: this.#model,
      startedAt: this.startedAt, endedAt: this.startedAt + totalMs, startedTick: this.startedTick, streamed: this.streamed, attempts, uses, usage, cost, hooks: this.hooks,
      error: error === null ? null : { code: error.code, message: error.message }, sampling: this.sampling, answered, answeredModel: (this.#answering ?? this.target)?.model ?? null, answer: this.answer,
      providerName: (entered) => this.#parts.calls.providerName(entered),
      attributes: {
        "slipway.route": attribution.route, "slipway.request_id": this.requestId, "user.id": attribution.user, "gen_ai.conversation.id": attribution.session, "slipway.actor": attribution.actor, "slipway.project": attribution.project,
        "gen_ai.response.id": this.answerId, "slipway.first_byte_ms": this.firstByteMs, "slipway.ledger_entry": this.#entry, "slipway.cache": this.cached ? "hit" : null,
        "gen_ai.input.messages": this.input?.(), "gen_ai.output.messages": this.output?.(), ...this.attributes,
      },
    };
  }
}
