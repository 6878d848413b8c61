import { after, afterEach, before, describe } from "node:test";
import { SqlFeedbackFeed } from "../../src/adapters/sql/sql-feedback-feed.ts";
import { SqlTraceStore } from "../../src/adapters/sql/sql-trace-store.ts";
import { TemporarySchemas } from "../../src/adapters/sql/dialects/postgres/temporary-schemas.fixture.ts";
import { traceStoreConformance } from "../../src/tracing/trace-store.conformance.ts";
import { PostgresCluster } from "../kit/postgres-cluster.ts";

describe("traces on Postgres", () => {
  let cluster: PostgresCluster;
  const schemas = new TemporarySchemas(() => cluster);
  before(async () => { cluster = await PostgresCluster.start(); });
  afterEach(() => schemas.close());
  after(() => cluster.remove());
  traceStoreConformance("Postgres", async () => {
    const database = await schemas.open();
    return { store: new SqlTraceStore(database), feed: new SqlFeedbackFeed(database) };
  });
});
