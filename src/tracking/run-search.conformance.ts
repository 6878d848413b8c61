import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { allPages, by, failsWith, newExperiment, newRun, pairs, point, storeNow as now, type TrackingStores } from "./new-run.fixture.ts";
import { naiveSearch } from "./run-search.fixture.ts";
import type { Run, SearchCondition, SearchField, SearchOrder } from "./schemas.ts";

const texts = ["a", "A", "ab", "aB", "a%", "a_", "a\\", "a*b", "a?b", "[ab]", "]", "é", "É", "😀", "", "a".repeat(100), `${"a".repeat(100)}b`, `${"😀".repeat(99)}xy`];
const patterns = ["a%", "%b", "_", "a_", "a\\%", "%\\", "a*%", "a?b", "[ab]", "%]", "%😀%", "É", "", "%", "A%", "a\\_", "%a%b"];
const numbers = [0, 0.5, -1, 1e300, Infinity, -Infinity];

const arbitraryText = fc.constantFrom(...texts);
const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined, freq: 3 });
const arbitraryRun = fc.record({
  startTime: fc.integer({ min: 0, max: 5 }), endTime: maybe(fc.integer({ min: 0, max: 3 })), name: arbitraryText, user: fc.constantFrom("u", "V"),
  status: fc.constantFrom("RUNNING", "FINISHED", "FAILED"), m: maybe(fc.constantFrom(...numbers, NaN)), n: maybe(fc.constantFrom(...numbers, NaN)),
  p: maybe(arbitraryText), t: maybe(arbitraryText), datasets: fc.uniqueArray(fc.constantFrom("a", "b", "[ab]"), { maxLength: 2 }), context: maybe(arbitraryText),
});

const textField = fc.constantFrom<SearchField>(
  { kind: "attribute", key: "name" }, { kind: "attribute", key: "user" }, { kind: "attribute", key: "status" }, { kind: "param", key: "p" }, { kind: "param", key: "none" },
  { kind: "tag", key: "t" }, { kind: "dataset", key: "name" }, { kind: "dataset", key: "context" },
);
const numberField = fc.constantFrom<SearchField>(
  { kind: "metric", key: "m" }, { kind: "metric", key: "n" }, { kind: "metric", key: "none" }, { kind: "attribute", key: "startTime" }, { kind: "attribute", key: "endTime" },
);
const arbitraryCondition: fc.Arbitrary<SearchCondition> = fc.oneof(
  fc.tuple(numberField, fc.constantFrom("=", "!=", ">", ">=", "<", "<="), fc.constantFrom(...numbers, 1.5, 2)).map(([field, operator, value]) => ({ ...field, operator, value }) as SearchCondition),
  fc.tuple(textField, fc.constantFrom("=", "!="), arbitraryText, fc.boolean()).map(([field, operator, value, absent]) => ({ ...field, operator, value, ...(absent && operator === "!=" ? { absentMatches: true } : {}) }) as SearchCondition),
  fc.tuple(textField, fc.constantFrom("LIKE", "ILIKE"), fc.constantFrom(...patterns)).map(([field, operator, value]) => ({ ...field, operator, value }) as SearchCondition),
  fc.tuple(textField.filter(({ kind }) => kind !== "attribute"), fc.constantFrom("IS NULL", "IS NOT NULL")).map(([field, operator]) => ({ ...field, operator }) as SearchCondition),
  fc.tuple(textField, fc.constantFrom("IN", "NOT IN"), fc.array(arbitraryText, { maxLength: 3 })).map(([field, operator, value]) => ({ ...field, operator, value }) as SearchCondition),
);
const sortable = fc.oneof(textField.filter(({ kind }) => kind !== "dataset"), numberField);
const arbitraryOrder: fc.Arbitrary<SearchOrder[]> = fc.uniqueArray(fc.tuple(sortable, fc.boolean()).map(([field, descending]) => ({ ...field, descending })), {
  maxLength: 3, selector: ({ kind, key }) => `${kind} ${key}`,
});

