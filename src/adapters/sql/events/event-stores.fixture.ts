import type { Clock } from "../../../core/clock.ts";
import type { IdGenerator } from "../../../core/ids.ts";
import type { EventStoresUnderTest } from "../../../events/delivery-store.conformance.ts";
import { formatsUnderTest } from "../../../events/webhook-store.conformance.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { SqlDeliveryStore } from "./sql-delivery-store.ts";
import { SqlOutbox } from "./sql-outbox.ts";
import { SqlWebhookStore } from "./sql-webhook-store.ts";
import { eventStatements, writeEvents } from "./write-events.ts";

/** For tests: the stores of events on a database, with the clock as the store's time. */
export function eventStoresOn(database: SqlDatabase, clock: Clock, ids: IdGenerator): EventStoresUnderTest {
  return {
    outbox: new SqlOutbox(database),
    deliveries: new SqlDeliveryStore(database, { clock, formats: formatsUnderTest }),
    webhooks: new SqlWebhookStore(database, { ids, clock }),
    write: (events, before) =>
      database.transaction(async (transaction) => {
        await writeEvents(transaction, ids, events);
        await before?.();
      }),
    writeBatch: async (events) => void (await database.writeBatch(eventStatements(database.queries, ids, events))),
  };
}
