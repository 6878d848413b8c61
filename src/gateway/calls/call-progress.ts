import type { Clock, EpochMs } from "../../core/clock.ts";
import type { Attribution, CallBegun, Reservation, UnderWayCall } from "../../ledger/index.ts";
import type { CallBounds, CallLedger } from "./call-ledger.ts";
import type { AttemptRecord, ReadyProvider } from "../routing/call-plan.ts";
import { targetName } from "../routing/target-name.ts";
import type { RouteTarget } from "../schemas.ts";
import { dearerTier } from "./service-tier.ts";
import { mayHaveWorked, outcomeBeside, type CallRound } from "./unseen-use.ts";

/** Of the call, as it is when it is asked. */
interface CallFactsNow {
  readonly attribution: Attribution;
  readonly startedAt: EpochMs;
  readonly reservation: Pick<Reservation, "id" | "scopes"> | null;
  readonly askedTier: CallBounds["tierOf"];
  /** Of the web, by estimate, that a round may have made. */
  unseenSearches(kind: string, model: string): number;
}

/** One attempt from the moment in which it goes out. */
interface Asked {
  provider: string;
  model: string;
  kind: string;
  /** In which it is served where the call asks for no other, as the provider is set up. */
  defaultTier: string | null;
  since: EpochMs;
  round: CallRound | undefined;
  /** Null while it is under way. */
  over: AttemptRecord | null;
  /** Of its entry, where it has one of its own. */
  id: string | null;
}

/** What is known of a call while providers work on it: from its first attempt on it may cost something, whatever becomes of this process. */
export class CallProgress {
  /** That were begun. */
  readonly rounds: CallRound[] = [];
  readonly #calls: Pick<CallLedger, "begin" | "nextId">;
  readonly #clock: Clock;
  readonly #now: CallFactsNow;
  readonly #asked: Asked[] = [];
  #underWay: UnderWayCall | null = null;
  #id: string | null = null;

  constructor(calls: Pick<CallLedger, "begin" | "nextId">, clock: Clock, now: CallFactsNow) {
    this.#calls = calls;
    this.#clock = clock;
    this.#now = now;
  }

  /** Of the call's entry. */
  get id(): string {
    return this.#underWay?.id ?? (this.#id ??= this.#calls.nextId());
  }

  /** Of the entry of an attempt beside the call's own. */
  idOf(attempt: AttemptRecord): string {
    const asked = this.#asked.find(({ over }) => over === attempt);
    return asked === undefined ? this.#calls.nextId() : (asked.id ??= this.#calls.nextId());
  }

  /** Before an attempt goes out; what it answers is to be told how it ended. */
  begun({ provider, model }: RouteTarget, { settings: { kind, defaultTier } }: ReadyProvider): (attempt: AttemptRecord) => void {
    const asked: Asked = { provider, model, kind, defaultTier: dearerTier(defaultTier), since: this.#clock.now(), round: this.rounds.at(-1), over: null, id: null };
    this.#asked.push(asked);
    if (this.#underWay === null) this.#underWay = this.#calls.begin(this.#describe);
    else this.#underWay.changed();
    return (attempt) => {
      asked.over = attempt;
      // One that was answered is what the call is.
      if (attempt.outcome !== "ok") this.#underWay?.changed();
    };
  }

  /** Another round of the model is about to begin. */
  asksAgain(round: CallRound): void {
    this.rounds.push(round);
    this.#underWay?.changed();
  }

  over(): void {
    this.#underWay?.over();
    // The call's record waits for its trace to be written.
    this.#asked.length = 0;
    this.rounds.length = 0;
  }

  /** The call's own entry is of who answered or may answer yet, with all rounds that were its target's; each attempt beside it that may have worked has its own, and so has each round that another target answered. */
  readonly #describe = (id: string): CallBegun => {
    const { attribution, startedAt, reservation, askedTier } = this.#now;
    const own = this.#asked.findLast(({ over }) => over === null || over.outcome === "ok") ?? this.#asked.at(-1)!;
    const { provider, kind, model } = own;
    const isElsewhere = (asked: Asked): boolean => asked.over?.outcome === "ok" && targetName(asked) !== targetName(own);
    const elsewhere = new Set(this.#asked.filter(isElsewhere).map(({ round }) => round));
    const rounds = elsewhere.size === 0 ? this.rounds : this.rounds.filter((round) => !elsewhere.has(round));
    const sumOf = (field: "inputTokens" | "outputTokens" | "searchUnits"): number => rounds.reduce((sum, round) => sum + round[field], 0);
    const beside = this.#asked.flatMap((asked, index) => {
      const { over, round } = asked;
      if (asked === own || round === undefined || (over !== null && !mayHaveWorked(over) && !isElsewhere(asked))) return [];
      const ended = over === null ? null : { ms: over.ms, outcome: outcomeBeside(over, this.#asked.slice(index + 1).map(({ over: later }) => later?.outcome ?? null)) };
      return [{
        id: (asked.id ??= this.#calls.nextId()), provider: asked.provider, kind: asked.kind, model: asked.model, tier: askedTier?.(asked.kind, asked.defaultTier) ?? null, since: asked.since, ended,
        inputTokens: round.inputTokens, mostOutputTokens: round.outputTokens, searchUnits: round.searchUnits, webSearches: this.#now.unseenSearches(asked.kind, asked.model),
      }];
    });
    return {
      id, time: startedAt, attribution, provider, kind, model, tier: askedTier?.(kind, own.defaultTier) ?? null, ...(rounds.length > 1 ? {} : { since: own.since }),
      inputTokens: sumOf("inputTokens"), mostOutputTokens: sumOf("outputTokens"), searchUnits: sumOf("searchUnits"), webSearches: rounds.length * this.#now.unseenSearches(kind, model),
      reservation: reservation === null ? null : { id: reservation.id, scopes: reservation.scopes }, ...(beside.length === 0 ? {} : { beside }),
    };
  };
}
