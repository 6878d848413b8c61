import type { WrittenEvent } from "../../../access/access-store.conformance.ts";
import { systemClock } from "../../../core/clock.ts";
import { TimeOrderedIds } from "../../../core/ids.ts";
import { registryStoreOn } from "../access/access-store.fixture.ts";
import type { SqlDatabase } from "../sql-database.ts";
import type { SqlRegistryStore } from "../registry/sql-registry-store.ts";
import { SqlRolloutStore } from "./sql-rollout-store.ts";

/** For tests: the store of rollouts on a database, beside the registry whose models they are of. */
export function rolloutStoreOn(database: SqlDatabase): { store: SqlRolloutStore; registry: SqlRegistryStore; events: () => Promise<WrittenEvent[]> } {
  const { store: registry, events } = registryStoreOn(database);
  return { store: new SqlRolloutStore(database, new TimeOrderedIds(systemClock)), registry, events };
}
