import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { AppError } from "../core/errors.ts";
import type { SearchCondition } from "../core/search-condition.ts";
import { began, exampleFeedback, exampleRecord, keyOf, now, second, tracesFound } from "./example-spans.fixture.ts";
import type { TraceSearch, TraceStore } from "./trace-store.ts";

const failsWith = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;

/** What the search of every TraceStore promises: a part of `traceStoreConformance`. */
export function traceSearchConformance(adapter: string, open: () => Promise<TraceStore>): void {
  describe(`search of TraceStore: ${adapter}`, () => {
    it("finds traces by everything that a search can say", async () => {
      const store = await open();
      await store.write([
        exampleRecord(1, 1, { attributes: { "gen_ai.input.messages": JSON.stringify([{ role: "user", parts: [{ type: "text", content: "Say \"100%_sure\"\nplease" }] }]), "custom.key": "x\"y", "user.id": "ann", flag: true, count: 12 } }),
        exampleRecord(2, 1, { end: began + 200n * second, attributes: { "session.id": "s", "gen_ai.request.model": "large" } }),
        exampleRecord(2, 2, { status: { code: "error", message: "" }, attributes: { "gen_ai.tool.name": "search", "gen_ai.usage.cost": 2, "gen_ai.usage.input_tokens": 100 } }),
        exampleRecord(3, 1, { name: "Straße", resource: { "service.name": "bank" }, attributes: { "custom.text": "Ärger ÜBER" } }, { experiment: "5" }),
      ], now);
      const cases: [Partial<TraceSearch>, number[]][] = [
        [{}, [3, 2, 1]], [{ text: "\"100%_SURE\"\nplease" }, [1]], [{ text: "100x_sure" }, []], [{ text: "straße" }, [3]], [{ text: "ärger" }, [3]], [{ text: "ÄRGER" }, [3]], [{ text: "über" }, [3]], [{ name: "root 2" }, [2]], [{ errors: true }, [2]], [{ errors: false }, [3, 1]],
        [{ slowerThanMs: 79_999 }, [2]], [{ minCost: 2e9 }, [2]], [{ minCost: 2e9 + 1 }, []], [{ minTokens: 100 }, [2]], [{ session: "s" }, [2]], [{ user: "ann" }, [1]], [{ service: "bank" }, [3]], [{ model: "large" }, [2]],
        [{ team: "blue" }, []], [{ experiment: "5" }, [3]], [{ experiments: ["4", "5"] }, [3]], [{ experiments: [] }, []], [{ attributes: { "gen_ai.tool.name": "search" } }, [2]], [{ attributes: { "custom.key": "x\"y" } }, [1]],
        [{ attributes: { "custom.key": "x" } }, []], [{ attributes: { flag: "true", count: "12" } }, [1]], [{ attributes: { count: "1" } }, []], [{ from: now + 120_000 }, [3, 2]], [{ to: now + 120_000 }, [1]],
        [{ order: "duration" }, [2, 3, 1]], [{ order: "cost" }, [2, 3, 1]], [{ ascending: true }, [1, 2, 3]], [{ feedback: "good" }, []],
      ];
      // Equal durations and costs fall back to the id.
      for (const [search, expected] of cases) assert.deepEqual(await tracesFound(store, search), expected, JSON.stringify(search));
    });

    it("finds calls of this server's gateway by whatever their spans have, as those that others tell of", async () => {
      for (const isOwn of [true, false]) {
        const store = await open();
        const root = { "gen_ai.operation.name": "chat", "slipway.route": "support" };
        const attempt = { "slipway.attempt": true, "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.response.model": "large" };
        await store.write([
          exampleRecord(1, 1, { attributes: root }, { isOwn }), exampleRecord(1, 2, { attributes: attempt }, { isOwn }), exampleRecord(2, 1, { attributes: { ...root, "slipway.route": "other", "error.type": "BUDGET_EXCEEDED" } }, { isOwn }),
          exampleRecord(3, 1, { attributes: { "gen_ai.operation.name": "embeddings", "slipway.route": "support" }, resource: { "service.name": "shop", "service.version": "2" } }, { isOwn }),
        ], now);
        const cases: [Record<string, string>, number[]][] = [
          [{ "slipway.route": "support" }, [3, 1]], [{ "slipway.route": "other" }, [2]], [{ "slipway.route": "suppor" }, []], [{ "gen_ai.operation.name": "chat" }, [2, 1]], [{ "gen_ai.operation.name": "embeddings" }, [3]],
          [{ "error.type": "BUDGET_EXCEEDED" }, [2]], [{ "gen_ai.provider.name": "openai" }, [1]], [{ "service.version": "2" }, [3]], [{ "service.name": "shop" }, [3, 2, 1]], [{ "slipway.route": "support", "gen_ai.provider.name": "openai" }, [1]],
        ];
        for (const [attributes, expected] of cases) assert.deepEqual(await tracesFound(store, { attributes }), expected, JSON.stringify([isOwn, attributes]));
        assert.deepEqual([await tracesFound(store, { service: "shop" }), await tracesFound(store, { model: "large" })], [[3, 2, 1], [1]]);
      }
    });

    it("finds traces by comparisons of their facts, tags, metadata, spans and feedback, all of which must hold", async () => {
      const store = await open();
      await store.write([
        exampleRecord(1, 1), exampleRecord(1, 2, { name: "a \"b\" 100%", attributes: { "mlflow.spanType": "TOOL", n: 7 } }), exampleRecord(2, 1, { end: null }), exampleRecord(2, 2, { status: { code: "error", message: "" } }),
        exampleRecord(3, 1, { name: "Straße", status: { code: "error", message: "" } }),
      ], now);
      await store.describe(keyOf(1), { tags: { kind: "x\"y", other: "\"kind\":\"z\"" }, metadata: { round: "1" } }, now);
      await store.addFeedback(keyOf(1), exampleFeedback("fbk_1", { value: 1 }));
      await store.addFeedback(keyOf(1), exampleFeedback("fbk_1", { value: 0.5 }));
      await store.addFeedback(keyOf(2), { ...exampleFeedback("fbk_2", { name: "answer", kind: "expectation", value: "Yes \"so\"" }), traceId: keyOf(2).traceId });
      const of = (kind: SearchCondition["kind"], name: string) => (operator: string, value?: unknown): SearchCondition => ({ kind, key: name, operator, value }) as SearchCondition;
      const [name, id, status, time] = [of("attribute", "name"), of("attribute", "id"), of("attribute", "status"), of("attribute", "time")];
      const [end, duration, kind, spanName] = [of("attribute", "end"), of("attribute", "duration"), of("tag", "kind"), of("span", "name")];
      const cases: [SearchCondition[], number[]][] = [
        [[], [3, 2, 1]], [[name("=", "Straße")], [3]], [[name("!=", "Straße")], [2, 1]], [[name("LIKE", "root%")], [2, 1]], [[name("LIKE", "ROOT%")], []], [[name("ILIKE", "ROOT _")], [2, 1]],
        [[id("=", keyOf(2).traceId)], [2]], [[id("IN", [keyOf(2).traceId, keyOf(3).traceId])], [3, 2]], [[status("=", "ok")], [1]], [[status("=", "running")], [2]], [[status("IN", ["error", "running"])], [3, 2]], [[status("!=", "ok")], [3, 2]],
        [[time(">", now + 60_000)], [3, 2]], [[time(">=", now + 60_000)], [3, 2, 1]], [[time("=", now + 120_000)], [2]], [[time("!=", now + 120_000)], [3, 1]], [[time("<=", now + 120_000)], [2, 1]], [[time("<", now + 120_000)], [1]], [[time("<", now + 120_000.5)], [2, 1]],
        [[time(">=", now + 120_000), time(">=", now)], [3, 2]], [[duration(">=", 0)], [3, 1]], [[duration(">", 999)], []], [[end(">", now + 181_000)], []], [[end("=", now + 122_000)], [2]],
        [[kind("=", "x\"y")], [1]], [[kind("=", "z")], []], [[kind("!=", "z")], [1]], [[kind("!=", "x\"y")], []], [[kind("IS NULL")], [3, 2]], [[kind("IS NOT NULL")], [1]], [[of("param", "round")("=", "1"), kind("IS NOT NULL")], [1]], [[of("param", "round")("=", "1"), kind("IS NULL")], []],
        [[spanName("=", "a \"b\" 100%")], [1]], [[spanName("LIKE", "a \"_\"%")], [1]], [[spanName("ILIKE", "A %")], [1]], [[spanName("=", "a")], []], [[of("span", "type")("=", "TOOL")], [1]], [[of("span", "type")("=", "TOO")], []], [[of("span", "status")("=", "ERROR")], [3, 2]],
        [[of("span", "attributes.n")("=", "7")], [1]], [[of("span", "content")("ILIKE", "%STRAßE%")], [3]],
        [[of("feedback", "good")("=", "0.5")], [1]], [[of("feedback", "good")("=", "1")], []], [[of("feedback", "good")("!=", "1")], [1]], [[of("feedback", "good")("IS NULL")], [3, 2]], [[of("expectation", "answer")("=", "Yes \"so\"")], [2]],
        [[of("expectation", "answer")("ILIKE", "yes%")], [2]], [[of("feedback", "answer")("IS NOT NULL")], []],
      ];
      for (const [conditions, expected] of cases) assert.deepEqual(await tracesFound(store, { conditions }), expected, JSON.stringify(conditions));
      for (const refused of [kind("LIKE", "x%"), of("metric", "m")("=", 1), of("span", "kind")("=", "x"), of("attribute", "nothing")("=", "x")]) await assert.rejects(tracesFound(store, { conditions: [refused] }), failsWith("FILTER_INVALID"));
    });

    it("finds attributes by their names alone, though spans, events and links are kept under names that attributes may have too", async () => {
      const store = await open();
      const events = [{ name: "named", time: 5n, attributes: { n: "of an event" } }];
      const links = [{ traceId: keyOf(9).traceId, spanId: "00f067aa0ba902b7", attributes: {} }];
      const own = exampleRecord(1, 2, { name: "named", kind: "client", parentSpanId: "00f067aa0ba902b7", events, links });
      const names = ["n", "k", "p", "t", "s", "a"];
      const values = { n: "named", k: "client", p: "00f067aa0ba902b7", t: "5", s: "00f067aa0ba902b7", a: "x" };
      await store.write([
        own, exampleRecord(2, 1, { attributes: { ...values, z: 1 }, events, links }), exampleRecord(3, 1, { attributes: Object.fromEntries(names.toReversed().map((name) => [name, values[name as "n"]])) }),
        ...names.map((name, index) => exampleRecord(11 + index, 1, { attributes: { [name]: values[name as "n"] } })), exampleRecord(20, 1, { resource: { n: "named" } }), exampleRecord(21, 1, { attributes: { n: 5, k: true } }),
        exampleRecord(22, 1, { name: "\"s\":[,\"n\":\"named\"", attributes: { text: "{\"n\":\"named\",\"k\":\"client\"}", list: ["\"n\":\"named\""] } }),
      ], now);
      const bySpan = (name: string, value: string): Partial<TraceSearch> => ({ conditions: [{ kind: "span", key: `attributes.${name}`, operator: "=", value }] });
      for (const [index, name] of names.entries()) {
        const expected = [...(name === "n" ? [20] : []), 11 + index, 3, 2];
        for (const search of [{ attributes: { [name]: values[name as "n"] } }, bySpan(name, values[name as "n"])]) assert.deepEqual(await tracesFound(store, search), expected, name);
      }
      assert.deepEqual([await tracesFound(store, { attributes: { n: "of an event" } }), await tracesFound(store, { attributes: { n: "5" } }), await tracesFound(store, { attributes: { k: "true" } }), await tracesFound(store, { attributes: { k: "internal" } })], [[2, 1], [21], [21], []]);
      assert.deepEqual([await tracesFound(store, { attributes: { t: keyOf(9).traceId } }), await tracesFound(store, { attributes: { n: "n%med" } }), await tracesFound(store, { attributes: { n: "nam_d" } })], [[], [], []]);
      assert.deepEqual(await tracesFound(store, { conditions: [{ kind: "span", key: "name", operator: "=", value: "named" }] }), [1], "nor is a name one of attributes");
    });

    it("gives pages that together are the whole, by each order", async () => {
      const store = await open();
      await store.write(Array.from({ length: 9 }, (_, index) => exampleRecord(index + 1, 1, { attributes: index % 3 === 0 ? {} : { "gen_ai.usage.cost": index % 2 } })), now);
      for (const order of ["start", "duration", "cost"] as const) {
        const all = await tracesFound(store, { order });
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
      await assert.rejects(tracesFound(store, { after: "nonsense" }), failsWith("INVALID_REQUEST"));
    });

    it("finds by providers through the index alone, whichever name is asked for: the page ends where it would not have looked through so many spans", async () => {
      const store = await open();
      const provider = (attributes: Record<string, string>): Record<string, string> => ({ "gen_ai.operation.name": "chat", "custom.key": "everywhere", ...attributes });
      await store.write([
        exampleRecord(1, 1, { attributes: provider({ "gen_ai.provider.name": "groq", "custom.key": "rare" }) }),
        exampleRecord(2, 1, { attributes: provider({ "gen_ai.provider.name": "azure.ai.openai", "slipway.provider": "azure-west" }) }),
        ...Array.from({ length: 40 }, (_, index) => exampleRecord(10 + index, 1, { start: began + BigInt(index + 60) * second, end: began + BigInt(index + 61) * second, attributes: provider({ "gen_ai.provider.name": "azure.ai.openai", "slipway.provider": "azure-east" }) })),
        exampleRecord(60, 1, { start: began - second, attributes: provider({ "gen_ai.provider.name": "p".repeat(260) }) }),
      ], now);
      await store.describe(keyOf(3), { name: "as a tag", start: now, tags: { "gen_ai.provider.name": "groq" } }, now);
      const page = async (attributes: Record<string, string>, mostSpans: number): Promise<[number, boolean]> => {
        const { items, searchedUntil } = await store.search({ visible: "all", attributes, order: "start", limit: 50, mostSpans });
        return [items.length, searchedUntil === null];
      };
      assert.deepEqual([await page({ "gen_ai.provider.name": "groq" }, 10), await page({ "slipway.provider": "azure-west" }, 10), await page({ "slipway.provider": "azure-east" }, 10), await page({ "gen_ai.provider.name": "gro" }, 10)], [[2, true], [1, true], [40, true], [0, true]]);
      // What is in no index is looked for in the spans.
      assert.deepEqual([await page({ "custom.key": "rare" }, 10), await page({ "custom.key": "rare" }, 1000)], [[0, false], [1, true]]);
      assert.deepEqual([await page({ "slipway.provider": "azure-west", "custom.key": "everywhere" }, 10), await page({ "gen_ai.provider.name": "p".repeat(260) }, 1000)], [[1, true], [1, true]]);
    });

    it("finds page by page, however little is looked through for each, exactly what one whole search finds", async () => {
      const store = await open();
      const sizes = fc.sample(fc.record({ spans: fc.integer({ min: 1, max: 7 }), minute: fc.integer({ min: 1, max: 9 }), found: fc.option(fc.integer({ min: 1, max: 7 })), cost: fc.option(fc.integer({ min: 0, max: 2 })), team: fc.constantFrom("default", "blue") }), 40);
      await store.write(sizes.flatMap(({ spans, minute, found: at, cost, team }, index) => Array.from({ length: spans }, (_, span) => exampleRecord(index + 1, span + 1, {
        start: began + BigInt(minute) * 60n * second, end: began + BigInt(minute) * 60n * second + BigInt(minute % 3) * second,
        attributes: { ...(span + 1 === at ? { "custom.key": "needle" } : {}), ...(cost === null ? {} : { "gen_ai.usage.cost": cost }) },
      }, { team }))), now);
      await store.describe(keyOf(99), { name: "without spans, of a needle", start: now + 5 * 60_000 }, now);
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
      await store.write([1, 2, 3].flatMap((trace) => [1, 2].map((span) => exampleRecord(trace, span, { attributes: trace === 2 ? { "gen_ai.usage.cost": 1 } : {} }))), now);
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
  });
}
