import { afterEach, describe } from "node:test";
import { sqlTrackingUnderFaultsConformance } from "../../tracking/sql-tracking-under-faults.conformance.ts";
import { trackingStoresConformance } from "../../tracking/tracking-stores.conformance.ts";
import { trackingStoresOn } from "../../tracking/tracking-stores.fixture.ts";
import { TemporaryDatabases } from "./temporary-databases.fixture.ts";

describe("tracking stores on SQLite", () => {
  const databases = new TemporaryDatabases();
  afterEach(() => databases.remove());
  trackingStoresConformance("SQLite", async () => trackingStoresOn(await databases.open()));
  sqlTrackingUnderFaultsConformance("SQLite", () => databases.open());
});
