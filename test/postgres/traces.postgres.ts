import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { SqlFeedbackFeed } from "../../src/adapters/sql/tracing/sql-feedback-feed.ts";
import { SqlRunDirectory } from "../../src/adapters/sql/tracking/sql-run-directory.ts";
import { sqlTraceRemovalConformance } from "../../src/adapters/sql/tracing/sql-trace-removal.conformance.ts";
import { SqlTraceStore } from "../../src/adapters/sql/tracing/sql-trace-store.ts";
import { TemporarySchemas } from "../../src/adapters/sql/dialects/postgres/temporary-schemas.fixture.ts";
import { exampleRecord, keyOf, now } from "../../src/tracing/example-spans.fixture.ts";
import { runDirectoryConformance } from "../../src/tracing/run-directory.conformance.ts";
import type { SpanRecord } from "../../src/tracing/stored-span.ts";
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
  sqlTraceRemovalConformance("Postgres", () => schemas.open());

  it("keep the sums of their spans where two servers write to one trace at once", async () => {
    const schema = await schemas.newSchema();
    const stores = await Promise.all([1, 2].map(async () => new SqlTraceStore(await schemas.open({ schema }))));
    // Each span comes to both servers, running and ended.
    const batch = (of: number, end: null | undefined): SpanRecord[] => [1, 2, 3].flatMap((trace) =>
      Array.from({ length: 5 }, (_, index) => exampleRecord(trace, 2 + ((of * 3 + index) % 20), { parentSpanId: "f".repeat(16), attributes: { "gen_ai.usage.input_tokens": 3, "gen_ai.usage.cost": 0.25 }, ...(end === null ? { end } : {}) })));
    await Promise.all(stores.flatMap((store) => Array.from({ length: 40 }, (_, index) => store.write(batch(index % 20, index < 20 ? null : undefined), now))));
    for (const trace of [1, 2, 3]) {
      const { summary } = (await stores[0]!.find(keyOf(trace).traceId, "all"))!;
      const spans = await stores[1]!.spans(keyOf(trace), 100);
      assert.deepEqual([summary.spans, summary.inputTokens, summary.cost, summary.durationMs], [20, 60, 20 * 250_000_000, 20_999.998]);
      assert.deepEqual([spans.length, spans.every(({ end }) => end !== null)], [20, true]);
    }
  });

  it("leave a whole server when they are past traceRetentionDays, and leave there what outlives them", () => traceRetentionScenario({ databaseUrl: cluster.url() }));

  it("are sampled, redacted and sent on as the settings say", async () => traceSettingsScenario({ databaseUrl: cluster.url({ schema: await schemas.newSchema() }) }));
});
