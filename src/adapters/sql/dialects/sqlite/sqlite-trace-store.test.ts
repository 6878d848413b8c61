import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { sql, type RawBuilder } from "kysely";
import { epochMs, ManualClock } from "../../../../core/clock.ts";
import { translate } from "../../../../tracing/dialects/translate.ts";
import { exampleRecord, exampleSpan, keyOf, now, tracesFound } from "../../../../tracing/example-spans.fixture.ts";
import { runDirectoryConformance } from "../../../../tracing/run-directory.conformance.ts";
import { traceStoreConformance } from "../../../../tracing/trace-store.conformance.ts";
import { waitingFeedbackStoreConformance } from "../../../../tracing/waiting-feedback-store.conformance.ts";
import { SqlFeedbackFeed } from "../../tracing/sql-feedback-feed.ts";
import { SqlRunDirectory } from "../../tracking/sql-run-directory.ts";
import { sqlTraceRemovalConformance } from "../../tracing/sql-trace-removal.conformance.ts";
import { SqlTraceStore } from "../../tracing/sql-trace-store.ts";
import { SqlWaitingFeedbackStore } from "../../tracing/sql-waiting-feedback-store.ts";
import { TemporaryDatabases } from "./temporary-databases.fixture.ts";

describe("traces on SQLite", () => {
  const databases = new TemporaryDatabases();
  afterEach(() => databases.remove());
  traceStoreConformance("SQLite", async () => {
    const database = await databases.open();
    return { store: new SqlTraceStore(database), feed: new SqlFeedbackFeed(database) };
  });
  runDirectoryConformance("SQLite", async () => {
    const database = await databases.open();
    return { store: new SqlTraceStore(database), runs: new SqlRunDirectory(database) };
  });
  sqlTraceRemovalConformance("SQLite", () => databases.open());
  waitingFeedbackStoreConformance("SQLite", async () => {
    const database = await databases.open();
    return { store: new SqlTraceStore(database), waiting: new SqlWaitingFeedbackStore(database) };
  });

  it("finds feedback by its id, services, sessions, runs, the traces of one caller, and those that are being removed through indexes", async () => {
    const database = await databases.open();
    const plan = async (statement: RawBuilder<{ detail: string }>): Promise<string> => (await sql<{ detail: string }>`explain query plan ${statement}`.execute(database.queries)).rows.map(({ detail }) => detail).join("; ");
    for (const [statement, index] of [
      [sql`select f.team from trace_feedback f join traces o on o.trace_id = f.trace_id and o.team = f.team where o.team in ('a', 'b') and (f.id in ('1', '2')) order by f.team, f.trace_id, f.id, f.revision`, /SEARCH f USING INDEX trace_feedback_id .*SEARCH o /],
      [sql`select min(t.service) from traces t where t.service > 'a'`, /USING COVERING INDEX traces_service/],
      [sql`select o.* from traces o where o.service = 'a' order by o.start_ns desc, o.trace_id desc, o.team desc limit 5`, /USING INDEX traces_service/],
      [sql`select o.session, o.team, o.start_ns from traces o where o.session is not null and o.removed_at is null and (o.team in ('a', 'b') or o.experiment in ('c')) and (o.start_ns, o.session, o.team) < (5, 'a', 'b') order by o.start_ns desc, o.session desc, o.team desc limit 500`, /^SEARCH o USING (COVERING )?INDEX traces_sessions \(\(start_ns,session,team\)<\(\?,\?,\?\)\)$/],
      [sql`select * from traces o where o.removed_at is null and (o.caller = 'key:a') order by o.start_ns desc, o.trace_id desc, o.team desc limit 51`, /^SEARCH o USING INDEX traces_caller \(caller=\?\); USE TEMP B-TREE FOR LAST 2 TERMS OF ORDER BY$/],
      [sql`select o.session, o.team, o.start_ns from traces o where o.session is not null and o.removed_at is null and (o.caller = 'key:a') order by o.start_ns desc, o.session desc, o.team desc limit 500`, /SEARCH o USING INDEX traces_caller/],
      [sql`select * from ledger_entries where (actor = 'key:a') and time >= 1 and time < 9 order by time desc, id desc limit 51`, /^SEARCH ledger_entries USING INDEX ledger_entries_actor \(actor=\? AND time>\? AND time<\?\); USE TEMP B-TREE FOR LAST TERM OF ORDER BY$/],
      [sql`select team, trace_id from traces where removed_at is not null order by removed_at limit 500`, /USING INDEX traces_removed/],
      [sql`select team from trace_values where key = 'langsmith.run_id' and value in ('a')`, /USING (COVERING )?INDEX trace_values_run/],
    ] as const) assert.match(await plan(statement as RawBuilder<{ detail: string }>), index);
  });

  it("removes traces of many spans in parts, in between which others write", async () => {
    const database = await databases.open();
    const parts: number[] = [];
    const store = new SqlTraceStore({
      ...database,
      writeBatch: async (...given) => {
        const results = await database.writeBatch(...given);
        parts.push(results.reduce((sum, { numAffectedRows }) => sum + Number(numAffectedRows ?? 0n), 0));
        return results;
      },
    });
    const written = (trace: number, spans: number) => store.write(Array.from({ length: spans }, (_, index) => exampleRecord(trace, index + 1)), now);
    await written(1, 7000);
    for (let trace = 2; trace <= 6; trace++) await written(trace, 900);
    await written(7, 1);
    assert.equal(await store.remove([1, 2, 3, 4, 5, 6, 8].map((trace) => keyOf(trace)), now), 6);
    assert.deepEqual([parts.length >= 5, Math.max(...parts) < 2100, await tracesFound(store)], [true, true, [7]]);
    assert.deepEqual((await sql<{ trace: string; spans: number }>`select trace_id as trace, count(*) as spans from trace_spans group by trace_id`.execute(database.queries)).rows, [{ trace: keyOf(7).traceId, spans: 1 }]);
  });

  it("ends the page of a search for a text after a second, however few spans were looked through", async () => {
    const clock = new ManualClock();
    const store = new SqlTraceStore(await databases.open(), () => {
      clock.advance(600);
      return clock.monotonic();
    });
    await store.write(Array.from({ length: 3000 }, (_, index) => {
      const span = translate(exampleSpan(index + 1, 1));
      return { team: "default", experiment: null, span, isOwn: true, counts: true };
    }), epochMs(clock.now()));
    const page = await store.search({ visible: "all", attributes: {}, order: "start", limit: 5, text: "nowhere" });
    // Two statements of 500 traces: time was asked for at the beginning and after each.
    assert.deepEqual([page.items, page.searchedUntil], [[], clock.now() - 1800 + 2001 * 60_000 + 0.001]);
    assert.notEqual(page.next, null);
  });
});
