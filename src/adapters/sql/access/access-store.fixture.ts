import type { OpenedAccessStore, WrittenEvent } from "../../../access/access-store.conformance.ts";
import { systemClock } from "../../../core/clock.ts";
import { TimeOrderedIds } from "../../../core/ids.ts";
import { SqlAccessStore } from "./sql-access-store.ts";
import { SqlBlobOwners } from "../registry/sql-blob-owners.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { SqlRegistryStore } from "../registry/sql-registry-store.ts";

const ids = new TimeOrderedIds(systemClock);

/** For tests: events as they are in the outbox, in the order of commits. */
async function writtenEvents(database: SqlDatabase): Promise<WrittenEvent[]> {
  const rows = await database.queries.selectFrom("outbox").selectAll().orderBy("sequence").execute();
  return rows.map(({ type, object, team, actor, time, payload_json: payload }) => ({ type, object, team, actor, time, payload: JSON.parse(payload) as unknown }));
}

/** For tests: the access store on a database, and what it leaves beside its own tables. */
export function accessStoreOn(database: SqlDatabase): OpenedAccessStore {
  return {
    store: new SqlAccessStore(database, ids),
    events: () => writtenEvents(database),
    addModel: async (name, team) => {
      await database.queries.insertInto("models").values({ name, created_at: 1, description: "", latest_version: 1, team }).execute();
    },
  };
}

export function registryStoreOn(database: SqlDatabase): { store: SqlRegistryStore; events: () => Promise<WrittenEvent[]> } {
  return { store: new SqlRegistryStore(database, ids), events: () => writtenEvents(database) };
}

export function blobOwnersOn(database: SqlDatabase): { owners: SqlBlobOwners; store: SqlRegistryStore } {
  return { owners: new SqlBlobOwners(database), store: new SqlRegistryStore(database, ids) };
}
