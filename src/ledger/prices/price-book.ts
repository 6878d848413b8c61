import type { EpochMs } from "../../core/clock.ts";
import type { SetPrice } from "../schemas.ts";
import type { Price } from "./price.ts";
import { listedPrice } from "./price-table.ts";

/** A price that an administrator set, ready to be found. */
interface Held {
  from: number;
  /** The beginning of names for `gpt-*`, else the whole name. */
  text: string;
  isPrefix: boolean;
  price: Price;
}

/**
 * Prices of models: those that administrators set, before the built-in table. Lookups are remembered, for each call asks. A price is never changed: one that is set later, or holds from a later day,
 * takes its place, and entries keep the version that made their cost.
 */
export class PriceBook {
  /** By name of a provider, or by its kind. */
  #set = new Map<string, Held[]>();
  #found = new Map<string, { price: Price | null; until: number; since: number }>();
  /** Moments at which some answer may change. */
  #turns: readonly number[] = [];

  /** All prices that were set, oldest first. */
  load(prices: readonly SetPrice[]): void {
    const set = new Map<string, Held[]>();
    for (const { id, provider, model, from, rates, above, tiers } of prices) {
      const isPrefix = model.endsWith("*");
      const held = { from, text: isPrefix ? model.slice(0, -1) : model, isPrefix, price: { version: `set/${id}`, rates, above, ...(tiers === undefined ? {} : { tiers }) } };
      set.set(provider, [...(set.get(provider) ?? []), held]);
    }
    this.#set = set;
    this.#turns = [...new Set(prices.map(({ from }) => from as number))].sort((one, other) => one - other);
    this.#found = new Map();
  }

  /** Null where it is not known. What was set for the provider's name goes before what was set for its kind, a whole name before a pattern, a longer pattern before a shorter one. */
  priceOf(kind: string, provider: string, model: string, at: EpochMs): Price | null {
    const key = `${kind}\n${provider}\n${model}`;
    const known = this.#found.get(key);
    if (known !== undefined && at >= known.since && at < known.until) return known.price;
    const price = held(this.#set.get(provider), model, at) ?? (kind === provider ? null : held(this.#set.get(kind), model, at)) ?? listedPrice(kind, model, at);
    // Callers choose names of models: the memory must not grow with them.
    if (this.#found.size >= 10_000) this.#found = new Map();
    const midnight = Math.floor(at / dayMs) * dayMs;
    const turns = [midnight, midnight + dayMs, ...this.#turns];
    this.#found.set(key, { price, since: Math.max(...turns.filter((turn) => turn <= at)), until: Math.min(...turns.filter((turn) => turn > at)) });
    return price;
  }
}

const dayMs = 86_400_000;

function held(prices: readonly Held[] | undefined, model: string, at: number): Price | null {
  let best: Held | null = null;
  for (const each of prices ?? []) {
    if (each.from > at || !(each.isPrefix ? model.startsWith(each.text) : model === each.text)) continue;
    if (best === null || isBetter(each, best)) best = each;
  }
  return best?.price ?? null;
}

/** `later` stands behind `best` in the order of their making. */
function isBetter(later: Held, best: Held): boolean {
  if (later.isPrefix !== best.isPrefix) return best.isPrefix;
  if (later.text.length !== best.text.length) return later.text.length > best.text.length;
  return later.from >= best.from;
}
