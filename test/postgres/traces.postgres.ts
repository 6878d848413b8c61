import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { sql, type RawBuilder } from "kysely";
import { SqlFeedbackFeed } from "../../src/adapters/sql/tracing/sql-feedback-feed.ts";
import { SqlRunDirectory } from "../../src/adapters/sql/tracking/sql-run-directory.ts";
import { sqlTraceRemovalConformance } from "../../src/adapters/sql/tracing/sql-trace-removal.conformance.ts";
import { holdTrace, writeFeedback } from "../../src/adapters/sql/tracing/sql-feedback-writes.ts";
import { ofSessions } from "../../src/adapters/sql/tracing/sql-trace-sessions.ts";
import { SqlTraceStore } from "../../src/adapters/sql/tracing/sql-trace-store.ts";
import { SqlWaitingFeedbackStore } from "../../src/adapters/sql/tracing/sql-waiting-feedback-store.ts";
import { TemporarySchemas } from "../../src/adapters/sql/dialects/postgres/temporary-schemas.fixture.ts";
import { exampleFeedback, exampleRecord, keyOf, now } from "../../src/tracing/example-spans.fixture.ts";
import { epochMs } from "../../src/core/clock.ts";
import { runDirectoryConformance } from "../../src/tracing/run-directory.conformance.ts";
import type { SpanRecord } from "../../src/tracing/stored-span.ts";
import { traceStoreConformance } from "../../src/tracing/trace-store.conformance.ts";
import { waitingFeedbackStoreConformance } from "../../src/tracing/waiting-feedback-store.conformance.ts";
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
  waitingFeedbackStoreConformance("Postgres", async () => {
    const database = await schemas.open();
    return { store: new SqlTraceStore(database), waiting: new SqlWaitingFeedbackStore(database) };
  });

  it("tell those who follow feedback also of what came in the moment in which their trace was removed", async () => {
    const schema = await schemas.migratedSchema();
    const [one, other] = await Promise.all([schemas.open({ schema }), schemas.open({ schema })]);
    const store = new SqlTraceStore(one);
    await store.write([exampleRecord(1, 1)], now);
    const isGiven = Promise.withResolvers<void>();
    const isWaitedFor = Promise.withResolvers<void>();
    const given = other.transaction(async (transaction) => {
      await holdTrace(transaction, keyOf(1));
      await writeFeedback(transaction, keyOf(1), exampleFeedback("late"));
      isGiven.resolve();
      await isWaitedFor.promise;
    });
    await isGiven.promise;
    const removed = store.remove([keyOf(1)], now);
    await cluster.until("select 1 from pg_locks where not granted");
    isWaitedFor.resolve();
    await given;
    assert.equal(await removed, 1);
    assert.deepEqual([(await store.feedback(keyOf(1))).length, (await new SqlFeedbackFeed(one).removedSince(epochMs(0), null, 5)).map(({ id, revision }) => [id, revision])], [0, [["late", 1]]]);
  });

  it("keep the sums of their spans where two servers write to one trace at once", async () => {
    const schema = await schemas.migratedSchema();
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

  it("of one caller, and what its calls cost, are found through indexes, however many others there are", async () => {
    const { queries } = await schemas.open();
    await sql`insert into traces (team, trace_id, name, start_ns, root_failed, spans, errors, session, tags_json, metadata_json, received_at, caller)
      select 'red', lpad(to_hex(i), 32, '0'), 'chat', i, 0, 1, 0, 's', '{}', '{}', 1, case when i % 1000 = 7 then 'key:own' else 'key:' || i % 5 end from generate_series(1, 20000) i`.execute(queries);
    await sql`insert into ledger_entries (id, time, kind, actor, team, project, route, caller_user, session, trace, agent_run, provider, model, outcome, estimated, total_ms)
      select 'led_' || i, i, 'llm', case when i % 1000 = 7 then 'key:own' else 'key:' || i % 5 end, 'red', '', 'chat', '', '', '', '', 'p', 'm', 'ok', 0, 1 from generate_series(1, 20000) i`.execute(queries);
    for (const table of ["traces", "ledger_entries"]) await sql`analyze ${sql.table(table)}`.execute(queries);
    const plan = async (statement: RawBuilder<unknown>): Promise<string> => (await sql<{ "QUERY PLAN": string }>`explain ${statement}`.execute(queries)).rows.map((row) => row["QUERY PLAN"]).join("\n");
    const ofCaller = sql`o.removed_at is null and (o.caller = ${"key:own"})`;
    assert.match(await plan(sql`select * from traces o where ${ofCaller} order by o.start_ns desc, o.trace_id desc, o.team desc limit 51`), /traces_caller/);
    assert.match(await plan(sql`select o.session, o.team, o.start_ns from traces o where o.session is not null and ${ofCaller} order by o.start_ns desc, o.session desc, o.team desc limit 500`), /traces_caller/);
    assert.match(await plan(sql`select * from ledger_entries where (actor = ${"key:own"}) and time >= 1 and time < 20000 order by time desc, id desc limit 51`), /ledger_entries_actor/);
  });

  it("of some sessions of a team are found without looking at each of the team's by each session, also where there are no statistics yet", async () => {
    const { queries } = await schemas.open();
    // Nobody makes statistics meanwhile.
    await sql`alter table traces set (autovacuum_enabled = off)`.execute(queries);
    await sql`insert into traces (team, trace_id, name, start_ns, root_failed, spans, errors, session, tags_json, metadata_json, received_at)
      select case when i % 10 = 7 then 'blue' else 'red' end, lpad(to_hex(i), 32, '0'), 'chat', i, 0, 1, 0, 's' || i % 1000, '{}', '{}', 1 from generate_series(1, 20000) i`.execute(queries);
    const sessions = Array.from({ length: 50 }, (_, index) => ({ session: `s${10 * index + 7}`, team: "blue" }));
    const { rows } = await sql<{ "QUERY PLAN": string }>`explain (analyze) select o.session, count(*) from traces o where ${ofSessions(sessions)} and o.removed_at is null and o.team in ('blue') group by o.session`.execute(queries);
    const looks = rows.flatMap((row) => /Values Scan.* loops=(\d+)/.exec(row["QUERY PLAN"])?.slice(1) ?? []).map(Number);
    // 20 of each session; the team has 2,000.
    assert.equal(looks.length, 1);
    assert.ok(looks[0]! <= 1000, rows.map((row) => row["QUERY PLAN"]).join("\n"));
  });

  it("leave a whole server when they are past traceRetentionDays, and leave there what outlives them", () => traceRetentionScenario({ databaseUrl: cluster.url() }));

  it("are sampled, redacted and sent on as the settings say", async () => traceSettingsScenario({ databaseUrl: cluster.url({ schema: await schemas.migratedSchema() }) }));
});
