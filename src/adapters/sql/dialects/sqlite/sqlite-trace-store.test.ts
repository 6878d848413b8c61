import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { sql, type RawBuilder } from "kysely";
import { epochMs, ManualClock } from "../../../../core/clock.ts";
import { translate } from "../../../../tracing/dialects/translate.ts";
import { exampleSpan } from "../../../../tracing/example-spans.fixture.ts";
import { runDirectoryConformance } from "../../../../tracing/run-directory.conformance.ts";
import { traceStoreConformance } from "../../../../tracing/trace-store.conformance.ts";
import { SqlFeedbackFeed } from "../../sql-feedback-feed.ts";
import { SqlRunDirectory } from "../../sql-run-directory.ts";
import { SqlTraceStore } from "../../sql-trace-store.ts";
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

  it("finds feedback by its id, services, and runs through indexes", async () => {
    const database = await databases.open();
    const plan = async (statement: RawBuilder<{ detail: string }>): Promise<string> => (await sql<{ detail: string }>`explain query plan ${statement}`.execute(database.queries)).rows.map(({ detail }) => detail).join("; ");
    for (const [statement, index] of [
      [sql`select f.team from trace_feedback f join traces o on o.trace_id = f.trace_id and o.team = f.team where o.team in ('a', 'b') and (f.id in ('1', '2')) order by f.team, f.trace_id, f.id, f.revision`, /SEARCH f USING INDEX trace_feedback_id .*SEARCH o /],
      [sql`select min(t.service) from traces t where t.service > 'a'`, /USING COVERING INDEX traces_service/],
      [sql`select o.* from traces o where o.service = 'a' order by o.start_ns desc, o.trace_id desc, o.team desc limit 5`, /USING INDEX traces_service/],
      [sql`select team from trace_values where key = 'langsmith.run_id' and value in ('a')`, /USING (COVERING )?INDEX trace_values_run/],
    ] as const) assert.match(await plan(statement as RawBuilder<{ detail: string }>), index);
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
