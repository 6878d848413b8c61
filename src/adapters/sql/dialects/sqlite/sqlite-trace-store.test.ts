import { afterEach, describe } from "node:test";
import { traceStoreConformance } from "../../../../tracing/trace-store.conformance.ts";
import { SqlFeedbackFeed } from "../../sql-feedback-feed.ts";
import { SqlTraceStore } from "../../sql-trace-store.ts";
import { TemporaryDatabases } from "./temporary-databases.fixture.ts";

describe("traces on SQLite", () => {
  const databases = new TemporaryDatabases();
  afterEach(() => databases.remove());
  traceStoreConformance("SQLite", async () => {
    const database = await databases.open();
    return { store: new SqlTraceStore(database), feed: new SqlFeedbackFeed(database) };
  });
});
