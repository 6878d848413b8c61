import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { epochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { SearchCondition } from "../core/search-condition.ts";
import { translate } from "./dialects/translate.ts";
import type { FeedbackFeed } from "./feedback-feed.ts";
import type { Feedback } from "./schemas.ts";
import type { Span } from "./span.ts";
import { factsOf } from "./span-facts.ts";
import type { SpanRecord } from "./stored-span.ts";
import type { TraceSearch, TraceStore } from "./trace-store.ts";

const now = epochMs(1_700_000_000_000);
const second = 1_000_000_000n;
const began = BigInt(now) * 1_000_000n;

export function exampleSpan(trace: number, span: number, more: Partial<Span> = {}): Span {
  return {
    traceId: trace.toString(16).padStart(32, "0"), spanId: span.toString(16).padStart(16, "0"), parentSpanId: span === 1 ? null : "1".padStart(16, "0"), name: span === 1 ? `root ${trace}` : `step ${span}`, kind: "internal",
    start: began + BigInt(trace) * 60n * second + BigInt(span) * 1000n, end: began + BigInt(trace) * 60n * second + BigInt(span) * second, status: { code: "unset", message: "" }, attributes: {}, events: [], links: [],
    resource: { "service.name": "shop" }, scope: { name: "tests", version: "1" }, ...more,
  };
}

function record(trace: number, span: number, more: Partial<Span> = {}, of: { team?: string; experiment?: string } = {}): SpanRecord {
  const stored = translate(exampleSpan(trace, span, more));
  return { team: of.team ?? "default", experiment: of.experiment ?? null, span: stored, facts: factsOf(stored) };
}

const key = (trace: number, team = "default"): { team: string; traceId: string } => ({ team, traceId: trace.toString(16).padStart(32, "0") });
const failsWith = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;

function feedback(id: string, more: Partial<Feedback> = {}): Omit<Feedback, "revision"> {
  return { id, traceId: key(1).traceId, spanId: null, name: "good", kind: "feedback", value: true, source: "human", sourceId: "ann", comment: "", metadata: {}, createdAt: now, updatedAt: now, actor: "user:usr_1", ...more };
}

/** What every TraceStore promises. `open` gives an empty one. */
export function traceStoreConformance(adapter: string, openBoth: () => Promise<{ store: TraceStore; feed: FeedbackFeed }>): void {
  const open = async (): Promise<TraceStore> => (await openBoth()).store;
  const found = async (store: TraceStore, search: Partial<TraceSearch> = {}): Promise<number[]> => {
    const page = await store.search({ visible: "all", attributes: {}, order: "start", limit: 50, ...search });
    return page.items.map(({ summary }) => Number.parseInt(summary.traceId, 16));
  };

  describe(`TraceStore: ${adapter}`, () => {
    it("gives spans back as they were written, and sums up their trace", async () => {
      const store = await open();
      const root = record(1, 1, { attributes: { "session.id": "s1", "user.id": "u1", "input.value": "hello 'quoted' \u0000", list: ["a", "b"], double: 0.5 }, end: began + 70n * second });
      const call = record(1, 2, {
        kind: "client", status: { code: "error", message: "too long" }, links: [{ traceId: "f".repeat(32), spanId: "f".repeat(16), attributes: { x: 1 } }], events: [{ name: "exception", time: began + 1n, attributes: { "exception.type": "E" } }],
        attributes: { "gen_ai.operation.name": "chat", "gen_ai.request.model": "small", "gen_ai.usage.prompt_tokens": 7, "gen_ai.usage.output_tokens": 3, "gen_ai.usage.cost": 0.25 },
      });
      await store.write([call, root], now);
      assert.deepEqual(await store.spans(key(1), 10), [root.span, call.span]);
      const trace = await store.find(key(1).traceId, "all");
      assert.deepEqual(trace?.summary, {
        traceId: key(1).traceId, team: "default", name: "root 1", service: "shop", status: "ok", start: now + 60_000.001, durationMs: 9_999.999, spans: 2, errors: 1, inputTokens: 7, outputTokens: 3, cost: 250_000_000, models: ["small"],
        session: "s1", user: "u1", inputPreview: "hello 'quoted' ", outputPreview: null, experiment: null, tags: {}, feedback: 0,
      });
    });

    it("takes spans late, out of order, again and at once, and comes to the same", async () => {
      const store = await open();
      const spans = Array.from({ length: 40 }, (_, index) => record(1 + (index % 2), 1 + (index >> 1), { attributes: { "gen_ai.usage.input_tokens": 1 } }));
      await Promise.all([...spans.toReversed(), ...spans].map((span) => store.write([span], now)));
      await store.write([...spans, ...spans], now);
      const traces = await Promise.all([1, 2].map((trace) => store.find(key(trace).traceId, "all")));
      assert.deepEqual(traces.map((trace) => [trace?.summary.name, trace?.summary.spans, trace?.summary.inputTokens]), [["root 1", 20, 20], ["root 2", 20, 20]]);
      assert.equal((await store.spans(key(1), 100)).length, 20);
      assert.equal((await store.spans(key(1), 5)).length, 5);
    });

    it("shows a trace as running until its root has ended, and never takes an end back", async () => {
      const store = await open();
      await store.write([record(1, 1, { end: null })], now);
      assert.deepEqual([(await store.find(key(1).traceId, "all"))?.summary.status, (await store.find(key(1).traceId, "all"))?.summary.durationMs], ["running", null]);
      await store.write([record(1, 1, { status: { code: "error", message: "" } })], now);
      await store.write([record(1, 1, { end: null })], now);
      const { summary } = (await store.find(key(1).traceId, "all"))!;
      assert.deepEqual([summary.status, summary.errors, (await store.spans(key(1), 9))[0]?.end === null], ["error", 1, false]);
    });

    it("keeps the traces of teams apart, also of one id", async () => {
      const store = await open();
      await store.write([record(1, 1), record(1, 1, { name: "theirs" }, { team: "blue" }), record(2, 1, {}, { team: "blue", experiment: "7" })], now);
      const blue = { teams: ["blue"], experiments: [] };
      assert.deepEqual([(await store.find(key(1).traceId, blue))?.summary.name, (await store.find(key(1).traceId, { teams: ["default"], experiments: [] }))?.summary.name], ["theirs", "root 1"]);
      assert.deepEqual([await store.find(key(1).traceId, { teams: [], experiments: [] }), await store.find(key(9).traceId, "all")], [null, null]);
      assert.deepEqual([await found(store, { visible: blue }), await found(store, { visible: { teams: [], experiments: ["7"] } }), await found(store, { visible: { teams: ["default"], experiments: ["8"] } })], [[2, 1], [2], [1]]);
      assert.deepEqual([await store.remove([key(1, "blue")], now), await store.remove([key(1, "blue")], now)], [1, 0]);
      assert.equal((await store.spans(key(1), 9)).length, 1);
      assert.equal((await store.spans(key(1, "blue"), 9)).length, 0);
    });

    it("finds traces by everything that a search can say", async () => {
      const store = await open();
      await store.write([
        record(1, 1, { attributes: { "gen_ai.input.messages": JSON.stringify([{ role: "user", parts: [{ type: "text", content: "Say \"100%_sure\"\nplease" }] }]), "custom.key": "x\"y", "user.id": "ann", flag: true, count: 12 } }),
        record(2, 1, { end: began + 200n * second, attributes: { "session.id": "s", "gen_ai.request.model": "large" } }),
        record(2, 2, { status: { code: "error", message: "" }, attributes: { "gen_ai.tool.name": "search", "gen_ai.usage.cost": 2, "gen_ai.usage.input_tokens": 100 } }),
        record(3, 1, { name: "Straße", resource: { "service.name": "bank" } }, { experiment: "5" }),
      ], now);
      const cases: [Partial<TraceSearch>, number[]][] = [
        [{}, [3, 2, 1]], [{ text: "\"100%_SURE\"\nplease" }, [1]], [{ text: "100x_sure" }, []], [{ text: "straße" }, [3]], [{ name: "root 2" }, [2]], [{ errors: true }, [2]], [{ errors: false }, [3, 1]],
        [{ slowerThanMs: 79_999 }, [2]], [{ minCost: 2e9 }, [2]], [{ minCost: 2e9 + 1 }, []], [{ minTokens: 100 }, [2]], [{ session: "s" }, [2]], [{ user: "ann" }, [1]], [{ service: "bank" }, [3]], [{ model: "large" }, [2]],
        [{ team: "blue" }, []], [{ experiment: "5" }, [3]], [{ experiments: ["4", "5"] }, [3]], [{ experiments: [] }, []], [{ attributes: { "gen_ai.tool.name": "search" } }, [2]], [{ attributes: { "custom.key": "x\"y" } }, [1]],
        [{ attributes: { "custom.key": "x" } }, []], [{ attributes: { flag: "true", count: "12" } }, [1]], [{ attributes: { count: "1" } }, []], [{ from: now + 120_000 }, [3, 2]], [{ to: now + 120_000 }, [1]],
        [{ order: "duration" }, [2, 3, 1]], [{ order: "cost" }, [2, 3, 1]], [{ ascending: true }, [1, 2, 3]], [{ feedback: "good" }, []],
      ];
      // Equal durations and costs fall back to the id.
      for (const [search, expected] of cases) assert.deepEqual(await found(store, search), expected, JSON.stringify(search));
    });

    it("finds traces by comparisons of their facts, tags, metadata, spans and feedback, all of which must hold", async () => {
      const store = await open();
      await store.write([
        record(1, 1), record(1, 2, { name: "a \"b\" 100%", attributes: { "mlflow.spanType": "TOOL", n: 7 } }), record(2, 1, { end: null }), record(2, 2, { status: { code: "error", message: "" } }),
        record(3, 1, { name: "Straße", status: { code: "error", message: "" } }),
      ], now);
      await store.describe(key(1), { tags: { kind: "x\"y", other: "\"kind\":\"z\"" }, metadata: { round: "1" } }, now);
      await store.addFeedback(key(1), feedback("fbk_1", { value: 1 }));
      await store.addFeedback(key(1), feedback("fbk_1", { value: 0.5 }));
      await store.addFeedback(key(2), { ...feedback("fbk_2", { name: "answer", kind: "expectation", value: "Yes \"so\"" }), traceId: key(2).traceId });
      const of = (kind: SearchCondition["kind"], name: string) => (operator: string, value?: unknown): SearchCondition => ({ kind, key: name, operator, value }) as SearchCondition;
      const [name, id, status, time] = [of("attribute", "name"), of("attribute", "id"), of("attribute", "status"), of("attribute", "time")];
      const [end, duration, kind, spanName] = [of("attribute", "end"), of("attribute", "duration"), of("tag", "kind"), of("span", "name")];
      const cases: [SearchCondition[], number[]][] = [
        [[], [3, 2, 1]], [[name("=", "Straße")], [3]], [[name("!=", "Straße")], [2, 1]], [[name("LIKE", "root%")], [2, 1]], [[name("LIKE", "ROOT%")], []], [[name("ILIKE", "ROOT _")], [2, 1]],
        [[id("=", key(2).traceId)], [2]], [[id("IN", [key(2).traceId, key(3).traceId])], [3, 2]], [[status("=", "ok")], [1]], [[status("=", "running")], [2]], [[status("IN", ["error", "running"])], [3, 2]], [[status("!=", "ok")], [3, 2]],
        [[time(">", now + 60_000)], [3, 2]], [[time(">=", now + 60_000)], [3, 2, 1]], [[time("=", now + 120_000)], [2]], [[time("!=", now + 120_000)], [3, 1]], [[time("<=", now + 120_000)], [2, 1]], [[time("<", now + 120_000)], [1]], [[time("<", now + 120_000.5)], [2, 1]],
        [[time(">=", now + 120_000), time(">=", now)], [3, 2]], [[duration(">=", 0)], [3, 1]], [[duration(">", 999)], []], [[end(">", now + 181_000)], []], [[end("=", now + 122_000)], [2]],
        [[kind("=", "x\"y")], [1]], [[kind("=", "z")], []], [[kind("!=", "z")], [1]], [[kind("!=", "x\"y")], []], [[kind("IS NULL")], [3, 2]], [[kind("IS NOT NULL")], [1]], [[of("param", "round")("=", "1"), kind("IS NOT NULL")], [1]], [[of("param", "round")("=", "1"), kind("IS NULL")], []],
        [[spanName("=", "a \"b\" 100%")], [1]], [[spanName("LIKE", "a \"_\"%")], [1]], [[spanName("ILIKE", "A %")], [1]], [[spanName("=", "a")], []], [[of("span", "type")("=", "TOOL")], [1]], [[of("span", "type")("=", "TOO")], []], [[of("span", "status")("=", "ERROR")], [3, 2]],
        [[of("span", "attributes.n")("=", "7")], [1]], [[of("span", "content")("ILIKE", "%STRAßE%")], [3]],
        [[of("feedback", "good")("=", "0.5")], [1]], [[of("feedback", "good")("=", "1")], []], [[of("feedback", "good")("!=", "1")], [1]], [[of("feedback", "good")("IS NULL")], [3, 2]], [[of("expectation", "answer")("=", "Yes \"so\"")], [2]],
        [[of("expectation", "answer")("ILIKE", "yes%")], [2]], [[of("feedback", "answer")("IS NOT NULL")], []],
      ];
      for (const [conditions, expected] of cases) assert.deepEqual(await found(store, { conditions }), expected, JSON.stringify(conditions));
      for (const refused of [kind("LIKE", "x%"), of("metric", "m")("=", 1), of("span", "kind")("=", "x"), of("attribute", "nothing")("=", "x")]) await assert.rejects(found(store, { conditions: [refused] }), failsWith("FILTER_INVALID"));
    });

    it("finds the gateway's own calls by the ids of their answers, and no others that tell of them", async () => {
      const store = await open();
      const own = { "slipway.route": "chat", "gen_ai.response.id": "chatcmpl-1" };
      await store.write([record(1, 1, { attributes: own }), record(2, 1, { attributes: { "gen_ai.response.id": "chatcmpl-1" } }), record(3, 1, { attributes: { ...own, "gen_ai.response.id": "chatcmpl-3" } }, { team: "blue" })], now);
      assert.deepEqual(await store.answered(["chatcmpl-1", "chatcmpl-2", "chatcmpl-3", "a\0b"]), new Map([["chatcmpl-1", key(1)], ["chatcmpl-3", key(3, "blue")]]));
      await store.remove([key(1)], now);
      assert.deepEqual(await store.answered(["chatcmpl-1"]), new Map());
    });

    it("gives pages that together are the whole, by each order", async () => {
      const store = await open();
      await store.write(Array.from({ length: 9 }, (_, index) => record(index + 1, 1, { attributes: index % 3 === 0 ? {} : { "gen_ai.usage.cost": index % 2 } })), now);
      for (const order of ["start", "duration", "cost"] as const) {
        const all = await found(store, { order });
        const paged: number[] = [];
        for (let after: string | undefined; ; ) {
          const page = await store.search({ visible: "all", attributes: {}, order, limit: 2, ...(after === undefined ? {} : { after }) });
          paged.push(...page.items.map(({ summary }) => Number.parseInt(summary.traceId, 16)));
          if (page.next === null) break;
          after = page.next;
        }
        assert.deepEqual(paged, all, order);
        assert.equal(new Set(all).size, 9);
      }
      await assert.rejects(found(store, { after: "nonsense" }), failsWith("INVALID_REQUEST"));
    });

    it("finds page by page, however little is looked through for each, exactly what one whole search finds", async () => {
      const store = await open();
      const sizes = fc.sample(fc.record({ spans: fc.integer({ min: 1, max: 7 }), minute: fc.integer({ min: 1, max: 9 }), found: fc.option(fc.integer({ min: 1, max: 7 })), cost: fc.option(fc.integer({ min: 0, max: 2 })), team: fc.constantFrom("default", "blue") }), 40);
      await store.write(sizes.flatMap(({ spans, minute, found: at, cost, team }, index) => Array.from({ length: spans }, (_, span) => record(index + 1, span + 1, {
        start: began + BigInt(minute) * 60n * second, end: began + BigInt(minute) * 60n * second + BigInt(minute % 3) * second,
        attributes: { ...(span + 1 === at ? { "custom.key": "needle" } : {}), ...(cost === null ? {} : { "gen_ai.usage.cost": cost }) },
      }, { team }))), now);
      await store.describe(key(99), { name: "without spans, of a needle", start: now + 5 * 60_000 }, now);
      const asked = fc.record({
        order: fc.constantFrom("start", "duration", "cost"), ascending: fc.boolean(), limit: fc.integer({ min: 1, max: 6 }), mostSpans: fc.integer({ min: 1, max: 60 }), errors: fc.constantFrom(undefined, false),
        of: fc.constantFrom<Partial<TraceSearch>>({ text: "needle" }, { attributes: { "custom.key": "needle" } }, { conditions: [{ kind: "span", key: "content", operator: "LIKE", value: "%needle%" }] }, { text: "nowhere" }, { text: "NEEDLE", visible: { teams: ["blue"], experiments: [] } }),
      }).map(({ of, errors, ...search }): TraceSearch => ({ visible: "all", attributes: {}, ...search, ...of, ...(errors === undefined ? {} : { errors }) }));
      await fc.assert(fc.asyncProperty(asked, async (search) => {
        const whole = await store.search({ ...search, limit: 500, mostSpans: 1000 });
        assert.deepEqual([whole.next, whole.searchedUntil], [null, null]);
        const paged: typeof whole.items = [];
        for (let after: string | undefined, pages = 0; ; pages++) {
          assert.ok(pages <= 41, "each page goes on");
          const { items, next, searchedUntil } = await store.search({ ...search, ...(after === undefined ? {} : { after }) });
          assert.ok(items.length <= search.limit);
          if (searchedUntil === null) assert.ok(next === null || items.length === search.limit, "a short page that is not the last says how far it looked");
          else assert.notEqual(next, null);
          paged.push(...items);
          if (next === null) break;
          after = next;
        }
        assert.deepEqual(paged, whole.items);
      }), { numRuns: 60 });
    });

    it("says how far a search looked that ended before its page was full", async () => {
      const store = await open();
      await store.write([1, 2, 3].flatMap((trace) => [1, 2].map((span) => record(trace, span, { attributes: trace === 2 ? { "gen_ai.usage.cost": 1 } : {} }))), now);
      const until = async (search: Partial<TraceSearch>): Promise<[number[], number | null]> => {
        const { items, searchedUntil } = await store.search({ visible: "all", attributes: {}, order: "start", limit: 5, text: "root", ...search });
        return [items.map(({ summary }) => Number.parseInt(summary.traceId, 16)), searchedUntil];
      };
      assert.deepEqual(await until({ mostSpans: 1 }), [[3], now + 180_000.001]);
      assert.deepEqual(await until({ mostSpans: 6 }), [[3, 2], now + 120_000.001]);
      assert.deepEqual(await until({ mostSpans: 1, text: "nowhere" }), [[], now + 180_000.001]);
      assert.deepEqual(await until({ mostSpans: 1, order: "duration" }), [[3], 999.999]);
      assert.deepEqual([await until({ mostSpans: 1, order: "cost" }), await until({ mostSpans: 6, order: "cost" })], [[[2], 2_000_000_000], [[2, 3], -1]]);
      assert.deepEqual([await until({ mostSpans: 9 }), await until({ mostSpans: 1, text: "root 3", from: now + 180_000 })], [[[3, 2, 1], null], [[3], null]], "nothing is left to look through");
      const { text: _, ...all } = { text: "", mostSpans: 1 };
      assert.deepEqual((await store.search({ visible: "all", attributes: {}, order: "start", limit: 5, ...all })).searchedUntil, null, "no span is looked into");
    });

    it("sums up sessions, the last first", async () => {
      const store = await open();
      const of = (session: string): Partial<Span> => ({ attributes: { "session.id": session, "user.id": "ann", "gen_ai.usage.input_tokens": 2 } });
      await store.write([record(1, 1, of("a")), record(2, 1, of("b")), record(3, 1, of("a")), record(3, 2, { status: { code: "error", message: "" } }), record(4, 1)], now);
      const page = await store.sessions({ visible: "all", after: null, limit: 1 });
      assert.deepEqual(page.items, [{ session: "a", team: "default", user: "ann", traces: 2, errors: 1, start: now + 60_000.001, end: now + 182_000, inputTokens: 4, outputTokens: null, cost: null }]);
      const rest = await store.sessions({ visible: "all", after: page.next, limit: 5 });
      assert.deepEqual([rest.items.map(({ session }) => session), rest.next, (await store.sessions({ visible: "all", user: "bob", after: null, limit: 5 })).items], [["b"], null, []]);
    });

    it("keeps what is said of a trace before and after its spans", async () => {
      const store = await open();
      await store.describe(key(1), { experiment: "3", name: "early", start: now, durationMs: 20, status: "ok", tags: { a: "1", b: "2" }, metadata: { m: "x" }, inputPreview: "in" }, now);
      assert.deepEqual((await store.find(key(1).traceId, "all"))?.summary.durationMs, 20);
      await store.write([record(1, 1, { status: { code: "error", message: "" } })], now);
      await store.describe(key(1), { tags: { a: null, c: "3" } }, now);
      const trace = (await store.find(key(1).traceId, "all"))!;
      assert.deepEqual([trace.summary.name, trace.summary.experiment, trace.summary.tags, trace.metadata, trace.summary.status, trace.summary.inputPreview, trace.summary.spans], ["root 1", "3", { b: "2", c: "3" }, { m: "x" }, "ok", "in", 1]);
      assert.deepEqual([await found(store, { attributes: { c: "3" } }), await found(store, { attributes: { a: "1" } })], [[1], []]);
    });

    it("counts revisions of feedback, and removes them with the trace", async () => {
      const store = await open();
      await assert.rejects(store.addFeedback(key(1), feedback("f1")), failsWith("TRACE_NOT_FOUND"));
      await store.write([record(1, 1)], now);
      await Promise.all([1, 2, 3].map((value) => store.addFeedback(key(1), feedback("f1", { value, createdAt: now + value }))));
      await store.addFeedback(key(1), feedback("f2", { name: "other" }));
      const all = await store.feedback(key(1));
      assert.deepEqual(all.map(({ id, revision }) => [id, revision]), [["f1", 1], ["f1", 2], ["f1", 3], ["f2", 1]]);
      assert.equal(new Set(all.slice(0, 3).map(({ createdAt }) => createdAt)).size, 1);
      assert.deepEqual([(await store.find(key(1).traceId, "all"))?.summary.feedback, await found(store, { feedback: "other" })], [2, [1]]);
      assert.deepEqual([await store.removeFeedback(key(1), "f1", now), await store.removeFeedback(key(1), "f1", now)], [true, false]);
      await store.remove([key(1)], now);
      assert.deepEqual(await store.feedback(key(1)), []);
    });

    it("tells of feedback in the order of its arrival, each revision, also of traces that were written later", async () => {
      const { store, feed } = await openBoth();
      await store.write([record(1, 1), record(2, 1)], now);
      const at = (trace: number, id: string, second: number) => store.addFeedback(key(trace), { ...feedback(id), traceId: key(trace).traceId, updatedAt: now + second * 1000 });
      await at(2, "f1", 3);
      await at(1, "f2", 1);
      await at(1, "f1", 2);
      await at(1, "f2", 3);
      const told = async (...asked: Parameters<FeedbackFeed["readSince"]>) => (await feed.readSince(...asked)).map(({ feedback: { traceId, id, revision }, receivedAt }) => [traceId.at(-1), id, revision, (receivedAt - now) / 1000].join(" "));
      assert.deepEqual(await told(epochMs(now), null, 9), ["1 f2 1 1", "1 f1 1 2", "1 f2 2 3", "2 f1 1 3"]);
      assert.deepEqual(await told(epochMs(now + 2000), null, 2), ["1 f1 1 2", "1 f2 2 3"]);
      assert.deepEqual(await told(epochMs(now + 3000), { traceId: key(1).traceId, id: "f2", revision: 2 }, 9), ["2 f1 1 3"]);
      assert.deepEqual(await told(epochMs(now + 3000), { traceId: key(1).traceId, id: "f2", revision: 1 }, 9), ["1 f2 2 3", "2 f1 1 3"]);
      assert.deepEqual(await told(epochMs(now + 3001), null, 9), []);
    });

    it("tells of feedback that was removed, by itself or with its trace, and counts on where its id is given again", async () => {
      const { store, feed } = await openBoth();
      await store.write([record(1, 1), record(2, 1), record(3, 1)], now);
      const give = (trace: number, id: string) => store.addFeedback(key(trace), { ...feedback(id), traceId: key(trace).traceId });
      for (const [trace, id] of [[1, "f1"], [1, "f1"], [1, "f2"], [2, "f1"], [2, "f2"], [2, "f2"], [3, "f1"]] as const) await give(trace, id);
      await store.removeFeedback(key(1), "f1", epochMs(now + 1000));
      await store.removeFeedback(key(1), "none", epochMs(now + 1000));
      assert.equal(await store.remove([key(2)], epochMs(now + 2000)), 1);
      const told = async (...asked: Parameters<FeedbackFeed["removedSince"]>) => (await feed.removedSince(...asked)).map(({ team, traceId, id, revision, removedAt }) => [team, traceId.at(-1), id, revision, (removedAt - now) / 1000].join(" "));
      assert.deepEqual(await told(epochMs(now), null, 9), ["default 1 f1 2 1", "default 2 f1 1 2", "default 2 f2 2 2"]);
      assert.deepEqual(await told(epochMs(now + 2000), { traceId: key(2).traceId, id: "f1" }, 9), ["default 2 f2 2 2"]);
      assert.deepEqual(await told(epochMs(now + 1000), { traceId: key(1).traceId, id: "f1" }, 1), ["default 2 f1 1 2"]);
      assert.equal((await give(1, "f1")).revision, 3);
      await store.removeFeedback(key(1), "f1", epochMs(now + 3000));
      assert.deepEqual(await told(epochMs(now + 2001), null, 9), ["default 1 f1 3 3"]);
      await store.prune(epochMs(now + 10_000_000));
      assert.deepEqual(await told(epochMs(now), null, 9), [], "age takes nothing back");
    });

    it("says in which arms the answers of traces were, and of nothing else", async () => {
      const { store, feed } = await openBoth();
      const marks = (arm: string, more: object = {}) => ({ attributes: { "slipway.rollout": "rol_1", "slipway.phase": "1-canary", "slipway.arm": arm, "slipway.revision": "2", ...more } });
      await store.write([
        record(1, 1, marks("candidate")), record(1, 2, marks("candidate")), record(1, 3, marks("stable", { "slipway.scored": false })),
        record(2, 1, { ...marks("candidate"), status: { code: "error", message: "" } }), record(3, 1), { ...record(1, 1, marks("stable")), team: "blue" },
      ], now);
      const place = { rollout: "rol_1", phase: "1-canary", arm: "candidate", revision: "2" };
      assert.deepEqual(await feed.splitPlaces([1, 2, 3, 4].map((trace) => key(trace))), [{ ...key(1), place }]);
      assert.deepEqual(await feed.splitPlaces([key(1, "blue")]), [{ ...key(1, "blue"), place: { ...place, arm: "stable" } }]);
      assert.deepEqual(await feed.splitPlaces([]), []);
    });

    it("forgets traces that began before", async () => {
      const store = await open();
      await store.write([1, 2, 3].flatMap((trace) => [record(trace, 1), record(trace, 2)]), now);
      assert.equal(await store.prune(epochMs(now + 150_000)), 2);
      assert.deepEqual([await found(store), (await store.spans(key(1), 9)).length, (await store.spans(key(3), 9)).length], [[3], 0, 2]);
    });
  });
}
