import { afterEach, describe } from "node:test";
import { sqlDatasetsUnderFaultsConformance } from "../../datasets/sql-datasets-under-faults.conformance.ts";
import { sqlStoresUnderFaultsConformance } from "../../sql-stores-under-faults.conformance.ts";
import { TemporaryDatabases } from "./temporary-databases.fixture.ts";

describe("stores on a SQLite that misbehaves", () => {
  const databases = new TemporaryDatabases();
  afterEach(() => databases.remove());
  sqlDatasetsUnderFaultsConformance("SQLite", () => databases.open());
  sqlStoresUnderFaultsConformance("SQLite", () => databases.open());
});
