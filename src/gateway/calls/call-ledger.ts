import type { Clock, EpochMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import type { IdGenerator } from "../../core/ids.ts";
import { billedTokens, costOf, knowsTier, nanoDollars, worstCase, type Attribution, type BudgetKeeper, type CallBegun, type CallsUnderWay, type LedgerEntry, type LedgerService, type Price, type PriceBook, type Reservation, type ReserveRequest, type UnderWayCall } from "../../ledger/index.ts";
import type { TokenUsage } from "../conversation/chat-answer.ts";
import type { ReadyProvider } from "../routing/call-plan.ts";
import type { BudgetLimits, RouteSettings, RouteTarget } from "../schemas.ts";
import type { MediaTokens } from "../tokens/index.ts";
import { providerName } from "./provider-name.ts";
import { dearerTier, type TierOf } from "./service-tier.ts";

type MaybePromise<Value> = Value | Promise<Value>;

export interface CallLedgerParts {
  prices: PriceBook;
  keeper: BudgetKeeper;
  ledger: LedgerService;
  provider: (name: string) => ReadyProvider | null;
  /** The budgets of key and route as they are now, which may be others than those when the call began. */
  budgetsOf?: (attribution: Attribution) => ReserveRequest["limits"];
  /** Where it is absent, nobody hears of calls that are under way when the process dies. */
  underWay?: Pick<CallsUnderWay, "begin">;
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
  /** Input that counts differently by who reads it, not in `inputTokens`; absent where there is none, or no budget holds the call. */
  mediaTokens?: ((kind: string, model: string) => MediaTokens) | undefined;
  /** The dearer way to be served, in the words of a kind of provider; absent for what has one way alone. */
  tierOf?: TierOf | undefined;
  /** Whether the answer may be spoken. */
  speaks?: boolean | undefined;
  /** Of reranking. */
  searchUnits?: number | undefined;
  /** Of the web, that a provider may make for the call, as it counts them. */
  webSearches?: ((kind: string, model: string) => number) | undefined;
  /** What `inputTokens` has for text that nobody sees here, and whose it is. */
  added?: { tokens: number; by: readonly string[] } | undefined;
}

export interface Spent {
  /** Whole billionths of a US dollar; null where the price is not known. */
  cost: number | null;
  priceVersion: string | null;
}

/** What a call of a provider cost, before it is written. */
export type UnwrittenEntry = Omit<LedgerEntry, "kind" | "tokens"> & { usage: TokenUsage };

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

  /** Empty where no such provider is set up. */
  kindOf({ provider }: Pick<RouteTarget, "provider">): string {
    return this.#parts.provider(provider)?.settings.kind ?? "";
  }

  /** What the GenAI conventions call it. */
  providerName(entered: string): string {
    return providerName(this.#parts.provider(entered)?.settings, entered);
  }

  /** In US dollars; null where the price is not known, or not that of the dearer way in which the call asks to be served. */
  worstDollars(target: RouteTarget, bounds: Omit<CallBounds, "rateTokens">, now: EpochMs): number | null {
    const price = this.priceOf(target, now);
    if (price === null) return null;
    const tier = this.#tierFor(target, price, bounds);
    return tier !== null && !knowsTier(price, tier) ? null : this.#worstNano(target, price, bounds) / nanoDollars;
  }

  /** Reserves for the dearest target that the call may come to. Null where no budget holds it. Throws BUDGET_EXCEEDED, PRICE_UNKNOWN. */
  reserve(settings: RouteSettings, attribution: Attribution, limits: { key: BudgetLimits | undefined; route: BudgetLimits | undefined }, bounds: CallBounds, now: EpochMs): MaybePromise<Reservation | null> {
    if (!this.isHeld(attribution, limits)) return null;
    const worstNano = this.#dearest(settings, bounds, now);
    return this.#parts.keeper.reserve({ attribution, limits, worstNano, now, ...(bounds.added === undefined ? {} : { remark: remarkOn(bounds.added) }) });
  }

  /**
   * Reserves, for a call that was reserved for with the same settings and bounds, what attempts of it may have cost beside those (`lostNano`), so that another can be made in their place. `beforeNano`: what was
   * reserved so before. Throws BUDGET_EXCEEDED.
   */
  reserveLost(settings: RouteSettings, attribution: Attribution, limits: { key: BudgetLimits | undefined; route: BudgetLimits | undefined }, bounds: CallBounds, { lostNano, beforeNano }: { lostNano: number; beforeNano: number }, now: EpochMs): MaybePromise<Reservation | null> {
    const besideNano = this.#dearest(settings, bounds, now) + beforeNano;
    return this.#parts.keeper.reserve({ attribution, limits, worstNano: lostNano, besideNano, now, remark: lostRemark });
  }

  /** The most that the call may cost with any target that it may come to. Throws PRICE_UNKNOWN. */
  #dearest(settings: RouteSettings, bounds: CallBounds, now: EpochMs): number {
    let worstNano = 0;
    for (const target of settings.targets) {
      const price = this.priceOf(target, now);
      const mayBeFree = settings.unknownPrice === "free";
      if (price === null) {
        if (mayBeFree) continue;
        throw new AppError("PRICE_UNKNOWN", `${target.provider}/${target.model} has no price, and this call is under a budget.`);
      }
      const tier = this.#tierFor(target, price, bounds);
      if (tier !== null && !knowsTier(price, tier) && !mayBeFree) {
        throw new AppError("PRICE_UNKNOWN", `${target.provider}/${target.model} has no price for ${tier}, and this call is under a budget: leave it out, or set a price with ${tier} among its tiers.`);
      }
      worstNano = Math.max(worstNano, this.#worstNano(target, price, bounds));
    }
    return worstNano;
  }

  release(reservation: Reservation | null): void {
    if (reservation !== null) void this.#parts.keeper.release(reservation);
  }

  /** Of an entry. */
  nextId(): string {
    return this.#parts.ids.next("ledgerEntry");
  }

  /** Null where nobody is to hear of it. */
  begin(describe: (id: string) => CallBegun): UnderWayCall | null {
    return this.#parts.underWay?.begin(describe) ?? null;
  }

  /** `askedTier` counts where the provider did not tell how it served the call. */
  spentBy(target: Pick<RouteTarget, "provider" | "model">, usage: TokenUsage, now: EpochMs, askedTier?: CallBounds["tierOf"]): Spent {
    const price = this.priceOf(target, now);
    // What a provider says is not held against it where the table knows better: it may tell less.
    if (price === null) return usage.toldCost === undefined ? { cost: null, priceVersion: null } : { cost: Math.round(usage.toldCost * nanoDollars), priceVersion: reportedPrice };
    const { audioInputTokens: audioInput, audioOutputTokens: audioOutput, searchUnits, webSearches, tier = this.#tierFor(target, price, { tierOf: askedTier }) } = usage;
    return { cost: costOf(price, billedTokens(usage), usage.longestInputTokens ?? usage.inputTokens ?? 0, { audioInput, audioOutput, searchUnits, webSearches, tier }), priceVersion: price.version };
  }

  /**
   * Settles and writes the entry down, which a budget that cannot be settled does not keep from it; answers when the entry survives the death of this process. `beside`: entries of what else the
   * call cost, settled with it. Rejects with what the store of budgets failed with.
   */
  async settle(reservation: Reservation | null, entry: UnwrittenEntry, beside: readonly UnwrittenEntry[] = []): Promise<void> {
    const { keeper, ledger, budgetsOf, clock } = this.#parts;
    const actualNano = beside.reduce((sum, { cost }) => sum + (cost ?? 0), entry.cost ?? 0);
    try {
      const settled = keeper.settle(reservation, { attribution: entry.attribution, since: entry.time, actualNano, limits: budgetsOf?.(entry.attribution) }, clock.now());
      if (settled instanceof Promise) await settled;
    } finally {
      const record = ({ usage, ...rest }: UnwrittenEntry): Promise<void> => ledger.record({ ...rest, kind: "llm", tokens: billedTokens(usage), ...unitsOf(usage) });
      if (beside.length === 0) await record(entry);
      else await Promise.all([entry, ...beside].map(record));
    }
  }

  #worstNano(target: Pick<RouteTarget, "provider" | "model">, price: Price, bounds: Omit<CallBounds, "rateTokens">): number {
    const media = bounds.mediaTokens?.(this.kindOf(target), target.model);
    return worstCase(price, {
      inputTokens: bounds.inputTokens + (media?.tokens ?? 0), outputTokens: bounds.outputTokens, audioInput: media?.audio, speaks: bounds.speaks, searchUnits: bounds.searchUnits, webSearches: bounds.webSearches?.(this.kindOf(target), target.model), tier: this.#tierFor(target, price, bounds),
    });
  }

  /** What was asked for, else what the provider is set up for: of its models, those whose price has it, as the others are served as usual there. */
  #tierFor({ provider }: Pick<RouteTarget, "provider">, { tiers = {} }: Price, { tierOf }: Pick<CallBounds, "tierOf">): string | null {
    if (tierOf === undefined) return null;
    const settings = this.#parts.provider(provider)?.settings;
    const byDefault = dearerTier(settings?.defaultTier);
    return tierOf(settings?.kind ?? "", byDefault !== null && Object.hasOwn(tiers, byDefault) ? byDefault : null);
  }
}

/** As in entries of spans that tell their cost. */
const reportedPrice = "reported";

function unitsOf({ audioInputTokens: audioInput, audioOutputTokens: audioOutput, searchUnits, webSearches }: TokenUsage): Pick<LedgerEntry, "units"> {
  if (audioInput === undefined && audioOutput === undefined && searchUnits === undefined && webSearches === undefined) return {};
  return {
    units: {
      ...(audioInput === undefined ? {} : { audioInput }), ...(audioOutput === undefined ? {} : { audioOutput }), ...(searchUnits === undefined ? {} : { searchUnits }),
      ...(webSearches === undefined ? {} : { webSearches }),
    },
  };
}

/** Said where a budget has no room for one attempt more. */
const lostRemark = " That is what an attempt of it may have cost whose answer nobody heard, for which there must be room before another is made.";

/** What somebody can do whose budget is too small for it. */
function remarkOn({ tokens, by }: NonNullable<CallBounds["added"]>): string {
  return ` ${tokens} tokens of input of that are kept for what ${by.join(", ")} may add: addedTokens in the settings of the route or of the key says how many.`;
}
