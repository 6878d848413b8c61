import { afterEach, describe } from "node:test";
import { ManualClock, systemClock } from "../../../../core/clock.ts";
import { TimeOrderedIds } from "../../../../core/ids.ts";
import { deliveryStoreConformance, type EventStoresUnderTest } from "../../../../events/delivery-store.conformance.ts";
import { outboxConformance } from "../../../../events/outbox.conformance.ts";
import { webhookStoreConformance } from "../../../../events/webhook-store.conformance.ts";
import { eventStoresOn } from "../../events/event-stores.fixture.ts";
import { TemporaryDatabases } from "./temporary-databases.fixture.ts";

describe("events on SQLite", () => {
  const databases = new TemporaryDatabases();
  const ids = new TimeOrderedIds(systemClock);
  afterEach(() => databases.remove());
  const open = async (clock: ManualClock): Promise<EventStoresUnderTest> => eventStoresOn(await databases.open(), clock, ids);
  outboxConformance("SQLite", () => open(new ManualClock()));
  deliveryStoreConformance("SQLite", open);
  webhookStoreConformance("SQLite", open);
});
