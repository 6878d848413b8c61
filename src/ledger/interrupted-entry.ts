import type { AttemptBegun, CallInterrupted } from "./call-journal.ts";
import type { LedgerEntry } from "./ledger-entry.ts";
import { billedTokens, costOf } from "./prices/price.ts";
import type { PriceBook } from "./prices/price-book.ts";

/** Output of one model in a millisecond: few write more than 250 tokens a second. */
export const mostTokensOfMs = 0.25;
/** From the last sign of a process to its death. */
const unseenMs = 1000;

/**
 * What a call cost that nobody saw the end of, by estimate: all of its input, as much output as there was time for, and a search of the web for each round that may have made one. Its provider may have gone on a little after the
 * connection was gone. Its own entry first, then one for each attempt beside it.
 */
export function interruptedEntries(call: CallInterrupted, prices: Pick<PriceBook, "priceOf">): LedgerEntry[] {
  const { time, lastSeenAt, since = time, webSearches = 0, beside = [] } = call;
  const msSince = (began: number): number => Math.max(0, lastSeenAt - began) + unseenMs;
  const own = entryOf(call, { ...call, since, webSearches, ended: null }, msSince(since), prices);
  return [{ ...own, totalMs: msSince(time) }, ...beside.map((attempt) => entryOf(call, attempt, attempt.ended?.ms ?? msSince(attempt.since), prices))];
}

function entryOf({ time, attribution }: CallInterrupted, { id, provider, kind, model, tier, inputTokens, mostOutputTokens, searchUnits, webSearches, ended }: AttemptBegun, ms: number, prices: Pick<PriceBook, "priceOf">): LedgerEntry {
  const tokens = billedTokens({ inputTokens, outputTokens: Math.min(mostOutputTokens, Math.ceil(ms * mostTokensOfMs)), cacheReadTokens: null, cacheWriteTokens: null });
  const price = prices.priceOf(kind, provider, model, time);
  return {
    id, time, kind: "llm", attribution, provider, model, outcome: ended?.outcome ?? "interrupted", estimated: true, tokens, ...(searchUnits + webSearches === 0 ? {} : { units: { ...(searchUnits === 0 ? {} : { searchUnits }), ...(webSearches === 0 ? {} : { webSearches }) } }),
    totalMs: ms, firstByteMs: null, cost: price === null ? null : costOf(price, tokens, inputTokens, { tier, searchUnits, webSearches }), priceVersion: price === null ? null : price.version,
  };
}
