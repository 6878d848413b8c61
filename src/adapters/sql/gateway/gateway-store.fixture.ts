import { ManualClock } from "../../../core/clock.ts";
import { TimeOrderedIds } from "../../../core/ids.ts";
import type { GatewayStoreUnderTest } from "../../../gateway/settings/gateway-store.conformance.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { SqlGatewayStore } from "./sql-gateway-store.ts";
import { SqlRolloutStore } from "../rollouts/sql-rollout-store.ts";
import { SqlRouteRevisionStore } from "./sql-route-revision-store.ts";

/** For tests: the gateway's settings on a database. */
export function gatewayStoreOn(database: SqlDatabase): GatewayStoreUnderTest {
  const ids = new TimeOrderedIds(new ManualClock());
  return {
    store: new SqlGatewayStore(database, ids),
    revisions: new SqlRouteRevisionStore(database, ids),
    rollouts: new SqlRolloutStore(database, ids),
    events: async () => (await database.queries.selectFrom("outbox").select("type").where("type", "like", "gateway.%").orderBy("sequence").execute()).map(({ type }) => type),
  };
}
