import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sql } from "kysely";
import { FaultyDatabase } from "../../../../test/kit/faulty-database.ts";
import { seededRandom } from "../../../../test/kit/seed.ts";
import { epochMs } from "../../../core/clock.ts";
import { exampleFeedback, exampleRecord, keyOf, now, tracesFound } from "../../../tracing/example-spans.fixture.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { SqlRunDirectory } from "../tracking/sql-run-directory.ts";
import { SqlFeedbackFeed } from "./sql-feedback-feed.ts";
import { SqlTraceStore } from "./sql-trace-store.ts";

const long = 4500;
const wholePast = epochMs(0);
const attributes = { "session.id": "s", "gen_ai.request.model": "small", "gen_ai.usage.input_tokens": 1 };

async function rowsOf(database: SqlDatabase): Promise<Record<string, number>> {
  const tables = ["traces", "trace_spans", "trace_values", "trace_feedback"] as const;
  return Object.fromEntries(await Promise.all(tables.map(async (table) => [table, Number((await sql<{ count: number }>`select count(*) as count from ${sql.table(table)}`.execute(database.queries)).rows[0]!.count)] as const)));
}

/** What every SQL database promises of the removal of long traces that is stopped in between. */
export function sqlTraceRemovalConformance(adapter: string, open: () => Promise<SqlDatabase>): void {
  describe(`removal of long traces: ${adapter}`, () => {
    it("leaves a trace whole, or in no list and no sum, wherever it is stopped, and maintenance removes what is left", async () => {
      const database = await open();
      let cut = 0;
      for (let at = 1; ; at++) {
        const whole = new SqlTraceStore(database);
        await whole.write(Array.from({ length: long }, (_, index) => exampleRecord(1, index + 1, { attributes: { ...attributes, "gen_ai.request.model": `model ${index % 50}` } })), now);
        await whole.addFeedback(keyOf(1), exampleFeedback("f1"));
        const faulty = new FaultyDatabase(database, seededRandom("removal"));
        let calls = 0;
        // The reading of its size is the first.
        faulty.plan(() => (++calls > at ? "before" : "none"));
        const removed = await new SqlTraceStore(faulty).remove([keyOf(1)], now).catch(() => null);
        const store = new SqlTraceStore(database);
        const runs = new SqlRunDirectory(database);
        const isMarked = at > 1;
        assert.deepEqual(
          [await tracesFound(store), await tracesFound(store, { session: "s", text: "model 7" }), (await store.find(keyOf(1).traceId, "all"))?.summary.inputTokens, (await store.sessions({ visible: "all", after: null, limit: 5 })).items.map(({ inputTokens }) => inputTokens),
            (await runs.services("all")).length, (await runs.tracesOf([keyOf(1).traceId], "all")).length, (await store.findFeedback({ visible: "all", ids: ["f1"], traceIds: [], spans: { traceIds: [], spanIds: [] } })).length],
          isMarked ? [[], [], undefined, [], 0, 0, 0] : [[1], [1], long, [long], 1, 1, 1], `stopped after ${at}`);
        assert.deepEqual((await new SqlFeedbackFeed(database).removedSince(wholePast, null, 5)).length, isMarked ? 1 : 0);
        if (removed !== null) break;
        cut++;
        if (!isMarked) continue;
        // What still comes of it goes with it.
        await store.write([exampleRecord(1, 1, { attributes }), exampleRecord(1, 9999, { attributes })], now);
        await store.describe(keyOf(1), { tags: { late: "1" } }, now);
        await assert.rejects(store.addFeedback(keyOf(1), exampleFeedback("f2")), { code: "TRACE_NOT_FOUND" });
        assert.deepEqual(await tracesFound(store), []);
        assert.equal(await store.prune(wholePast, now), 1);
        assert.deepEqual(await rowsOf(database), { traces: 0, trace_spans: 0, trace_values: 0, trace_feedback: 0 });
      }
      // The mark, three parts of spans and one of values, and the end.
      assert.ok(cut >= 6, `stopped ${cut} times`);
      assert.deepEqual(await rowsOf(database), { traces: 0, trace_spans: 0, trace_values: 0, trace_feedback: 0 });
    });

    it("begins anew with what comes after it, though maintenance had begun to finish the removal", async () => {
      const database = await open();
      const store = new SqlTraceStore(database);
      for (const trace of [1, 2]) await store.write(Array.from({ length: 2500 }, (_, index) => exampleRecord(trace, index + 1, { attributes })), now);
      const stopped = new FaultyDatabase(database, seededRandom("stopped"));
      for (const trace of [1, 2]) {
        let calls = 0;
        stopped.plan(() => (++calls > 3 ? "before" : "none"));
        await assert.rejects(new SqlTraceStore(stopped).remove([keyOf(trace)], now));
      }
      // Once maintenance has read which are to go, another server removes both and takes in a new one of the second's id.
      const late = new SqlTraceStore({
        ...database,
        writeBatch: async (...given) => {
          if ((await rowsOf(database)).traces === 2) {
            await store.prune(wholePast, now);
            await store.write([exampleRecord(2, 1, { attributes }), exampleRecord(2, 2, { attributes })], now);
          }
          return database.writeBatch(...given);
        },
      });
      assert.equal(await late.prune(wholePast, now), 0);
      assert.deepEqual([await tracesFound(store), (await store.find(keyOf(2).traceId, "all"))?.summary.inputTokens, (await store.spans(keyOf(2), 9)).length], [[2], 2, 2]);
    });
  });
}
