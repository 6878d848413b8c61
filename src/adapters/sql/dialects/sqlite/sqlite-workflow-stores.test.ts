import { afterEach, describe } from "node:test";
import { systemClock } from "../../../../core/clock.ts";
import { workflowStoresConformance } from "../../workflow-stores.conformance.ts";
import { workflowStoresOn } from "../../workflow-stores.fixture.ts";
import { TemporaryDatabases } from "./temporary-databases.fixture.ts";

describe("workflow stores on SQLite", () => {
  const databases = new TemporaryDatabases();
  afterEach(() => databases.remove());
  workflowStoresConformance("SQLite", async () => workflowStoresOn(await databases.open(), systemClock));
});
