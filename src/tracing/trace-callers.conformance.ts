import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { exampleFeedback, exampleRecord, keyOf, now, tracesFound } from "./example-spans.fixture.ts";
import type { SpanRecord } from "./stored-span.ts";
import type { TraceStore, VisibleTraces } from "./trace-store.ts";

const callOf = (caller: string | undefined, trace: number, span: number, more: Parameters<typeof exampleRecord>[2] = {}, of: Parameters<typeof exampleRecord>[3] = {}): SpanRecord => ({ ...exampleRecord(trace, span, more, of), caller });
const seenBy = (caller: string, teams: readonly string[] = []): VisibleTraces => ({ teams, experiments: [], caller });

/** What every TraceStore promises of traces that one caller's calls alone made: a part of `traceStoreConformance`. */
export function traceCallersConformance(adapter: string, open: () => Promise<TraceStore>): void {
  describe(`callers of TraceStore: ${adapter}`, () => {
    it("shows a caller the traces of its own calls, in every list and by their names, and those of teams beside", async () => {
      const store = await open();
      const session = { attributes: { "session.id": "s", "user.id": "ann" } };
      await store.write([callOf("key:a", 1, 1, session), callOf("key:a", 1, 2), callOf("key:b", 2, 1, session), callOf(undefined, 3, 1, session), callOf("key:a", 4, 1, session, { team: "blue" })], now);
      assert.deepEqual(await tracesFound(store, { visible: seenBy("key:a") }), [4, 1]);
      assert.deepEqual(await tracesFound(store, { visible: seenBy("key:b") }), [2]);
      assert.deepEqual(await tracesFound(store, { visible: seenBy("key:c") }), []);
      assert.deepEqual(await tracesFound(store, { visible: seenBy("key:b", ["blue"]) }), [4, 2]);
      assert.deepEqual(await tracesFound(store, { visible: seenBy("key:a"), text: "root" }), [4, 1]);
      assert.deepEqual(await tracesFound(store, { visible: { teams: [], experiments: [] } }), []);
      assert.equal((await store.find(keyOf(1).traceId, seenBy("key:a")))?.summary.spans, 2);
      for (const [trace, who] of [[1, "key:b"], [2, "key:a"], [3, "key:a"], [3, "null"], [3, ""]] as const) assert.equal(await store.find(keyOf(trace).traceId, seenBy(who)), null, `${trace} by ${who}`);
      assert.deepEqual((await store.sessions({ visible: seenBy("key:a"), after: null, limit: 9 })).items.map(({ team, traces }) => [team, traces]), [["blue", 1], ["default", 1]]);
      await store.addFeedback(keyOf(1), exampleFeedback("fbk_1"));
      const feedback = async (who: string): Promise<number> => (await store.findFeedback({ visible: seenBy(who), ids: ["fbk_1"], traceIds: [], spans: { traceIds: [], spanIds: [] } })).length;
      assert.deepEqual([await feedback("key:a"), await feedback("key:b")], [1, 0]);
    });

    it("goes on to show a trace that only its caller adds to, in any order", async () => {
      const store = await open();
      await store.write([callOf("key:a", 1, 2)], now);
      await store.write([callOf("key:a", 1, 1)], now);
      await store.write([callOf("key:a", 1, 1), callOf("key:a", 1, 3)], now);
      assert.deepEqual(await tracesFound(store, { visible: seenBy("key:a") }), [1]);
    });

    // Who knows the id of a trace can add a call to it, and must not read by that what others have in it.
    for (const [who, add] of Object.entries<(store: TraceStore, trace: number) => Promise<void>>({
      "another caller's call": (store, trace) => store.write([callOf("key:b", trace, 9)], now),
      "a span that a program sent": (store, trace) => store.write([callOf(undefined, trace, 9)], now),
      "what a program said of it": (store, trace) => store.describe(keyOf(trace), { tags: { of: "others" } }, now),
    })) {
      it(`shows a trace to neither that has ${who} too, whoever came first`, async () => {
        const store = await open();
        const own = (trace: number): Promise<void> => store.write([callOf("key:a", trace, 1)], now);
        await own(1);
        await add(store, 1);
        await add(store, 2);
        await own(2);
        await store.write([callOf("key:a", 3, 1), callOf(undefined, 3, 2)], now);
        await own(3);
        for (const caller of ["key:a", "key:b"]) assert.deepEqual(await tracesFound(store, { visible: seenBy(caller) }), [], caller);
        assert.deepEqual(await tracesFound(store, { visible: seenBy("key:a", ["default"]) }), [3, 2, 1]);
      });
    }
  });
}
