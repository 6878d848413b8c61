import { systemClock } from "../../../core/clock.ts";
import { TimeOrderedIds } from "../../../core/ids.ts";
import type { LedgerSettingsUnderTest } from "../../../ledger/ledger-settings-store.conformance.ts";
import { registryStoreOn } from "../access/access-store.fixture.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { SqlLedgerSettingsStore } from "./sql-ledger-settings-store.ts";

/** For tests: budgets and prices on a database, and the events that they leave. */
export async function ledgerSettingsOn(database: SqlDatabase): Promise<LedgerSettingsUnderTest> {
  await database.queries.insertInto("teams").values({ name: "search", description: "", created_at: 0 }).execute();
  return { store: new SqlLedgerSettingsStore(database, new TimeOrderedIds(systemClock)), events: registryStoreOn(database).events };
}
