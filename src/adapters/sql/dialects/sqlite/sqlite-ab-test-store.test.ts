import { afterEach, describe } from "node:test";
import { abTestStoreConformance } from "../../../../rollouts/ab-tests/ab-test-store.conformance.ts";
import { abTestStoreOn } from "../../rollouts/ab-test-store.fixture.ts";
import { TemporaryDatabases } from "./temporary-databases.fixture.ts";

describe("A/B tests on SQLite", () => {
  const databases = new TemporaryDatabases();
  afterEach(() => databases.remove());
  abTestStoreConformance("SQLite", async () => abTestStoreOn(await databases.open()));
});
