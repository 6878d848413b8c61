import { afterEach, describe } from "node:test";
import { rolloutStoreConformance } from "../../../../rollouts/rollout-store.conformance.ts";
import { rolloutStoreOn } from "../../rollouts/rollout-store.fixture.ts";
import { sqlRolloutsUnderFaultsConformance } from "../../rollouts/sql-rollouts-under-faults.conformance.ts";
import { TemporaryDatabases } from "./temporary-databases.fixture.ts";

describe("rollouts on SQLite", () => {
  const databases = new TemporaryDatabases();
  afterEach(() => databases.remove());
  rolloutStoreConformance("SQLite", async () => rolloutStoreOn(await databases.open()));
  sqlRolloutsUnderFaultsConformance("SQLite", () => databases.open());
});
