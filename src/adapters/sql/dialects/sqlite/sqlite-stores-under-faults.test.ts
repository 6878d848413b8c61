import { afterEach, describe } from "node:test";
import { sqlStoresUnderFaultsConformance } from "../../sql-stores-under-faults.conformance.ts";
import { TemporaryDatabases } from "./temporary-databases.fixture.ts";

describe("stores on a SQLite that misbehaves", () => {
  const databases = new TemporaryDatabases();
  afterEach(() => databases.remove());
  sqlStoresUnderFaultsConformance("SQLite", () => databases.open());
});
