import { afterEach, describe } from "node:test";
import { systemClock } from "../../../../core/clock.ts";
import { runDirectoryConformance } from "../../../../workflows/run-directory.conformance.ts";
import { scheduleStoreConformance } from "../../../../workflows/schedule-store.conformance.ts";
import { signalStoreConformance } from "../../../../workflows/signal-store.conformance.ts";
import { workflowStoreConformance } from "../../../../workflows/workflow-store.conformance.ts";
import { workflowStoresOn } from "../../workflow-stores.fixture.ts";
import { TemporaryDatabases } from "./temporary-databases.fixture.ts";

describe("workflow stores on SQLite", () => {
  const databases = new TemporaryDatabases();
  afterEach(() => databases.remove());
  const open = async () => workflowStoresOn(await databases.open(), systemClock);
  workflowStoreConformance("SQLite", open);
  runDirectoryConformance("SQLite", open);
  signalStoreConformance("SQLite", open);
  scheduleStoreConformance("SQLite", open);
});
