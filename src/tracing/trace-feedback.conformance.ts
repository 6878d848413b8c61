import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { mostFeedback } from "./bounded-facts.ts";
import { exampleFeedback, exampleRecord, keyOf, now, tracesFound } from "./example-spans.fixture.ts";
import type { FeedbackFeed } from "./feedback-feed.ts";
import type { TraceStore } from "./trace-store.ts";

const failsWith = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;

/** What is promised of feedback and of those who follow it: a part of `traceStoreConformance`. */
export function traceFeedbackConformance(adapter: string, openBoth: () => Promise<{ store: TraceStore; feed: FeedbackFeed }>): void {
  describe(`feedback of TraceStore: ${adapter}`, () => {
    it("counts revisions of feedback, and removes them with the trace", async () => {
      const { store } = await openBoth();
      await assert.rejects(store.addFeedback(keyOf(1), exampleFeedback("f1")), failsWith("TRACE_NOT_FOUND"));
      await store.write([exampleRecord(1, 1)], now);
      await Promise.all([1, 2, 3].map((value) => store.addFeedback(keyOf(1), exampleFeedback("f1", { value, createdAt: now + value }))));
      await store.addFeedback(keyOf(1), exampleFeedback("f2", { name: "other" }));
      const all = await store.feedback(keyOf(1));
      assert.deepEqual(all.map(({ id, revision }) => [id, revision]), [["f1", 1], ["f1", 2], ["f1", 3], ["f2", 1]]);
      assert.equal(new Set(all.slice(0, 3).map(({ createdAt }) => createdAt)).size, 1);
      assert.deepEqual([(await store.find(keyOf(1).traceId, "all"))?.summary.feedback, await tracesFound(store, { feedback: "other" })], [2, [1]]);
      assert.deepEqual([await store.removeFeedback(keyOf(1), "f1", now), await store.removeFeedback(keyOf(1), "f1", now)], [true, false]);
      await store.remove([keyOf(1)], now);
      assert.deepEqual(await store.feedback(keyOf(1)), []);
    });

    it("takes so much feedback of one trace and no more, until some is removed", async () => {
      const { store } = await openBoth();
      await store.write([exampleRecord(1, 1), exampleRecord(2, 1)], now);
      const long = "x".repeat(mostFeedback.bytes / 2);
      await store.addFeedback(keyOf(1), exampleFeedback("f1", { comment: long }));
      await assert.rejects(store.addFeedback(keyOf(1), exampleFeedback("f1", { comment: long })), failsWith("INVALID_PARAMETER"));
      await store.addFeedback(keyOf(1), exampleFeedback("f2", { comment: "short" }));
      await store.addFeedback(keyOf(2), exampleFeedback("f1", { comment: long }));
      await store.removeFeedback(keyOf(1), "f1", now);
      await store.addFeedback(keyOf(1), exampleFeedback("f3", { comment: long }));
      for (let kept = 2; kept < mostFeedback.revisions; kept++) await store.addFeedback(keyOf(1), exampleFeedback(kept % 2 === 0 ? "f2" : `many ${kept}`));
      await assert.rejects(store.addFeedback(keyOf(1), exampleFeedback("f2")), failsWith("INVALID_PARAMETER"));
      assert.equal((await store.feedback(keyOf(1))).length, mostFeedback.revisions);
    });

    it("finds the last revisions by their ids, by traces as wholes and by spans, of those who may see them", async () => {
      const { store } = await openBoth();
      await store.write([exampleRecord(1, 1), exampleRecord(2, 1)], now);
      const give = (trace: number, id: string, more: object = {}) => store.addFeedback(keyOf(trace), { ...exampleFeedback(id, more), traceId: keyOf(trace).traceId });
      await give(1, "whole", { value: 1, spanId: null });
      await give(1, "whole", { value: 2, spanId: null, comment: '"spanId":"00f067aa0ba902b7"' });
      await give(1, "part", { spanId: "00f067aa0ba902b7" });
      await give(2, "elsewhere", { spanId: "00f067aa0ba902b7" });
      await give(2, "whole", { spanId: null });
      const nothing = { visible: "all" as const, ids: [], traceIds: [], spans: { traceIds: [], spanIds: [] } };
      const found = async (search: Partial<Parameters<TraceStore["findFeedback"]>[0]>) => (await store.findFeedback({ ...nothing, ...search })).map(({ team, feedback: { traceId, id, revision } }) => [team, traceId.at(-1), id, revision].join(" "));
      const { team } = keyOf(1);
      assert.deepEqual(await found({ ids: ["whole", "absent", "\0"] }), [`${team} 1 whole 2`, `${team} 2 whole 1`]);
      assert.deepEqual(await found({ traceIds: [keyOf(1).traceId] }), [`${team} 1 whole 2`]);
      const spanIds = ["00f067aa0ba902b7", "%"];
      assert.deepEqual(await found({ spans: { traceIds: [keyOf(1).traceId, keyOf(2).traceId, "\0"], spanIds } }), [`${team} 1 part 1`, `${team} 2 elsewhere 1`]);
      assert.deepEqual(await found({ spans: { traceIds: [keyOf(2).traceId], spanIds } }), [`${team} 2 elsewhere 1`]);
      assert.deepEqual(await found({ traceIds: [keyOf(2).traceId], spans: { traceIds: [keyOf(1).traceId], spanIds } }), [`${team} 1 part 1`, `${team} 2 whole 1`]);
      assert.deepEqual(await found({ ids: ["part"], traceIds: [keyOf(2).traceId] }), [`${team} 1 part 1`, `${team} 2 whole 1`]);
      assert.deepEqual(await found({}), []);
      for (const teams of [[], ["others"], [team]]) assert.equal((await found({ ids: ["part"], visible: { teams, experiments: [] } })).length, teams.includes(team) ? 1 : 0, teams.join());
    });

    it("tells of feedback in the order of its arrival, each revision, also of traces that were written later", async () => {
      const { store, feed } = await openBoth();
      await store.write([exampleRecord(1, 1), exampleRecord(2, 1)], now);
      const at = (trace: number, id: string, second: number) => store.addFeedback(keyOf(trace), { ...exampleFeedback(id), traceId: keyOf(trace).traceId, updatedAt: now + second * 1000 });
      await at(2, "f1", 3);
      await at(1, "f2", 1);
      await at(1, "f1", 2);
      await at(1, "f2", 3);
      const told = async (...asked: Parameters<FeedbackFeed["readSince"]>) => (await feed.readSince(...asked)).map(({ feedback: { traceId, id, revision }, receivedAt }) => [traceId.at(-1), id, revision, (receivedAt - now) / 1000].join(" "));
      assert.deepEqual(await told(epochMs(now), null, 9), ["1 f2 1 1", "1 f1 1 2", "1 f2 2 3", "2 f1 1 3"]);
      assert.deepEqual(await told(epochMs(now + 2000), null, 2), ["1 f1 1 2", "1 f2 2 3"]);
      assert.deepEqual(await told(epochMs(now + 3000), { traceId: keyOf(1).traceId, id: "f2", revision: 2 }, 9), ["2 f1 1 3"]);
      assert.deepEqual(await told(epochMs(now + 3000), { traceId: keyOf(1).traceId, id: "f2", revision: 1 }, 9), ["1 f2 2 3", "2 f1 1 3"]);
      assert.deepEqual(await told(epochMs(now + 3001), null, 9), []);
    });

    it("tells of feedback that was removed, by itself or with its trace, and counts on where its id is given again", async () => {
      const { store, feed } = await openBoth();
      await store.write([exampleRecord(1, 1), exampleRecord(2, 1), exampleRecord(3, 1)], now);
      const give = (trace: number, id: string) => store.addFeedback(keyOf(trace), { ...exampleFeedback(id), traceId: keyOf(trace).traceId });
      for (const [trace, id] of [[1, "f1"], [1, "f1"], [1, "f2"], [2, "f1"], [2, "f2"], [2, "f2"], [3, "f1"]] as const) await give(trace, id);
      await store.removeFeedback(keyOf(1), "f1", epochMs(now + 1000));
      await store.removeFeedback(keyOf(1), "none", epochMs(now + 1000));
      assert.equal(await store.remove([keyOf(2)], epochMs(now + 2000)), 1);
      const told = async (...asked: Parameters<FeedbackFeed["removedSince"]>) => (await feed.removedSince(...asked)).map(({ team, traceId, id, revision, removedAt }) => [team, traceId.at(-1), id, revision, (removedAt - now) / 1000].join(" "));
      assert.deepEqual(await told(epochMs(now), null, 9), ["default 1 f1 2 1", "default 2 f1 1 2", "default 2 f2 2 2"]);
      assert.deepEqual(await told(epochMs(now + 2000), { traceId: keyOf(2).traceId, id: "f1" }, 9), ["default 2 f2 2 2"]);
      assert.deepEqual(await told(epochMs(now + 1000), { traceId: keyOf(1).traceId, id: "f1" }, 1), ["default 2 f1 1 2"]);
      assert.equal((await give(1, "f1")).revision, 3);
      await store.removeFeedback(keyOf(1), "f1", epochMs(now + 3000));
      assert.deepEqual(await told(epochMs(now + 2001), null, 9), ["default 1 f1 3 3"]);
      await store.prune(epochMs(now + 10_000_000), epochMs(now + 10_000_000));
      assert.deepEqual(await told(epochMs(now), null, 9), [], "age takes nothing back");
    });

    it("says in which arms the answers of traces were, and of nothing else", async () => {
      const { store, feed } = await openBoth();
      const marks = (arm: string, more: object = {}) => ({ attributes: { "slipway.rollout": "rol_1", "slipway.phase": "1-canary", "slipway.arm": arm, "slipway.revision": "2", ...more } });
      await store.write([
        exampleRecord(1, 1, marks("candidate")), exampleRecord(1, 2, marks("candidate")), exampleRecord(1, 3, marks("stable", { "slipway.scored": false })),
        exampleRecord(2, 1, { ...marks("candidate"), status: { code: "error", message: "" } }), exampleRecord(3, 1), { ...exampleRecord(1, 1, marks("stable")), team: "blue" },
      ], now);
      const place = { rollout: "rol_1", phase: "1-canary", arm: "candidate", revision: "2" };
      assert.deepEqual(await feed.splitPlaces([1, 2, 3, 4].map((trace) => keyOf(trace))), [{ ...keyOf(1), place }]);
      assert.deepEqual(await feed.splitPlaces([keyOf(1, "blue")]), [{ ...keyOf(1, "blue"), place: { ...place, arm: "stable" } }]);
      assert.deepEqual(await feed.splitPlaces([]), []);
    });
  });
}
