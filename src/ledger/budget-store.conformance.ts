import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { epochMs } from "../core/clock.ts";
import type { BudgetScope, BudgetStore } from "./budget-store.ts";

/** A store that nobody used, whose leases end when its time is moved. */
export interface BudgetStoreUnderTest {
  store: BudgetStore;
  /** Answers when leases of fewer milliseconds have ended. */
  passTime: (milliseconds: number) => void | Promise<void>;
}

const far = epochMs(8_000_000_000_000);
const lease = 60_000;

/** What every store of budgets promises. `spentBefore` is to be what a new scope begins with. */
export function budgetStoreConformance(adapter: string, open: (spentBefore: (scope: string) => number) => Promise<BudgetStoreUnderTest>): void {
  describe(`BudgetStore: ${adapter}`, () => {
    const none = (): number => 0;
    const scope = (id: string, limit: number): BudgetScope => ({ id, limit, endsAt: far });

    it("reserves up to the limit and not beyond, and says what stands in the way", async () => {
      const { store } = await open(none);
      const day = [scope("a/day", 100)];
      assert.deepEqual(await store.reserve("r1", day, 60, lease), { reserved: true });
      assert.deepEqual(await store.reserve("r2", day, 41, lease), { reserved: false, scope: { id: "a/day", spent: 0, reserved: 60 } });
      assert.deepEqual(await store.reserve("r3", day, 40, lease), { reserved: true });
      assert.deepEqual(await store.settle("r1", day, 10), [{ id: "a/day", spent: 10, reserved: 40 }]);
      await store.release("r3");
      assert.deepEqual(await store.states(day), [{ id: "a/day", spent: 10, reserved: 0 }]);
    });

    it("reserves in all scopes or in none", async () => {
      const { store } = await open(none);
      const [wide, narrow] = [scope("wide", 1000), scope("narrow", 10)];
      assert.deepEqual(await store.reserve("r1", [wide, narrow], 11, lease), { reserved: false, scope: { id: "narrow", spent: 0, reserved: 0 } });
      assert.deepEqual(await store.states([wide, narrow]), [{ id: "wide", spent: 0, reserved: 0 }, { id: "narrow", spent: 0, reserved: 0 }]);
    });

    it("begins a scope that it does not know with what was spent before", async () => {
      const { store } = await open((id) => (id === "known" ? 70 : 0));
      assert.deepEqual(await store.reserve("r1", [scope("other", 100), scope("known", 100)], 31, lease), { reserved: false, scope: { id: "known", spent: 70, reserved: 0 } });
      assert.deepEqual(await store.settle("r2", [scope("known", 100)], 5), [{ id: "known", spent: 75, reserved: 0 }]);
    });

    it("counts more than was reserved, and calls whose reservation nobody knows", async () => {
      const { store } = await open(none);
      const day = [scope("a", 100)];
      await store.reserve("r1", day, 50, lease);
      assert.deepEqual(await store.settle("r1", day, 120), [{ id: "a", spent: 120, reserved: 0 }]);
      assert.deepEqual(await store.settle("never", day, 3), [{ id: "a", spent: 123, reserved: 0 }]);
      await store.release("never");
      assert.equal((await store.reserve("r2", day, 0, lease)).reserved, false);
    });

    it("settles and releases once", async () => {
      const { store } = await open(none);
      const day = [scope("a", 100)];
      for (const id of ["r1", "r2"]) await store.reserve(id, day, 50, lease);
      await store.release("r1");
      await store.release("r1");
      assert.deepEqual(await store.states(day), [{ id: "a", spent: 0, reserved: 50 }]);
      assert.deepEqual(await store.settle("r2", day, 0), [{ id: "a", spent: 0, reserved: 0 }]);
    });

    it("lets go of what a dead holder reserved, unless it was renewed", async () => {
      const { store, passTime } = await open(none);
      const day = [scope("a", 100)];
      await store.reserve("dead", day, 60, lease);
      await store.reserve("alive", day, 40, lease);
      await store.renew("alive", 10 * lease);
      await store.renew("never", lease);
      await passTime(lease + 1);
      assert.deepEqual(await store.states(day), [{ id: "a", spent: 0, reserved: 40 }]);
      assert.deepEqual(await store.reserve("r3", day, 60, lease), { reserved: true });
      // It was alive after all.
      assert.deepEqual(await store.settle("dead", day, 7), [{ id: "a", spent: 7, reserved: 100 }]);
    });

    it("admits no more than the limits hold, in whatever order callers come, end and fail", async () => {
      const step = fc.record({ call: fc.nat(11), does: fc.constantFrom("reserve", "settle", "release"), amount: fc.integer({ min: 0, max: 60 }), share: fc.double({ min: 0, max: 1, noNaN: true }), wide: fc.boolean() });
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
          const { store } = await open(none);
          const [team, key] = [scope("team", 100), scope("key", 70)];
          const held = new Map<string, { scopes: BudgetScope[]; amount: number }>();
          let spent = { team: 0, key: 0 };
          for (const { call, does, amount, share, wide } of steps) {
            const id = `call-${call}`;
            const mine = held.get(id);
            if (does === "reserve" && mine === undefined) {
              const scopes = wide ? [team, key] : [team];
              const reservedIn = (name: string): number => [...held.values()].filter(({ scopes: of }) => of.some((each) => each.id === name)).reduce((sum, each) => sum + each.amount, 0);
              const fits = spent.team + reservedIn("team") + amount <= 100 && (!wide || spent.key + reservedIn("key") + amount <= 70);
              assert.equal((await store.reserve(id, scopes, amount, lease)).reserved, fits);
              if (fits) held.set(id, { scopes, amount });
            } else if (mine !== undefined) {
              held.delete(id);
              const actual = Math.floor(mine.amount * share);
              if (does === "release") await store.release(id);
              else {
                await store.settle(id, mine.scopes, actual);
                spent = { team: spent.team + actual, key: spent.key + (mine.scopes.includes(key) ? actual : 0) };
              }
            }
            for (const { id: name, spent: of, reserved } of await store.states([team, key])) assert.ok(of + reserved <= (name === "team" ? 100 : 70), `${name}: ${of} + ${reserved}`);
          }
        }),
        { numRuns: 25 },
      );
    });

    it("holds 500 callers at once to a budget for 100", async () => {
      const { store } = await open(none);
      const day = [scope("a", 100 * 7), scope("b", 1e9)];
      const admitted = await Promise.all(Array.from({ length: 500 }, async (_, index) => {
        const { reserved } = await store.reserve(`r${index}`, day, 7, lease);
        if (reserved) await store.settle(`r${index}`, day, 7);
        return reserved;
      }));
      assert.equal(admitted.filter((each) => each).length, 100);
      assert.deepEqual(await store.states(day), [{ id: "a", spent: 700, reserved: 0 }, { id: "b", spent: 700, reserved: 0 }]);
    });
  });
}
