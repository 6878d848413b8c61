import { afterEach, describe } from "node:test";
import { accountMigration, sqlWriteConformance } from "../../write-conformance.ts";
import { sampleMigration, sqlValueConformance } from "../../value-conformance.ts";
import { TemporaryDatabases } from "./temporary-databases.ts";

describe("SQLite dialect", () => {
  const databases = new TemporaryDatabases();
  afterEach(() => databases.remove());
  sqlValueConformance("SQLite", () => databases.open({ migrations: [sampleMigration] }));
  sqlWriteConformance("SQLite", () => databases.open({ migrations: [accountMigration] }));
});
