import { afterEach, describe } from "node:test";
import { systemClock } from "../../../../core/clock.ts";
import { TimeOrderedIds } from "../../../../core/ids.ts";
import { outboxConformance } from "../../../../events/outbox.conformance.ts";
import { SqlOutbox } from "../../sql-outbox.ts";
import { eventStatements, writeEvents } from "../../write-events.ts";
import { TemporaryDatabases } from "./temporary-databases.fixture.ts";

describe("events on SQLite", () => {
  const databases = new TemporaryDatabases();
  const ids = new TimeOrderedIds(systemClock);
  afterEach(() => databases.remove());

  outboxConformance("SQLite", async () => {
    const database = await databases.open();
    return {
      outbox: new SqlOutbox(database),
      write: (events, before) =>
        database.transaction(async (transaction) => {
          await writeEvents(transaction, ids, events);
          await before?.();
        }),
      writeBatch: async (events) => void (await database.writeBatch(eventStatements(database.queries, ids, events))),
    };
  });
});
