import { ManualClock } from "../../core/clock.ts";
import { TimeOrderedIds } from "../../core/ids.ts";
import type { GatewayStoreUnderTest } from "../../gateway/gateway-store.conformance.ts";
import type { SqlDatabase } from "./sql-database.ts";
import { SqlGatewayStore } from "./sql-gateway-store.ts";

/** For tests: the gateway's settings on a database. */
export function gatewayStoreOn(database: SqlDatabase): GatewayStoreUnderTest {
  return {
    store: new SqlGatewayStore(database, new TimeOrderedIds(new ManualClock())),
    events: async () => (await database.queries.selectFrom("outbox").select("type").where("type", "like", "gateway.%").orderBy("sequence").execute()).map(({ type }) => type),
  };
}
