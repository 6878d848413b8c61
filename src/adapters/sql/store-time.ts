import { sql } from "kysely";
import { epochMs, type Clock, type EpochMs } from "../../core/clock.ts";
import type { SqlDatabase } from "./sql-database.ts";

/** Whose time a store goes by: `database` where several processes share one, so that skewed clocks agree on leases. */
export type StoreClock = Clock | "database";

export async function storeTime(database: SqlDatabase, clock: StoreClock): Promise<EpochMs> {
  if (clock !== "database") return clock.now();
  const { now } = await database.queries
    .selectNoFrom(sql<number>`cast(floor(extract(epoch from clock_timestamp()) * 1000) as bigint)`.as("now"))
    .executeTakeFirstOrThrow();
  return epochMs(now);
}
