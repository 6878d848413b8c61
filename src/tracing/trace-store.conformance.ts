import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs } from "../core/clock.ts";
import { began, exampleRecord, keyOf, now, second, tracesFound } from "./example-spans.fixture.ts";
import { mostFactCharacters } from "./bounded-facts.ts";
import type { FeedbackFeed } from "./feedback-feed.ts";
import type { Span } from "./span.ts";
import { traceCallersConformance } from "./trace-callers.conformance.ts";
import { traceFeedbackConformance } from "./trace-feedback.conformance.ts";
import { traceSearchConformance } from "./trace-search.conformance.ts";
import { traceSessionsConformance } from "./trace-sessions.conformance.ts";
import type { SpanRecord } from "./stored-span.ts";
import type { SpanName, TraceStore } from "./trace-store.ts";
import { traceSumsConformance } from "./trace-sums.conformance.ts";

/** What every TraceStore promises. `openBoth` gives an empty one, with the feed of its feedback. */
export function traceStoreConformance(adapter: string, openBoth: () => Promise<{ store: TraceStore; feed: FeedbackFeed }>): void {
  const open = async (): Promise<TraceStore> => (await openBoth()).store;

  describe(`TraceStore: ${adapter}`, () => {
    it("gives spans back as they were written, and sums up their trace", async () => {
      const store = await open();
      const root = exampleRecord(1, 1, { attributes: { "session.id": "s1", "user.id": "u1", "input.value": "hello 'quoted' \u0000", list: ["a", "b"], double: 0.5 }, end: began + 70n * second });
      const call = exampleRecord(1, 2, {
        kind: "client", status: { code: "error", message: "too long" }, links: [{ traceId: "f".repeat(32), spanId: "f".repeat(16), attributes: { x: 1 } }], events: [{ name: "exception", time: began + 1n, attributes: { "exception.type": "E" } }],
        attributes: { "gen_ai.operation.name": "chat", "gen_ai.request.model": "small", "gen_ai.usage.prompt_tokens": 7, "gen_ai.usage.output_tokens": 3, "gen_ai.usage.cost": 0.25 },
      });
      await store.write([call, root], now);
      assert.deepEqual(await store.spans(keyOf(1), 10), [root.span, call.span]);
      const trace = await store.find(keyOf(1).traceId, "all");
      assert.deepEqual(trace?.summary, {
        traceId: keyOf(1).traceId, team: "default", name: "root 1", service: "shop", status: "ok", start: now + 60_000.001, durationMs: 9_999.999, spans: 2, errors: 1, inputTokens: 7, outputTokens: 3, cost: 250_000_000, models: ["small"],
        session: "s1", user: "u1", inputPreview: "hello 'quoted' ", outputPreview: null, experiment: null, tags: {}, feedback: 0,
      });
    });

    it("takes spans late, out of order, again and at once, and comes to the same", async () => {
      const store = await open();
      const spans = Array.from({ length: 40 }, (_, index) => exampleRecord(1 + (index % 2), 1 + (index >> 1), { attributes: { "gen_ai.usage.input_tokens": 1 } }));
      await Promise.all([...spans.toReversed(), ...spans].map((span) => store.write([span], now)));
      await store.write([...spans, ...spans], now);
      const traces = await Promise.all([1, 2].map((trace) => store.find(keyOf(trace).traceId, "all")));
      assert.deepEqual(traces.map((trace) => [trace?.summary.name, trace?.summary.spans, trace?.summary.inputTokens]), [["root 1", 20, 20], ["root 2", 20, 20]]);
      assert.equal((await store.spans(keyOf(1), 100)).length, 20);
      assert.equal((await store.spans(keyOf(1), 5)).length, 5);
    });

    it("gives as many spans as fit, and the first always", async () => {
      const store = await open();
      await store.write([1, 2, 3, 4].map((span) => exampleRecord(1, span, { attributes: { "input.value": "é".repeat(10_000), "gen_ai.request.model": `m${span}` } })), now);
      const found = async (limit: number, mostBytes: number): Promise<number> => (await store.spans(keyOf(1), limit, mostBytes)).length;
      assert.deepEqual([await found(10, 1), await found(10, 50_000), await found(10, 70_000), await found(2, 1 << 20), await found(10, 1 << 20), await found(1, 1)], [1, 2, 3, 2, 4, 1]);
    });

    it("names some models of a trace that has very many, and finds it by each", async () => {
      const store = await open();
      await store.write(Array.from({ length: 150 }, (_, index) => exampleRecord(1, index + 1, { attributes: { "gen_ai.request.model": `model ${index}` } })), now);
      assert.equal((await store.find(keyOf(1).traceId, "all"))?.summary.models.length, 100);
      for (const model of ["model 0", "model 99", "model 149"]) assert.deepEqual(await tracesFound(store, { model }), [1]);
    });

    it("takes no more tags and metadata than a list can show, and what there is can become less", async () => {
      const store = await open();
      const half = "x".repeat(mostFactCharacters / 2);
      for (const kind of ["tags", "metadata"] as const) {
        await store.describe(keyOf(1), { [kind]: { a: half } }, now);
        await assert.rejects(store.describe(keyOf(1), { [kind]: { b: half } }, now), { code: "INVALID_PARAMETER" });
        await store.describe(keyOf(1), { [kind]: { a: null, b: half } }, now);
      }
      const trace = await store.find(keyOf(1).traceId, "all");
      assert.deepEqual([Object.keys(trace!.summary.tags), Object.keys(trace!.metadata)], [["b"], ["b"]]);
    });

    it("shows a trace as running until its root has ended, and never takes an end back", async () => {
      const store = await open();
      await store.write([exampleRecord(1, 1, { end: null })], now);
      assert.deepEqual([(await store.find(keyOf(1).traceId, "all"))?.summary.status, (await store.find(keyOf(1).traceId, "all"))?.summary.durationMs], ["running", null]);
      await store.write([exampleRecord(1, 1, { status: { code: "error", message: "" } })], now);
      await store.write([exampleRecord(1, 1, { end: null })], now);
      const { summary } = (await store.find(keyOf(1).traceId, "all"))!;
      assert.deepEqual([summary.status, summary.errors, (await store.spans(keyOf(1), 9))[0]?.end === null], ["error", 1, false]);
    });

    it("keeps the traces of teams apart, also of one id", async () => {
      const store = await open();
      await store.write([exampleRecord(1, 1), exampleRecord(1, 1, { name: "theirs" }, { team: "blue" }), exampleRecord(2, 1, {}, { team: "blue", experiment: "7" })], now);
      const blue = { teams: ["blue"], experiments: [] };
      assert.deepEqual([(await store.find(keyOf(1).traceId, blue))?.summary.name, (await store.find(keyOf(1).traceId, { teams: ["default"], experiments: [] }))?.summary.name], ["theirs", "root 1"]);
      assert.deepEqual([await store.find(keyOf(1).traceId, { teams: [], experiments: [] }), await store.find(keyOf(9).traceId, "all")], [null, null]);
      // "blue" stands before "default".
      const named = await Promise.all([undefined, "blue", "default", "green"].map((team) => store.find(keyOf(1).traceId, "all", team)));
      assert.deepEqual(named.map((trace) => trace?.summary.name), ["root 1", "theirs", "root 1", undefined]);
      assert.equal(await store.find(keyOf(1).traceId, blue, "default"), null);
      assert.deepEqual([await tracesFound(store, { visible: blue }), await tracesFound(store, { visible: { teams: [], experiments: ["7"] } }), await tracesFound(store, { visible: { teams: ["default"], experiments: ["8"] } })], [[2, 1], [2], [1]]);
      assert.deepEqual([await store.remove([keyOf(1, "blue")], now), await store.remove([keyOf(1, "blue")], now)], [1, 0]);
      assert.equal((await store.spans(keyOf(1), 9)).length, 1);
      assert.equal((await store.spans(keyOf(1, "blue"), 9)).length, 0);
    });

    it("finds the gateway's own calls by the ids of their answers, and no others that tell of them", async () => {
      const store = await open();
      const own = { "slipway.route": "chat", "gen_ai.response.id": "chatcmpl-1" };
      await store.write([exampleRecord(1, 1, { attributes: own }), exampleRecord(2, 1, { attributes: { "gen_ai.response.id": "chatcmpl-1" } }), exampleRecord(3, 1, { attributes: { ...own, "gen_ai.response.id": "chatcmpl-3" } }, { team: "blue" })], now);
      assert.deepEqual(await store.answered(["chatcmpl-1", "chatcmpl-2", "chatcmpl-3", "a\0b"]), new Map([["chatcmpl-1", keyOf(1)], ["chatcmpl-3", keyOf(3, "blue")]]));
      await store.remove([keyOf(1)], now);
      assert.deepEqual(await store.answered(["chatcmpl-1"]), new Map());
    });

    it("gives spans by their names, of the team that is named and no larger than many can be read at once", async () => {
      const store = await open();
      const [one, other, large] = [exampleRecord(1, 1), exampleRecord(2, 5, {}, { team: "blue" }), exampleRecord(1, 2, { attributes: { note: "x".repeat(1 << 20) } })];
      await store.write([one, other, large], now);
      const nameOf = ({ team, span: { traceId, spanId } }: SpanRecord): SpanName => ({ team, traceId, spanId });
      const names = [nameOf(one), { ...nameOf(one), team: "blue" }, { ...nameOf(one), spanId: "e".repeat(16) }, nameOf(other), nameOf(large)];
      const found = await store.named(names);
      assert.deepEqual(found.sort((a, b) => a.team.localeCompare(b.team)), [other, one].map(({ team, span }) => ({ team, span })).sort((a, b) => a.team.localeCompare(b.team)));
      assert.deepEqual(await store.named([]), []);
    });

    it("sums up sessions, the last first", async () => {
      const store = await open();
      const of = (session: string): Partial<Span> => ({ attributes: { "session.id": session, "user.id": "ann", "gen_ai.usage.input_tokens": 2 } });
      await store.write([exampleRecord(1, 1, of("a")), exampleRecord(2, 1, of("b")), exampleRecord(3, 1, of("a")), exampleRecord(3, 2, { status: { code: "error", message: "" } }), exampleRecord(4, 1)], now);
      const page = await store.sessions({ visible: "all", after: null, limit: 1 });
      assert.deepEqual(page.items, [{ session: "a", team: "default", user: "ann", traces: 2, errors: 1, start: now + 60_000.001, end: now + 182_000, inputTokens: 4, outputTokens: null, cost: null }]);
      const rest = await store.sessions({ visible: "all", after: page.next, limit: 5 });
      assert.deepEqual([rest.items.map(({ session }) => session), rest.next, (await store.sessions({ visible: "all", user: "bob", after: null, limit: 5 })).items], [["b"], null, []]);
    });

    it("keeps what is said of a trace before and after its spans", async () => {
      const store = await open();
      await store.describe(keyOf(1), { experiment: "3", name: "early", start: now, durationMs: 20, status: "ok", tags: { a: "1", b: "2" }, metadata: { m: "x" }, inputPreview: "in" }, now);
      assert.deepEqual((await store.find(keyOf(1).traceId, "all"))?.summary.durationMs, 20);
      await store.write([exampleRecord(1, 1, { status: { code: "error", message: "" } })], now);
      await store.describe(keyOf(1), { tags: { a: null, c: "3" } }, now);
      const trace = (await store.find(keyOf(1).traceId, "all"))!;
      assert.deepEqual([trace.summary.name, trace.summary.experiment, trace.summary.tags, trace.metadata, trace.summary.status, trace.summary.inputPreview, trace.summary.spans], ["root 1", "3", { b: "2", c: "3" }, { m: "x" }, "ok", "in", 1]);
      assert.deepEqual([await tracesFound(store, { attributes: { c: "3" } }), await tracesFound(store, { attributes: { a: "1" } })], [[1], []]);
    });

    it("forgets traces that began before", async () => {
      const store = await open();
      await store.write([1, 2, 3].flatMap((trace) => [exampleRecord(trace, 1), exampleRecord(trace, 2)]), now);
      assert.equal(await store.prune(epochMs(now + 150_000), epochMs(now + 10_000_000)), 2);
      assert.deepEqual([await tracesFound(store), (await store.spans(keyOf(1), 9)).length, (await store.spans(keyOf(3), 9)).length], [[3], 0, 2]);
    });

    it("forgets traces that begin in the future, by when they were written last", async () => {
      const store = await open();
      await store.write([exampleRecord(100, 1), exampleRecord(101, 1), exampleRecord(102, 1)], now);
      await store.write([exampleRecord(101, 2)], epochMs(now + 1000));
      // Trace 100 has begun by then.
      assert.equal(await store.prune(epochMs(now + 1000), epochMs(now + 100 * 60_000 + 1000)), 1);
      assert.deepEqual(await tracesFound(store), [101, 100]);
    });
  });

  traceSumsConformance(adapter, open);
  traceSearchConformance(adapter, open);
  traceCallersConformance(adapter, open);
  traceSessionsConformance(adapter, open);
  traceFeedbackConformance(adapter, openBoth);
}
