import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import fc from "../../../../../test/kit/fast-check.ts";
import type { Caller } from "../../../../core/caller.ts";
import { ManualClock } from "../../../../core/clock.ts";
import { exampleRecord, now } from "../../../../tracing/example-spans.fixture.ts";
import { RunQuery, RunReader, type ReadTraces } from "../../../../tracing/langsmith/run-reader.ts";
import type { Span } from "../../../../tracing/span.ts";
import { SqlRunDirectory } from "../../tracking/sql-run-directory.ts";
import { SqlTraceStore } from "../../tracing/sql-trace-store.ts";
import { TemporaryDatabases } from "./temporary-databases.fixture.ts";

const caller = {} as Caller;
const signal = new AbortController().signal;

/** Names, tags and keys that JSON writes otherwise than they are, that patterns read otherwise, and that begin alike. */
const words = ["a", "A", "ab", "50%", "a_b", "axb", 'say "hi"', "back\\slash", "é", "line\nbreak", "😀", "'", "name"];
const word = fc.constantFrom(...words);
const span: fc.Arbitrary<Partial<Span>> = fc.record({
  name: word, failed: fc.boolean(), tags: fc.array(word, { maxLength: 2 }), key: fc.option(word, { nil: undefined }), isRun: fc.boolean(), provider: fc.option(word, { nil: undefined }),
}).map(({ name, failed, tags, key, isRun, provider }) => ({
  name, status: { code: failed ? "error" : "ok", message: "" },
  attributes: {
    ...(tags.length === 0 ? {} : { "langsmith.tags": tags }), ...(isRun ? { "langsmith.run_type": "chain" } : {}), ...(key === undefined ? {} : { [`${isRun ? "langsmith.metadata." : ""}${key}`]: "v" }),
    ...(provider === undefined ? {} : { "gen_ai.provider.name": provider }),
  },
}));

const comparison = fc.oneof(word.map((text) => `eq(name, ${JSON.stringify(text)})`), word.map((text) => `has(tags, ${JSON.stringify(text)})`), word.map((text) => `eq(metadata_key, ${JSON.stringify(text)})`), fc.constant('eq(status, "error")'), fc.constant('neq(name, "a")'));
const filter = fc.oneof({ weight: 3, arbitrary: comparison }, fc.array(comparison, { minLength: 1, maxLength: 3 }).map((all) => `and(${all.join(", ")})`), comparison.map((one) => `not(${one})`), fc.tuple(comparison, comparison).map(([one, other]) => `or(${one}, ${other})`));

describe("LangSmith's runs on SQLite", () => {
  const databases = new TemporaryDatabases();
  afterEach(() => databases.remove());

  it("are found by any filter as if every trace were looked through", async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.array(span, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 12 }), fc.array(fc.tuple(fc.constantFrom("filter", "tree_filter", "trace_filter"), filter), { minLength: 10, maxLength: 40, size: "max" }), async (traces, filters) => {
      const database = await databases.open();
      const store = new SqlTraceStore(database);
      const runs = new SqlRunDirectory(database);
      await store.write(traces.flatMap((spans, trace) => spans.map((more, index) => exampleRecord(trace + 1, index + 1, more))), now);
      const source: ReadTraces = {
        find: (_caller, search) => store.search({ ...search, visible: "all" }), spans: (key, limit = 100) => store.spans(key, limit, 1 << 20), feedback: (key) => store.feedback(key),
        services: () => runs.services("all"), tracesOfRuns: (_caller, ids) => runs.tracesOf(ids, "all"),
      };
      const clock = new ManualClock();
      const reader = new RunReader(source, () => clock.monotonic());
      const found = async (asked: object): Promise<unknown[]> => (await reader.query(caller, RunQuery.parse(asked), { signal })).runs.map(({ id }) => id);
      // Of what stands in or and not nothing is known beforehand.
      for (const [kind, text] of [["filter", 'eq(metadata_key, "ls_provider")'] as const, ...filters]) {
        const expected = await found({ [kind]: `not(not(${text}))` });
        for (const same of [text, `or(${text}, ${text})`]) assert.deepEqual(await found({ [kind]: same }), expected, `${kind} ${same}`);
      }
    }), { numRuns: 8 });
  });
});
