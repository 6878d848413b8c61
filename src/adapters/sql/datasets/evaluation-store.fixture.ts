import type { WrittenEvent } from "../../../access/access-store.conformance.ts";
import { systemClock } from "../../../core/clock.ts";
import { TimeOrderedIds } from "../../../core/ids.ts";
import { registryStoreOn } from "../access/access-store.fixture.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { SqlEvaluationStore } from "./sql-evaluation-store.ts";
import type { SqlRegistryStore } from "../registry/sql-registry-store.ts";

/** For tests: the store of evaluations on a database, beside the registry that it is of. */
export function evaluationStoreOn(database: SqlDatabase): { store: SqlEvaluationStore; registry: SqlRegistryStore; events: () => Promise<WrittenEvent[]> } {
  const { store: registry, events } = registryStoreOn(database);
  return { store: new SqlEvaluationStore(database, new TimeOrderedIds(systemClock)), registry, events };
}
