import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { epochMs } from "../core/clock.ts";
import type { LedgerEntry } from "./ledger-entry.ts";
import type { CostQuery, LedgerStore } from "./ledger-store.ts";
import type { CostGrouping } from "./schemas.ts";

const hourMs = 3_600_000;
/** 2026-11-21T00:00:00Z */
const day = 1_795_219_200_000;
const everything: CostQuery = { by: [], filter: {}, teams: null, actor: null, since: epochMs(0), until: epochMs(day * 2) };
let made = 0;

/** An entry of the ledger with what a test is not about filled in. */
export function ledgerEntry(given: Partial<Omit<LedgerEntry, "attribution">> & { attribution?: Partial<LedgerEntry["attribution"]> } = {}): LedgerEntry {
  const { attribution, ...rest } = given;
  return {
    id: `led_${String(++made).padStart(8, "0")}`, time: epochMs(day), kind: "llm", provider: "openai", model: "gpt-5-mini", outcome: "ok", estimated: false,
    tokens: { input: 10, cacheRead: 3, cacheWrite: null, output: 5 }, cost: 1000, priceVersion: "2026-08-21", totalMs: 812.5, firstByteMs: null, ...rest,
    attribution: { actor: "key:key_1", team: "search", project: null, route: null, user: null, session: null, traceId: null, agentRun: null, tags: {}, ...attribution },
  };
}

function add(store: Pick<LedgerStore, "add">, entries: readonly LedgerEntry[]): Promise<void> {
  return store.add(entries.map((entry) => JSON.stringify(entry)));
}

