import { after, afterEach, before, describe } from "node:test";
import { TemporarySchemas } from "../../src/adapters/sql/dialects/postgres/temporary-schemas.fixture.ts";
import { eventStoresOn } from "../../src/adapters/sql/events/event-stores.fixture.ts";
import { ManualClock, systemClock } from "../../src/core/clock.ts";
import { TimeOrderedIds } from "../../src/core/ids.ts";
import { deliveryFaultsConformance } from "../../src/events/delivery-faults.conformance.ts";
import { deliveryStoreConformance, type EventStoresUnderTest } from "../../src/events/delivery-store.conformance.ts";
import { outboxConformance } from "../../src/events/outbox.conformance.ts";
import { webhookStoreConformance } from "../../src/events/webhook-store.conformance.ts";
import { PostgresCluster } from "../kit/postgres-cluster.ts";

const ids = new TimeOrderedIds(systemClock);

describe("events on Postgres", () => {
  let cluster: PostgresCluster;
  const schemas = new TemporarySchemas(() => cluster);
  before(async () => { cluster = await PostgresCluster.start(); });
  afterEach(() => schemas.close());
  after(() => cluster.remove());
  const open = async (clock: ManualClock): Promise<EventStoresUnderTest> => eventStoresOn(await schemas.open(), clock, ids);
  outboxConformance("Postgres", () => open(new ManualClock()));
  deliveryStoreConformance("Postgres", open);
  webhookStoreConformance("Postgres", open);
  deliveryFaultsConformance("Postgres", open, () => schemas.close(), 10);
});