/** What every TrackingStore promises of searches. */
export function runSearchConformance(adapter: string, open: () => Promise<TrackingStores>): void {
  describe(`TrackingStore, searches: ${adapter}`, () => {
    it("finds, sorts and pages as a look at every run would", async () => {
      const { store } = await open();
      const experiment = await newExperiment(store, "searched");
      const second = await newExperiment(store, "searched too");
      const other = await newExperiment(store, "other");
      await newRun(store, other, 9999, { metrics: [point("m", 0)], params: pairs({ p: "a" }) });
      const made = fc.sample(arbitraryRun, { numRuns: 48, seed: 7 });
      for (const [index, { m, n, p, t, datasets, context, status, endTime, ...run }] of made.entries()) {
        const id = await newRun(store, index % 4 === 0 ? second : experiment, index + 1, {
          ...run, metrics: [...(m === undefined ? [] : [point("m", m)]), ...(n === undefined ? [] : [point("n", n)])],
          params: p === undefined ? [] : pairs({ p }), tags: t === undefined ? [] : pairs({ t }),
        });
        const tags = context === undefined ? [] : pairs({ "mlflow.data.context": context });
        if (datasets.length > 0) await store.logInputs(id, { datasets: datasets.map((name) => ({ dataset: { name, digest: "1", sourceType: "s", source: "" }, tags })), models: [] });
        await store.updateRun(id, { status, ...(endTime === undefined ? {} : { endTime }) } as Parameters<typeof store.updateRun>[1], by);
        if (index % 7 === 0) await store.setRunLifecycle(id, "deleted", now);
      }
      const runs = await store.findRuns(made.map((_, index) => (index + 1).toString(16).padStart(32, "0")));
      assert.equal(runs.length, made.length);
      const arbitrarySearch = fc.record({
        conditions: fc.array(arbitraryCondition, { maxLength: 3 }), order: arbitraryOrder, view: fc.constantFrom("active", "deleted", "all"), limit: fc.integer({ min: 1, max: 20 }),
        experiments: fc.constantFrom([experiment], [experiment, second, "x", experiment], ["0", second], [second, experiment, ...Array.from({ length: 8 }, (_, index) => String(77 + index))]),
      });
      await fc.assert(
        fc.asyncProperty(arbitrarySearch, async (search) => {
          const found = await allPages((after) => store.searchRuns({ ...search, after }));
          const visible = runs.filter((run: Run) => (search.view === "all" || run.lifecycle === search.view) && search.experiments.includes(run.experiment));
          const expected = naiveSearch(visible, search);
          assert.deepEqual(found.map(({ id }) => id), expected.map(({ id }) => id));
          assert.deepEqual(found, expected);
        }),
        { numRuns: 250 },
      );
    });

    it("begins with the runs that meet a rare condition, and walks the order where many do, with the same result", async () => {
      const { store } = await open();
      const experiment = await newExperiment(store);
      const count = 150;
      for (let index = 0; index < count; index++) {
        await newRun(store, experiment, index + 1, {
          metrics: [point("loss", index % 5 === 0 ? NaN : (index * 37) % 20)], params: pairs({ half: String(index % 2), rare: String(index % 50), place: `p-${index}` }),
        });
      }
      const runs = await allPages((after) => store.searchRuns({ experiments: [experiment], conditions: [], order: [], view: "active", limit: 60, after }));
      assert.equal(runs.length, count);
      for (const [key, value] of [["half", "1"], ["rare", "7"]] as const) {
        for (const descending of [true, false]) {
          const search = { conditions: [{ kind: "param", key, operator: "=", value }], order: [{ kind: "metric", key: "loss", descending }] } as const;
          for (const limit of [1, 3, 100]) {
            const found = await allPages((after) => store.searchRuns({ experiments: [experiment], view: "active", ...search, limit, after }));
            assert.deepEqual(found.map(({ id }) => id), naiveSearch(runs, search).map(({ id }) => id));
          }
        }
      }
      // What goes with time is not where a walk by start expects it.
      for (const value of ["p-1%", "p-2_%", "p-14", "p-%9"]) {
        for (const order of [[], [{ kind: "attribute", key: "startTime", descending: true }], [{ kind: "attribute", key: "startTime", descending: false }]] as const) {
          const search = { conditions: [{ kind: "param", key: "place", operator: "LIKE", value }], order } as const;
          for (const limit of [1, 2, 100]) {
            const found = await allPages((after) => store.searchRuns({ experiments: [experiment], view: "active", ...search, limit, after }));
            assert.deepEqual(found.map(({ id }) => id), naiveSearch(runs, search).map(({ id }) => id), `${value} ${limit}`);
          }
        }
      }
    });

    it("reads only the entries that are asked for", async () => {
      const { store } = await open();
      const experiment = await newExperiment(store);
      for (const number of [1, 2]) {
        const id = await newRun(store, experiment, number, { metrics: [point("a", number), point("b", NaN)], params: pairs({ a: "1", "b c": "😀" }), tags: pairs({ a: "x", b: "y" }) });
        await store.logInputs(id, { datasets: [{ dataset: { name: "d", digest: "1", sourceType: "s", source: "" }, tags: [] }], models: ["m-1"] });
      }
      const search = { experiments: [experiment], conditions: [], order: [], view: "active", limit: 10, after: null } as const;
      const keysOf = async (only: { metrics: string[]; params: string[]; tags: string[] }): Promise<string[][][]> =>
        (await store.searchRuns({ ...search, only })).items.map((run) => {
          assert.deepEqual([run.datasets, run.modelInputs, run.modelOutputs, run.experiment, run.user], [[], [], [], experiment, "u"]);
          return [run.metrics, run.params, run.tags].map((entries: readonly { key: string }[]) => entries.map(({ key }) => key));
        });
      const both = <Value>(value: Value): Value[] => [value, value];
      assert.deepEqual(await keysOf({ metrics: [], params: [], tags: [] }), both([[], [], []]));
      assert.deepEqual(await keysOf({ metrics: ["b", "none"], params: [], tags: ["a", "mlflow.runName"] }), both([["b"], [], ["a", "mlflow.runName"]]));
      assert.deepEqual(await keysOf({ metrics: ["a"], params: ["b c", "a"], tags: [] }), both([["a"], ["a", "b c"], []]));
      assert.deepEqual(await keysOf({ metrics: ["b"], params: ["a", "b"], tags: [] }), both([["b"], ["a"], []]), "another list of the same length");
      const [latest] = (await store.searchRuns({ ...search, only: { metrics: ["a"], params: ["b c"], tags: [] } })).items;
      assert.deepEqual([latest!.metrics[0]!.value, latest!.params[0]!.value], [2, "😀"]);
    });

    it("finds nothing in no experiment, and refuses the token of another search and fields that runs do not have", async () => {
      const { store } = await open();
      const experiment = await newExperiment(store);
      for (const number of [1, 2, 3]) await newRun(store, experiment, number);
      const search = { experiments: [experiment], conditions: [], order: [], view: "active", limit: 2, after: null } as const;
      assert.deepEqual(await store.searchRuns({ ...search, experiments: [] }), { items: [], next: null });
      assert.deepEqual(await store.searchRuns({ ...search, experiments: ["77", "x"] }), { items: [], next: null });
      const { next } = await store.searchRuns(search);
      for (const change of [{ view: "all" }, { experiments: ["0", experiment] }, { order: [{ kind: "attribute", key: "name", descending: true }] }, { conditions: [{ kind: "attribute", key: "name", operator: "=", value: "x" }] }] as const) {
        await assert.rejects(store.searchRuns({ ...search, ...change, after: next }), failsWith("INVALID_PARAMETER"));
      }
      assert.equal((await store.searchRuns({ ...search, limit: 1, after: next })).items.length, 1, "another size of page is the same search");
      await assert.rejects(store.searchRuns({ ...search, after: "rubbish" }), failsWith("INVALID_PARAMETER"));
      for (const key of ["nothing", "constructor"]) {
        await assert.rejects(store.searchRuns({ ...search, order: [{ kind: "attribute", key, descending: true }] }), failsWith("INVALID_PARAMETER"));
      }
    });
  });
}
