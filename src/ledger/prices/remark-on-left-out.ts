import { formatDollars } from "../../core/dollars.ts";
import type { Price, Rates } from "./price.ts";

/** What rates cost by that a price leaves out; tokens have other rates to fall back on, fees have none. */
const leftOut: readonly [rate: keyof Rates, what: string, now: string][] = [
  ["cacheRead", "what is read from the provider's cache", "costs as input"], ["cacheWrite", "what is written to it", "costs as input"], ["cacheWriteHour", "what is written to it for an hour", "costs as other writes"],
  ["audioInput", "audio that is heard", "costs as input"], ["audioOutput", "audio that is spoken", "costs as output"],
  ["searchUnits", "a thousand search units", "cost nothing"], ["webSearches", "a thousand searches of the web", "cost nothing"],
];

/**
 * What to say of a price that leaves out rates which the one before it had: a price stands for itself, so what somebody meant to keep costs something else, and fees nothing. Null where nothing is left out, and for one that makes all free.
 */
export function remarkOnLeftOut(price: Omit<Price, "version">, former: Price | null): string | null {
  if (former === null || (price.rates.input === 0 && price.rates.output === 0)) return null;
  const lost = leftOut.flatMap(([rate, what, now]) => (former.rates[rate] === undefined || price.rates[rate] !== undefined ? [] : [`${what} ${now} (before: ${formatDollars(former.rates[rate], 9)})`]));
  if (former.above !== null && price.above === null) lost.push(`calls of more than ${former.above.inputTokens} tokens cost as shorter ones`);
  const ways = Object.keys(former.tiers ?? {}).filter((tier) => !Object.hasOwn(price.tiers ?? {}, tier));
  if (ways.length > 0) lost.push(`${ways.join(" and ")} cost as usual, and under a budget what is dearer is refused`);
  return lost.length === 0 ? null : `This price has not all that the one before it had: ${lost.join("; ")}. Set it once more with what is to hold.`;
}
