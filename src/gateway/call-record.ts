import type { Clock } from "../core/clock.ts";
import type { AppError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { Attribution, LedgerEntry, Reservation } from "../ledger/index.ts";
import type { SpanSink } from "../tracing/index.ts";
import type { CallLedger, Spent } from "./call-ledger.ts";
import { emitCall, type TracedCall } from "./call-spans.ts";
import { unknownUsage, type TokenUsage } from "./conversation/chat-answer.ts";
import type { Ticket } from "./limits/index.ts";
import type { AttemptRecord } from "./routing/call-plan.ts";
import type { RouteTarget } from "./schemas.ts";

export interface CallRecordParts {
  calls: CallLedger;
  spans: SpanSink;
  clock: Clock;
  logger: Logger;
}

/** One call from its admission to its end: what it holds, what it used, and what is written about it. */
export class CallRecord {
  readonly attribution: Attribution & { traceId: string };
  readonly spanId: string;
  readonly startedAt: number;
  readonly startedTick: number;
  readonly attributes: Record<string, TracedCall["attributes"][string]> = {};
  /** Of guardrails, filled as they work. */
  hooks: TracedCall["hooks"] = [];
  attempts: readonly AttemptRecord[] = [];
  reservation: Reservation | null = null;
  ticket: Ticket | null = null;
  target: Pick<RouteTarget, "provider" | "model"> | null = null;
  usage: TokenUsage = unknownUsage;
  estimated = false;
  firstByteMs: number | null = null;
  cached = false;
  readonly #parts: CallRecordParts;
  readonly #operation: string;
  readonly #model: string;
  readonly #parentSpanId: string | null;
  #over = false;

  constructor(parts: CallRecordParts, facts: { attribution: Attribution & { traceId: string }; spanId: string; parentSpanId: string | null; operation: string; model: string; startedAt: number }) {
    this.#parts = parts;
    this.attribution = facts.attribution;
    this.spanId = facts.spanId;
    this.#parentSpanId = facts.parentSpanId;
    this.#operation = facts.operation;
    this.#model = facts.model;
    this.startedAt = facts.startedAt;
    this.startedTick = parts.clock.monotonic();
  }

  /** What the answer has cost so far, by its usage. */
  spent(): Spent {
    if (this.cached) return { cost: 0, priceVersion: null };
    return this.target === null ? { cost: null, priceVersion: null } : this.#parts.calls.spentBy(this.target, this.usage, this.startedAt as LedgerEntry["time"]);
  }

  /** Gives back what is held, writes the cost down and emits the spans. The first end counts. Answers when the entry survives the death of this process; never throws. */
  async end(outcome: LedgerEntry["outcome"], error: AppError | null = null): Promise<Spent> {
    const spent = this.spent();
    if (this.#over) return spent;
    this.#over = true;
    const { calls, clock, logger } = this.#parts;
    const totalMs = clock.monotonic() - this.startedTick;
    const used = (this.usage.inputTokens ?? 0) + (this.usage.outputTokens ?? 0);
    this.ticket?.settle(this.cached ? 0 : used);
    this.ticket?.leave();
    try {
      if (this.target === null && this.attempts.length === 0 && !this.cached) calls.release(this.reservation);
      else {
        const { provider = "", model = "" } = this.target ?? this.attempts.at(-1) ?? {};
        await calls.settle(this.reservation, {
          time: this.startedAt as LedgerEntry["time"], attribution: this.attribution, provider, model, outcome: this.cached ? "cached" : outcome, estimated: this.estimated, usage: this.usage,
          ...(this.target === null ? { cost: 0, priceVersion: null } : spent), totalMs, firstByteMs: this.firstByteMs,
        });
      }
    } catch (cause) {
      logger.error("gateway.not_settled", { route: this.attribution.route, cause });
    }
    this.#emit(spent, totalMs, error);
    return spent;
  }

  #emit({ cost }: Spent, totalMs: number, error: AppError | null): void {
    const { attribution } = this;
    emitCall(this.#parts.spans, {
      team: attribution.team, traceId: attribution.traceId, spanId: this.spanId, parentSpanId: this.#parentSpanId, operation: this.#operation, model: this.#model,
      startedAt: this.startedAt, endedAt: this.startedAt + totalMs, attempts: this.attempts, usage: this.usage, cost, hooks: this.hooks,
      error: error === null ? null : { code: error.code, message: error.message },
      attributes: {
        "slipway.route": attribution.route, "user.id": attribution.user, "gen_ai.conversation.id": attribution.session, "slipway.actor": attribution.actor, "slipway.project": attribution.project,
        "gen_ai.response.model": this.target?.model, "slipway.first_byte_ms": this.firstByteMs, "slipway.cache": this.cached ? "hit" : null, ...this.attributes,
      },
    });
  }
}
