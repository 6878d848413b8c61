import { afterEach, describe } from "node:test";
import { ledgerSettingsStoreConformance } from "../../../../ledger/ledger-settings-store.conformance.ts";
import { ledgerStoreConformance } from "../../../../ledger/ledger-store.conformance.ts";
import { ledgerSettingsOn } from "../../ledger/ledger-stores.fixture.ts";
import { SqlLedgerStore } from "../../ledger/sql-ledger-store.ts";
import { TemporaryDatabases } from "./temporary-databases.fixture.ts";

describe("the ledger on SQLite", () => {
  const databases = new TemporaryDatabases();
  afterEach(() => databases.remove());
  ledgerStoreConformance("SQLite", async () => new SqlLedgerStore(await databases.open()));
  ledgerSettingsStoreConformance("SQLite", async () => ledgerSettingsOn(await databases.open()));
});
