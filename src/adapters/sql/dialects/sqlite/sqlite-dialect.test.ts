import { afterEach, describe } from "node:test";
import { accountMigration, sqlWriteConformance } from "../../sql-writes.conformance.ts";
import { sampleMigration, sqlValueConformance } from "../../sql-values.conformance.ts";
import { TemporaryDatabases } from "./temporary-databases.fixture.ts";

describe("SQLite dialect", () => {
  const databases = new TemporaryDatabases();
  afterEach(() => databases.remove());
  sqlValueConformance("SQLite", () => databases.open({ migrations: [sampleMigration] }));
  sqlWriteConformance("SQLite", () => databases.open({ migrations: [accountMigration] }));
});
