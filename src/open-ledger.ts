import { join } from "node:path";
import { FileCallJournal } from "./adapters/filesystem/file-call-journal.ts";
import { FileLedgerJournal } from "./adapters/filesystem/ledger-journal.ts";
import type { SqlDatabase } from "./adapters/sql/sql-database.ts";
import { SqlLedgerSettingsStore } from "./adapters/sql/ledger/sql-ledger-settings-store.ts";
import { SqlLedgerStore } from "./adapters/sql/ledger/sql-ledger-store.ts";
import type { Config } from "./config/index.ts";
import { epochMs, type Clock, type EpochMs } from "./core/clock.ts";
import type { IdGenerator } from "./core/ids.ts";
import type { Logger } from "./core/logger.ts";
import { stopInOrder } from "./core/stop-in-order.ts";
import { systemAlarm, type OutboxFollower } from "./events/index.ts";
import { BudgetAlerts, BudgetKeeper, CallsUnderWay, LedgerService, LedgerSettings, MemoryBudgetStore, PriceBook, recoverInterrupted, type BudgetStore } from "./ledger/index.ts";

const dayMs = 86_400_000;
/** Single calls are kept for as long; their sums stay. */
const keptDays = 400;
const tickMs = 5000;
/** Ticks between looks at what is spent: by other servers too, where several share the database. */
const refreshTicks = 12;

interface Parts {
  config: Pick<Config, "data" | "databaseUrl">;
  database: SqlDatabase;
  follower: Pick<OutboxFollower, "keepFresh">;
  clock: Clock;
  ids: IdGenerator;
  logger: Logger;
  /** Of all servers together; this process counts for itself where it is absent. `spentBefore` tells what a scope has spent when a store meets it for the first time. */
  budgets?: (spentBefore: (scope: string) => Promise<number>) => BudgetStore;
}

export interface OpenedLedger {
  ledger: LedgerService;
  settings: LedgerSettings;
  keeper: BudgetKeeper;
  prices: PriceBook;
  underWay: CallsUnderWay;
  maintenance: { name: string; run: (now: EpochMs) => Promise<number> };
  stop: () => Promise<void>;
}

/** Prices, budgets and the ledger, ready for the first call: what a former process left in the journal is in the database when it has answered. */
export async function openLedger({ config, database, follower, clock, ids, logger, budgets }: Parts): Promise<OpenedLedger> {
  const directory = join(config.data, "ledger-journal");
  const journal = await FileLedgerJournal.open({ directory, clock, logger });
  const callJournal = await FileCallJournal.open({ directory, clock, logger });
  const entries = new SqlLedgerStore(database);
  const ledger = new LedgerService({ store: entries, journal, clock, logger, alarm: systemAlarm });
  await ledger.start(clock.now());
  const spentBefore = (scope: string): number => ledger.spent(scope);
  const store = new SqlLedgerSettingsStore(database, ids);
  const alerts = new BudgetAlerts({ store, logger });
  const keeper = new BudgetKeeper({ store: budgets?.((scope) => ledger.spentByNow(scope)) ?? new MemoryBudgetStore({ clock, spentBefore }), alerts, clock, ids });
  const prices = new PriceBook();
  const settings = new LedgerSettings({ store, keeper, prices, ids });
  await settings.load();
  await recoverInterrupted({ journal: callJournal, store: entries, keeper, prices, logger }, clock.now());
  await ledger.refresh(clock.now());
  const underWay = new CallsUnderWay({ journal: callJournal, clock, nextId: () => ids.next("ledgerEntry"), alarm: systemAlarm });
  follower.keepFresh("budgets and prices", LedgerSettings.concerns, () => settings.load());
  let ticks = 0;
  const ticker = setInterval(() => {
    // The first one too: a server that ended may have left an alert ungiven.
    const isLook = ticks++ % refreshTicks === 0;
    const read = isLook && config.databaseUrl !== undefined ? ledger.refresh(clock.now()) : ledger.refreshWindows(clock.now());
    read.then(() => (isLook ? settings.lookForAlerts(spentBefore, clock.now()) : undefined)).catch((cause: unknown) => logger.warn("ledger.sums-not-read", { cause }));
    keeper.tick(clock.now()).catch((cause: unknown) => logger.warn("ledger.leases-not-renewed", { cause }));
  }, tickMs);
  ticker.unref();
  return {
    ledger, settings, keeper, prices, underWay,
    maintenance: { name: "remove old entries of the ledger", run: (now) => ledger.prune(epochMs(now - keptDays * dayMs)) },
    stop: () => {
      clearInterval(ticker);
      return stopInOrder([["calls under way", () => underWay.stop()], ["journal of calls", () => callJournal.close()], ["entries", () => ledger.stop()], ["alerts", () => alerts.settled()]]);
    },
  };
}
