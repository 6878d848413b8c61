import { describe } from "node:test";
import { TemporaryDatabases } from "../../src/adapters/sql/dialects/sqlite/temporary-databases.fixture.ts";
import { eventStoresOn } from "../../src/adapters/sql/events/event-stores.fixture.ts";
import { systemClock } from "../../src/core/clock.ts";
import { TimeOrderedIds } from "../../src/core/ids.ts";
import { deliveryFaultsConformance } from "../../src/events/delivery-faults.conformance.ts";

describe("deliveries on SQLite", () => {
  const databases = new TemporaryDatabases();
  const ids = new TimeOrderedIds(systemClock);
  deliveryFaultsConformance("SQLite", async (clock) => eventStoresOn(await databases.open(), clock, ids), () => databases.remove());
});
