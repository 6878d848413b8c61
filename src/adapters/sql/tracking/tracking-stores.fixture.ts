import { systemClock } from "../../../core/clock.ts";
import { TimeOrderedIds } from "../../../core/ids.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { SqlLoggedModelStore } from "./sql-logged-model-store.ts";
import { SqlTeamStore } from "../access/sql-team-store.ts";
import { SqlTrackingStore } from "./sql-tracking-store.ts";

/** For the conformance suites: the tracking stores over one database. */
export function trackingStoresOn(database: SqlDatabase) {
  const ids = new TimeOrderedIds(systemClock);
  return {
    store: new SqlTrackingStore(database, ids),
    models: new SqlLoggedModelStore(database),
    teams: new SqlTeamStore(database, ids),
    events: async () => {
      const rows = await database.queries.selectFrom("outbox").selectAll().orderBy("sequence").execute();
      return rows.map(({ type, object, team, payload_json }) => ({ type, object, team, payload: JSON.parse(payload_json) as Record<string, unknown> }));
    },
  };
}
