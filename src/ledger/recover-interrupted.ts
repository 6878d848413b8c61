import type { EpochMs } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { BudgetKeeper } from "./budget-keeper.ts";
import type { CallJournal } from "./call-journal.ts";
import { interruptedEntries } from "./interrupted-entry.ts";
import type { LedgerEntry } from "./ledger-entry.ts";
import type { LedgerStore } from "./ledger-store.ts";
import type { PriceBook } from "./prices/price-book.ts";
import { storableEntry } from "./storable-entry.ts";

interface Parts {
  journal: Pick<CallJournal, "interrupted" | "forget">;
  store: Pick<LedgerStore, "known" | "add">;
  keeper: Pick<BudgetKeeper, "settle">;
  prices: Pick<PriceBook, "priceOf">;
  logger: Logger;
}

/**
 * Gives calls that were under way when a former process died their entries, with an estimate of what they cost. Each once, and none whose own entry was written at the last moment: that is in the database by
 * now. Budgets come first: a store that others share may count one twice where this process dies too, and never not at all.
 */
export async function recoverInterrupted({ journal, store, keeper, prices, logger }: Parts, now: EpochMs): Promise<void> {
  const calls = await journal.interrupted();
  if (calls.length > 0) {
    const known = await store.known(calls.map(({ id }) => id));
    const missing = calls.filter(({ id }) => !known.has(id)).map((call) => ({ call, entries: interruptedEntries(call, prices).map(storableEntry) }));
    const costOf = (entries: readonly LedgerEntry[]): number => entries.reduce((sum, { cost }) => sum + (cost ?? 0), 0);
    for (const { call: { reservation, attribution, time }, entries } of missing) await keeper.settle(reservation, { attribution, since: time, actualNano: costOf(entries) }, now);
    const entries = missing.flatMap((each) => each.entries);
    await store.add(entries.map((entry) => JSON.stringify(entry)));
    if (entries.length > 0) logger.warn("ledger.calls-interrupted", { calls: missing.length, nanoDollars: costOf(entries) });
  }
  await journal.forget();
}
