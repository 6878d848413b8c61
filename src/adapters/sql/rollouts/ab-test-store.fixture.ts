import type { AbTestStoreUnderTest } from "../../../rollouts/ab-tests/ab-test-store.conformance.ts";
import { rolloutStoreOn } from "./rollout-store.fixture.ts";
import { SqlAbTestStore } from "./sql-ab-test-store.ts";
import type { SqlDatabase } from "../sql-database.ts";

/** For tests: the store of A/B tests on a database, beside the rollouts and the registry that they are of. */
export function abTestStoreOn(database: SqlDatabase): AbTestStoreUnderTest {
  const { store: rollouts, registry } = rolloutStoreOn(database);
  return { store: new SqlAbTestStore(database), rollouts, registry };
}
