import { after, afterEach, before, describe, it } from "node:test";
import { SqlFeedbackFeed } from "../../src/adapters/sql/sql-feedback-feed.ts";
import { SqlRunDirectory } from "../../src/adapters/sql/sql-run-directory.ts";
import { SqlTraceStore } from "../../src/adapters/sql/sql-trace-store.ts";
import { TemporarySchemas } from "../../src/adapters/sql/dialects/postgres/temporary-schemas.fixture.ts";
import { runDirectoryConformance } from "../../src/tracing/run-directory.conformance.ts";
import { traceStoreConformance } from "../../src/tracing/trace-store.conformance.ts";
import { PostgresCluster } from "../kit/postgres-cluster.ts";
import { traceRetentionScenario } from "../kit/trace-retention.ts";
import { traceSettingsScenario } from "../kit/trace-settings.ts";

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
  runDirectoryConformance("Postgres", async () => {
    const database = await schemas.open();
    return { store: new SqlTraceStore(database), runs: new SqlRunDirectory(database) };
  });

  it("leave a whole server when they are past traceRetentionDays, and leave there what outlives them", () => traceRetentionScenario({ databaseUrl: cluster.url() }));

  it("are sampled, redacted and sent on as the settings say", async () => traceSettingsScenario({ databaseUrl: cluster.url({ schema: await schemas.newSchema() }) }));
});