/** What every store of the ledger promises. */
export function ledgerStoreConformance(adapter: string, open: () => Promise<LedgerStore>): void {
  describe(`LedgerStore: ${adapter}`, () => {
    const costs = async (store: LedgerStore, by: readonly CostGrouping[], query: Partial<CostQuery> = {}): Promise<[...(string | null)[], number][]> =>
      (await store.costs({ ...everything, ...query, by }, 100)).map(({ group, cost }) => [...Object.values(group), cost]);

    it("gives back an entry as it was, also one with nothing but what it must have", async () => {
      const store = await open();
      const full = ledgerEntry({
        outcome: "failed", estimated: true, cost: null, priceVersion: null, firstByteMs: 12.25, tokens: { input: null, cacheRead: 0, cacheWrite: 4, cacheWriteHour: 6, output: null }, units: { audioInput: 3, audioOutput: 0, searchUnits: 2, webSearches: 5 },
        attribution: { project: "p", route: "r", user: "ü", session: "s", traceId: "t", agentRun: "a", tags: { env: "prod", "": "x" } },
      });
      const bare = ledgerEntry({ time: epochMs(day + 1) });
      const searched = ledgerEntry({ time: epochMs(day + 2), units: { webSearches: 1 } });
      const replayed = [70, null].map((savedCost, index) => ledgerEntry({ time: epochMs(day + 3 + index), outcome: "cached", cost: 0, savedCost }));
      await add(store, [full, bare, searched, ...replayed]);
      assert.deepEqual(await store.entries({ ...everything, after: null, limit: 10 }), [replayed[1], replayed[0], searched, bare, full]);
      assert.deepEqual(await store.forTrace("t"), [full]);
      assert.deepEqual(await store.forTrace(""), []);
    });

    it("counts an entry once, however often it is added", async () => {
      const store = await open();
      const [one, other] = [ledgerEntry({ attribution: { tags: { env: "a" } } }), ledgerEntry()];
      await add(store, [one, one]);
      await Promise.all([add(store, [other, one]), add(store, [one, other])]);
      assert.deepEqual(await costs(store, ["team"]), [["search", 2000]]);
      assert.equal((await store.entries({ ...everything, after: null, limit: 10 })).length, 2);
    });

    it("tells calls of the gateway and those that spans tell of apart, and sums them together, at the edges of hours and within; what budgets ask for has the gateway's alone", async () => {
      const store = await open();
      const times = [day - 1, day, day + 1000, day + hourMs - 1, day + hourMs, day + 3 * hourMs + 5];
      const calls = times.map((time, index) => ledgerEntry({ time: epochMs(time), cost: 1 << index, attribution: { traceId: `trace-${index}` } }));
      const told = times.map((time, index) => ledgerEntry({ time: epochMs(time), cost: 100 << index, source: "trace", priceVersion: "reported", attribution: { project: "shop", traceId: `trace-${index}` } }));
      await add(store, [...calls, ...told]);
      for (const [since, until] of [[0, day * 2], [day, day + 2 * hourMs], [day + 500, day + hourMs], [day + 1, day + 4 * hourMs]] as const) {
        const sum = (entries: readonly LedgerEntry[]): number => entries.filter(({ time }) => time >= since && time < until).reduce((whole, { cost }) => whole + cost!, 0);
        const range = { since: epochMs(since), until: epochMs(until) };
        assert.deepEqual(await costs(store, ["source"], range), [["trace", sum(told)], ["gateway", sum(calls)]]);
        assert.deepEqual(await costs(store, [], range), [[sum(told) + sum(calls)]]);
        assert.deepEqual(await costs(store, [], { ...range, filter: { source: "trace" } }), [[sum(told)]]);
        assert.deepEqual(await costs(store, ["project"], { ...range, filter: { source: "gateway" } }), [[null, sum(calls)]]);
        assert.deepEqual(await costs(store, ["source", "user"], range), [["trace", null, sum(told)], ["gateway", null, sum(calls)]]);
      }
      assert.deepEqual(await costs(store, ["source"], { filter: { trace: "trace-2" } }), [["trace", 400], ["gateway", 4]]);
      assert.deepEqual(await store.forTrace("trace-1"), [calls[1], told[1]]);
      assert.equal((await store.spentBetween(epochMs(0), epochMs(9e12))).reduce((whole, { cost }) => whole + cost, 0), 63);
    });

    it("sums what answers from the cache saved, the same by hours, by days of users and by entries, and tells those of which nobody knows it from those that an older release wrote", async () => {
      const store = await open();
      const hit = (time: number, savedCost: number | null | undefined, user: string): LedgerEntry => ledgerEntry({ time: epochMs(time), outcome: "cached", cost: 0, ...(savedCost === undefined ? {} : { savedCost }), attribution: { user, route: "r" } });
      const dayMs = 24 * hourMs;
      // In whole days and hours, and at both edges of the time.
      const times = [day - 2 * dayMs + 5, day - dayMs + 7 * hourMs, day + 3 * hourMs + 1];
      for (const time of times) await add(store, [hit(time, 4_000_000_000_000_001, "ann"), hit(time, 20, "ann"), hit(time, 0, "bob"), hit(time, null, "bob"), hit(time, undefined, "bob"), ledgerEntry({ time: epochMs(time), attribution: { user: "bob" } })]);
      const range = { since: epochMs(times[0]!), until: epochMs(times[2]! + 1) };
      const sums = async (by: readonly CostGrouping[], query: Partial<CostQuery> = {}): Promise<unknown[]> =>
        (await store.costs({ ...everything, ...range, ...query, by }, 9)).map(({ group, calls, cached, savedCost, savedUnpriced, savedUntold }) => [...Object.values(group), calls, cached, savedCost, savedUnpriced, savedUntold]);
      const all = [18, 15, 12_000_000_000_000_063, 3, 3];
      assert.deepEqual(await sums([]), [all]);
      assert.deepEqual(await sums(["session"]), [[null, ...all]]);
      assert.deepEqual(await sums(["route"]), [[null, 3, 0, 0, 0, 0], ["r", 15, 15, 12_000_000_000_000_063, 3, 3]]);
      assert.deepEqual(await sums(["user"]), [["bob", 12, 9, 0, 3, 3], ["ann", 6, 6, 12_000_000_000_000_063, 0, 0]]);
      assert.deepEqual(await sums(["user"], { filter: { outcome: "cached" }, teams: ["search"] }), [["bob", 9, 9, 0, 3, 3], ["ann", 6, 6, 12_000_000_000_000_063, 0, 0]]);
      assert.deepEqual(await sums(["user"], { filter: { outcome: "ok" } }), [["bob", 3, 0, 0, 0, 0]]);
      assert.deepEqual((await store.entries({ ...everything, filter: { outcome: "cached" }, after: null, limit: 5 })).map(({ savedCost }) => savedCost).sort(), [0, 20, 4_000_000_000_000_001, null, undefined].sort());
    });

    it("keeps whole sums of large amounts", async () => {
      const store = await open();
      const large = 4_000_000_000_000_001;
      await add(store, [ledgerEntry({ cost: large }), ledgerEntry({ cost: large })]);
      assert.deepEqual(await costs(store, []), [[2 * large]]);
    });

    it("pages from the newest to the oldest, also through entries of one moment", async () => {
      const store = await open();
      const entries = Array.from({ length: 7 }, (_, index) => ledgerEntry({ time: epochMs(day + Math.floor(index / 3)) }));
      await add(store, entries);
      const seen: string[] = [];
      for (let after: { time: number; id: string } | null = null; ;) {
        const page: LedgerEntry[] = await store.entries({ ...everything, after, limit: 2 });
        seen.push(...page.map(({ id }) => id));
        if (page.length < 2) break;
        after = page[1]!;
      }
      assert.deepEqual(seen, entries.toReversed().sort((one, other) => other.time - one.time || (one.id < other.id ? 1 : -1)).map(({ id }) => id));
    });

    it("shows the teams that are asked for and no others", async () => {
      const store = await open();
      await add(store, [ledgerEntry(), ledgerEntry({ attribution: { team: "ads" }, cost: 7 })]);
      assert.deepEqual(await costs(store, ["team"], { teams: ["ads"] }), [["ads", 7]]);
      assert.deepEqual(await costs(store, ["team"], { teams: [] }), []);
      assert.equal((await store.entries({ ...everything, teams: ["ads"], after: null, limit: 9 })).length, 1);
      assert.deepEqual(await store.entries({ ...everything, teams: [], after: null, limit: 9 }), []);
    });

    it("shows the calls of one caller, beside those of teams or alone, and no others", async () => {
      const store = await open();
      const of = (actor: string, team: string, cost: number, time = day): LedgerEntry => ledgerEntry({ time: epochMs(time), cost, attribution: { actor, team, user: "u" } });
      // In hours and days that are summed up, and at both edges of the time.
      const times = [day - 2 * 86_400_000 + 1, day - 86_400_000 + 5000, day + 1, day + 3 * hourMs + 7];
      for (const time of times) await add(store, [of("key:a", "search", 1, time), of("key:b", "search", 10, time), of("key:a", "ads", 100, time), of("key:b", "ads", 1000, time)]);
      const range = { since: epochMs(times[0]!), until: epochMs(times[3]! + 1) };
      const seen = async (query: Partial<CostQuery>): Promise<number[]> => {
        const sums = await Promise.all((["key", "user", "team", "day"] as const).map(async (by) => (await costs(store, [by], { ...range, ...query })).reduce((sum, [, cost]) => sum + Number(cost), 0)));
        const entries = await store.entries({ ...everything, ...range, ...query, after: null, limit: 99 });
        return [...new Set([...sums, entries.reduce((sum, { cost }) => sum + cost!, 0)])];
      };
      assert.deepEqual(await seen({ teams: [], actor: "key:a" }), [404]);
      assert.deepEqual(await seen({ teams: [], actor: "key:b" }), [4040]);
      assert.deepEqual(await seen({ teams: ["ads"], actor: "key:a" }), [4404]);
      assert.deepEqual(await seen({ teams: [], actor: "key:c" }), [0]);
      assert.deepEqual(await seen({ teams: [], actor: "key:a", filter: { team: "ads" } }), [400]);
      assert.deepEqual(await seen({ teams: [], actor: "key:a", filter: { key: "key:b" } }), [0]);
      assert.deepEqual(await seen({ teams: null, actor: "key:a" }), [4444]);
    });

    it("groups by tags, users, sessions, agents' runs and traces, and finds by them", async () => {
      const store = await open();
      await add(store, [
        ledgerEntry({ cost: 1, attribution: { user: "ann", session: "s1", agentRun: "a1", traceId: "t1", tags: { env: "prod", unit: "x=y" } } }),
        ledgerEntry({ cost: 2, attribution: { user: "bob", session: "s1", traceId: "t1", tags: { env: "test" } } }),
        ledgerEntry({ cost: 4 }),
      ]);
      assert.deepEqual(await costs(store, ["tag:env"]), [[null, 4], ["test", 2], ["prod", 1]]);
      assert.deepEqual(await costs(store, ["user", "tag:unit"]), [[null, null, 4], ["bob", null, 2], ["ann", "x=y", 1]]);
      assert.deepEqual(await costs(store, ["session"], { filter: { session: "s1" } }), [["s1", 3]]);
      assert.deepEqual(await costs(store, ["team"], { filter: { agentRun: "a1" } }), [["search", 1]]);
      assert.deepEqual(await costs(store, ["trace", "agentRun"]), [[null, null, 4], ["t1", null, 2], ["t1", "a1", 1]]);
      assert.deepEqual(await costs(store, [], { filter: { tag: "unit=x=y" } }), [[1]]);
      assert.deepEqual(await costs(store, ["day"], { filter: { tag: "env=none" } }), []);
    });

    it("names days and hours, and tells failures, answers from the cache and unknown prices apart", async () => {
      const store = await open();
      const later = epochMs(day + 25 * hourMs);
      await add(store, [
        ledgerEntry({ outcome: "failed", cost: 0 }), ledgerEntry({ outcome: "cached", cost: 0 }), ledgerEntry({ outcome: "cancelled", cost: 0 }), ledgerEntry({ outcome: "interrupted", cost: 0 }),
        ledgerEntry({ cost: null, time: later }), ledgerEntry({ outcome: "failed-over", cost: 2, time: later }), ledgerEntry({ outcome: "outrun", cost: 4, time: later }),
      ]);
      assert.deepEqual((await store.costs({ ...everything, by: ["hour"] }, 9)).map(({ group, calls, lostAttempts, failed, cached, unpriced, inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens }) =>
        [group, calls, lostAttempts, failed, cached, unpriced, inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens]), [
        [{ hour: "2026-11-22T01:00Z" }, 1, 2, 0, 0, 1, 30, 9, 0, 15], [{ hour: "2026-11-21T00:00Z" }, 4, 0, 1, 1, 0, 40, 12, 0, 20],
      ]);
      assert.deepEqual(await costs(store, ["day"]), [["2026-11-22", 6], ["2026-11-21", 0]]);
      // By single entries, by outcome, and by days of users: the same.
      for (const by of [["session"], ["user"], ["team"]] as const) assert.deepEqual((await store.costs({ ...everything, by: [...by] }, 9)).map(({ calls, lostAttempts }) => [calls, lostAttempts]), [[5, 2]], by[0]);
      assert.deepEqual((await store.costs({ ...everything, by: ["outcome"], filter: { outcome: "outrun" } }, 9)).map(({ group, calls, lostAttempts, cost }) => [group, calls, lostAttempts, cost]), [[{ outcome: "outrun" }, 0, 1, 4]]);
    });

    it("sums any time exactly, with the same result by hours and by entries", async () => {
      const store = await open();
      const entries = Array.from({ length: 60 }, (_, index) => ledgerEntry({ time: epochMs(day + index * 540_001), cost: 2 ** (index % 40), attribution: { route: `r${index % 3}`, user: `u${index % 2}` } }));
      await add(store, entries);
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: -1, max: 9 * hourMs }), fc.integer({ min: 0, max: 9 * hourMs }), async (from, length) => {
          const [since, until] = [epochMs(day + from), epochMs(day + from + length)];
          const inside = entries.filter(({ time }) => time >= since && time < until);
          for (const route of ["r0", "r1", "r2"]) {
            const own = inside.filter(({ attribution }) => attribution.route === route);
            const expected = own.length === 0 ? [] : [[route, own.reduce((sum, { cost }) => sum + cost!, 0)]];
            assert.deepEqual(await costs(store, ["route"], { since, until, filter: { route } }), expected);
          }
          // By user, whether a part of what is kept is asked for or nearly all of it.
          const byUser = new Map<string | null, number>();
          for (const { attribution: { user }, cost } of inside) byUser.set(user, (byUser.get(user) ?? 0) + cost!);
          for (const teams of [null, ["search", "other"]]) assert.deepEqual(new Map((await costs(store, ["user"], { since, until, teams })) as [string, number][]), byUser);
        }),
        { numRuns: 12, examples: [[0, hourMs], [1, hourMs - 2], [hourMs - 1, 2], [1, 2 * hourMs]] },
      );
    });

    it("tells what owners have spent between the beginnings of hours, also when the entries are gone", async () => {
      const store = await open();
      const old = ledgerEntry({ time: epochMs(day - 1) });
      await add(store, [old, ledgerEntry({ time: epochMs(day + 24 * hourMs), attribution: { team: "later" } }), ledgerEntry({ cost: 5, attribution: { route: "r" } }), ledgerEntry({ cost: 6, attribution: { route: "r", tags: { a: "b" } } })]);
      const spent = [{ actor: "key:key_1", team: "search", project: null, route: "r", cost: 11 }];
      assert.deepEqual(await store.spentBetween(epochMs(day), epochMs(day + 24 * hourMs)), spent);
      assert.equal(await store.prune(epochMs(day), 100), 1);
      assert.equal(await store.prune(epochMs(day + 1), 1), 1);
      assert.equal(await store.prune(epochMs(day + 1), 100), 1);
      assert.equal(await store.prune(epochMs(day + 1), 100), 0);
      assert.deepEqual(await store.spentBetween(epochMs(day), epochMs(day + 24 * hourMs)), spent);
      assert.deepEqual(await costs(store, ["team"]), [["search", 1011], ["later", 1000]]);
    });

    it("completes entries that say no session and no agent's run, and leaves what they say", async () => {
      const store = await open();
      const [none, some, other] = [ledgerEntry({ attribution: { traceId: "t" } }), ledgerEntry({ time: epochMs(day + 1), attribution: { traceId: "t", session: "own" } }), ledgerEntry({ time: epochMs(day + 2), attribution: { traceId: "t" } })];
      await add(store, [none, some, other]);
      const told = [...["led_gone", some.id, none.id].map((id) => ({ id, session: "s", agentRun: "a" })), { id: other.id, session: null, agentRun: "b" }];
      for (let times = 0; times < 2; times++) await store.complete(told);
      await store.complete([{ id: none.id, session: "late", agentRun: "late" }]);
      await store.complete([]);
      assert.deepEqual((await store.forTrace("t")).map(({ attribution: { session, agentRun } }) => [session, agentRun]), [["s", "a"], ["own", "a"], [null, "b"]]);
      assert.deepEqual((await costs(store, ["agentRun"])).sort(), [["a", 2000], ["b", 1000]]);
      const many = Array.from({ length: 450 }, (_, index) => ledgerEntry({ id: `led_many_${index}` }));
      await add(store, many);
      await store.complete(many.map(({ id }) => ({ id, session: "many", agentRun: null })));
      assert.deepEqual(await costs(store, ["session"], { filter: { session: "many" } }), [["many", 450_000]]);
    });

    it("knows which entries it has", async () => {
      const store = await open();
      const entry = ledgerEntry();
      await add(store, [entry]);
      assert.deepEqual(await store.known([entry.id, "led_0"]), new Set([entry.id]));
      assert.deepEqual(await store.known([]), new Set());
    });
  });
}
