import type { Clock } from "../../core/clock.ts";
import { systemClock } from "../../core/clock.ts";
import { TimeOrderedIds } from "../../core/ids.ts";
import type { SqlDatabase } from "./sql-database.ts";
import { SqlTeamStore } from "./access/sql-team-store.ts";
import { SqlWorkflowDirectory } from "./workflows/sql-workflow-directory.ts";
import { SqlWorkflowSchedules } from "./workflows/sql-workflow-schedules.ts";
import { SqlWorkflowSignals } from "./workflows/sql-workflow-signals.ts";
import { SqlWorkflowStore } from "./workflows/sql-workflow-store.ts";

/** For the conformance suites: the workflow stores over one database. */
export function workflowStoresOn(database: SqlDatabase, clock: Clock | "database") {
  const ids = new TimeOrderedIds(systemClock);
  return {
    store: new SqlWorkflowStore(database, { ids, clock }),
    directory: new SqlWorkflowDirectory(database, { ids }),
    signals: new SqlWorkflowSignals(database),
    schedules: new SqlWorkflowSchedules(database),
    teams: new SqlTeamStore(database, ids),
    events: async () => {
      const rows = await database.queries.selectFrom("outbox").selectAll().orderBy("sequence").execute();
      return rows.map(({ type, object, payload_json }) => ({ type, object, payload: JSON.parse(payload_json) as Record<string, unknown> }));
    },
  };
}
