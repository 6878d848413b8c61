import type { Clock, EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { IdGenerator } from "../core/ids.ts";
import { billedTokens, costOf, nanoDollars, worstCase, type Attribution, type BudgetKeeper, type LedgerEntry, type LedgerService, type Price, type PriceBook, type Reservation } from "../ledger/index.ts";
import type { TokenUsage } from "./conversation/chat-answer.ts";
import type { ReadyProvider } from "./routing/call-plan.ts";
import type { BudgetLimits, RouteSettings, RouteTarget } from "./schemas.ts";

type MaybePromise<Value> = Value | Promise<Value>;

export interface CallLedgerParts {
  prices: PriceBook;
  keeper: BudgetKeeper;
  ledger: LedgerService;
  provider: (name: string) => ReadyProvider | null;
  clock: Clock;
  ids: IdGenerator;
}

/** What a call may use. */
export interface CallBounds {
  /** At most, for its budgets; by estimate where none holds it. */
  inputTokens: number;
  outputTokens: number;
  /** Of input and output by estimate, for limits of tokens in a minute, which are corrected afterwards. */
  rateTokens: number;
}

export interface Spent {
  /** Whole billionths of a US dollar; null where the price is not known. */
  cost: number | null;
  priceVersion: string | null;
}

/** Prices and budgets of calls: the worst case is reserved before, what it cost is settled after. */
export class CallLedger {
  readonly #parts: CallLedgerParts;

  constructor(parts: CallLedgerParts) {
    this.#parts = parts;
  }

  priceOf({ provider, model }: Pick<RouteTarget, "provider" | "model">, now: EpochMs): Price | null {
    const ready = this.#parts.provider(provider);
    return ready === null ? null : this.#parts.prices.priceOf(ready.settings.kind, provider, model, now);
  }

  /** Whether something limits what the call may cost; then its output needs a bound. */
  isHeld(attribution: Attribution, limits: { key: BudgetLimits | undefined; route: BudgetLimits | undefined }): boolean {
    return this.#parts.keeper.isHeld({ attribution, limits });
  }

  /** In US dollars; null where the price is not known. */
  worstDollars(target: RouteTarget, bounds: Omit<CallBounds, "rateTokens">, now: EpochMs): number | null {
    const price = this.priceOf(target, now);
    return price === null ? null : worstCase(price, bounds.inputTokens, bounds.outputTokens) / nanoDollars;
  }

  /** Reserves for the dearest target that the call may come to. Null where no budget holds it. Throws BUDGET_EXCEEDED, PRICE_UNKNOWN. */
  reserve(settings: RouteSettings, attribution: Attribution, limits: { key: BudgetLimits | undefined; route: BudgetLimits | undefined }, bounds: CallBounds, now: EpochMs): MaybePromise<Reservation | null> {
    if (!this.isHeld(attribution, limits)) return null;
    let worstNano = 0;
    for (const target of settings.targets) {
      const price = this.priceOf(target, now);
      if (price !== null) worstNano = Math.max(worstNano, worstCase(price, bounds.inputTokens, bounds.outputTokens));
      else if (settings.unknownPrice === "refuse") throw new AppError("PRICE_UNKNOWN", `${target.provider}/${target.model} has no price, and this call is under a budget.`);
    }
    return this.#parts.keeper.reserve({ attribution, limits, worstNano, now });
  }

  release(reservation: Reservation | null): void {
    if (reservation !== null) void this.#parts.keeper.release(reservation);
  }

  spentBy(target: Pick<RouteTarget, "provider" | "model">, usage: TokenUsage, now: EpochMs): Spent {
    const price = this.priceOf(target, now);
    if (price === null) return { cost: null, priceVersion: null };
    return { cost: costOf(price, billedTokens(usage), usage.inputTokens ?? 0), priceVersion: price.version };
  }

  /** Settles and writes the entry down, which a budget that cannot be settled does not keep from it; answers when the entry survives the death of this process. Rejects with what the store of budgets failed with. */
  async settle(reservation: Reservation | null, entry: Omit<LedgerEntry, "id" | "kind" | "tokens"> & { usage: TokenUsage }): Promise<void> {
    const { keeper, ledger, clock, ids } = this.#parts;
    const { usage, ...rest } = entry;
    try {
      if (reservation !== null) {
        const settled = keeper.settle(reservation, entry.cost ?? 0, clock.now());
        if (settled instanceof Promise) await settled;
      }
    } finally {
      await ledger.record({ ...rest, id: ids.next("ledgerEntry"), kind: "llm", tokens: billedTokens(usage) });
    }
  }
}
