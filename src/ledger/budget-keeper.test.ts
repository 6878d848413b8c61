import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { epochMs, ManualClock } from "../core/clock.ts";
import type { DomainEvent } from "../core/domain-event.ts";
import { TimeOrderedIds } from "../core/ids.ts";
import { silentLogger } from "../core/logger.ts";
import { BudgetAlerts } from "./budget-alerts.ts";
import { BudgetKeeper, type Reservation, type ReserveRequest, type Settlement } from "./budget-keeper.ts";
import type { BudgetStore } from "./budget-store.ts";
import { nanoDollars, type Attribution } from "./ledger-entry.ts";
import { MemoryBudgetStore } from "./memory-budget-store.ts";
import type { Budget, SpendLimits } from "./schemas.ts";

/** 2026-11-21T12:00:00Z */
const noon = 1_795_262_400_000;
const attribution: Attribution = { actor: "key:key_1", team: "search", project: "web", route: "chat", user: null, session: null, traceId: null, agentRun: null, tags: {} };

function keeperAt(start = noon) {
  const clock = new ManualClock(start);
  const alerts: DomainEvent[] = [];
  const given = new Set<string>();
  const faults = { next: 0 };
  const store = {
    alertOnce: (scope: string, threshold: number, event: DomainEvent) => {
      if (faults.next-- > 0) return Promise.reject(new Error("no database"));
      const isFirst = !given.has(`${scope} ${threshold}`);
      given.add(`${scope} ${threshold}`);
      if (isFirst) alerts.push(event);
      return Promise.resolve(isFirst);
    },
  };
  const open = () => {
    const told = new BudgetAlerts({ store, logger: silentLogger });
    const keeper = new BudgetKeeper({ store: new MemoryBudgetStore({ clock, spentBefore: (scope) => spentBefore.get(scope) ?? 0 }), alerts: told, clock, ids: new TimeOrderedIds(clock) });
    return { keeper, told };
  };
  const spentBefore = new Map<string, number>();
  return { clock, alerts, faults, spentBefore, reopen: open, ...open() };
}

const budget = (scope: "team" | "project", name: string, limits: SpendLimits): Budget => ({ scope, team: "search", name, limits, updatedAt: 0, updatedBy: "local" });
const asked = (dollars: number, limits: ReserveRequest["limits"], now = noon): ReserveRequest => ({ attribution, limits, worstNano: dollars * nanoDollars, now: epochMs(now) });
const cost = (dollars: number, since = noon): Settlement => ({ attribution, since: epochMs(since), actualNano: dollars * nanoDollars });
const reserved = (keeper: BudgetKeeper, request: ReserveRequest): Reservation => {
  const reservation = keeper.reserve(request);
  assert.ok(reservation !== null && !(reservation instanceof Promise));
  return reservation;
};
const spend = (keeper: BudgetKeeper, dollars: number, limits: ReserveRequest["limits"], now = noon): void => void keeper.settle(reserved(keeper, asked(dollars, limits, now)), cost(dollars, now), epochMs(now));

describe("BudgetKeeper", () => {
  it("reserves nothing where no budget of a window applies", () => {
    const { keeper } = keeperAt();
    assert.equal(keeper.reserve(asked(1e6, {})), null);
    assert.equal(keeper.isHeld({ attribution, limits: {} }), false);
    assert.equal(keeper.reserve(asked(1, { key: { perQuery: 1 } })), null);
    assert.equal(keeper.isHeld({ attribution, limits: { key: { perQuery: 1 } } }), true);
  });

  it("refuses by the budget that does not hold the call: of key, route, team or project", () => {
    const { keeper } = keeperAt();
    const refusal = (pattern: RegExp) => (error: unknown) => error instanceof Error && "code" in error && error.code === "BUDGET_EXCEEDED" && pattern.test(error.message);
    assert.throws(() => keeper.reserve(asked(1.01, { key: { perQuery: 1 } })), refusal(/key key_1 allows \$1\.00 for one call, and this one may cost \$1\.01/));
    assert.throws(() => keeper.reserve(asked(2, { route: { day: 1.5 } })), refusal(/route chat for this day is \$1\.50: \$0\.00 are spent, and this call may cost \$2\.00/));
    keeper.load([budget("team", "search", { month: 10 }), budget("project", "web", { day: 5 })]);
    spend(keeper, 4, {});
    assert.throws(() => keeper.reserve(asked(2, {})), refusal(/project search\/web for this day is \$5\.00: \$4\.00 are spent/));
    reserved(keeper, asked(0.25, {}));
    assert.throws(() => keeper.reserve(asked(1, {})), refusal(/\$0\.25 are reserved for calls under way/));
  });

  it("frees a day at midnight of UTC and keeps the month", () => {
    const { keeper } = keeperAt();
    const limits = { key: { day: 2, month: 3 } };
    spend(keeper, 2, limits);
    assert.throws(() => keeper.reserve(asked(1, limits)), { code: "BUDGET_EXCEEDED" });
    spend(keeper, 1, limits, noon + 12 * 3_600_000);
    assert.throws(() => keeper.reserve(asked(0.5, limits, noon + 12 * 3_600_000)), /for this month is \$3\.00/);
    // 2026-12-01
    spend(keeper, 2, limits, noon + 9.5 * 86_400_000);
  });

  it("settles with what a call cost, and releases what was none", () => {
    const { keeper } = keeperAt();
    const limits = { key: { day: 1 } };
    const [first, second] = [reserved(keeper, asked(0.6, limits)), reserved(keeper, asked(0.4, limits))];
    void keeper.settle(first, cost(0.1), epochMs(noon));
    void keeper.release(second);
    reserved(keeper, asked(0.9, limits));
    assert.throws(() => keeper.reserve(asked(0.01, limits)), { code: "BUDGET_EXCEEDED" });
  });

  it("counts in a new budget what calls cost that were under way when it was set", async () => {
    const { keeper, spentBefore } = keeperAt();
    const limits = { key: { day: 100 } };
    const [free, held] = [keeper.reserve(asked(1, {})), reserved(keeper, asked(1, limits))];
    assert.equal(free, null);
    const useOfTeam = async (): Promise<number[]> => (await keeper.useOf("team:search", { day: 10, month: 10 }, epochMs(noon))).map(({ spent }) => spent / nanoDollars);
    keeper.load([budget("team", "search", { day: 10, month: 10 })]);
    spend(keeper, 3, {});
    void keeper.settle(free, cost(1), epochMs(noon));
    void keeper.settle(held, cost(2), epochMs(noon));
    assert.deepEqual(await useOfTeam(), [6, 6]);
    assert.deepEqual((await keeper.useOf("key:key_1", limits.key, epochMs(noon))).map(({ spent }) => spent / nanoDollars), [6]);
    keeper.load([]);
    void keeper.settle(null, cost(2), epochMs(noon));
    keeper.load([budget("team", "search", { day: 10 })]);
    assert.deepEqual(await useOfTeam(), [8, 8]);
    assert.throws(() => keeper.reserve(asked(2.5, {})), { code: "BUDGET_EXCEEDED" });
    // The ledger knows what was spent before the first call that met it; a route's is told when the call ends.
    spentBefore.set("route:chat/day/2026-11-21", 5 * nanoDollars);
    void keeper.settle(null, { ...cost(1), limits: { route: { day: 6.5 } } }, epochMs(noon));
    assert.throws(() => keeper.reserve(asked(1, { route: { day: 6.5 } })), /\$6\.00 are spent/);
  });

  it("never counts too little of what many callers spend while budgets come and go", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.constantFrom("begin", "begin", "end", "end", "set", "remove"), fc.nat({ max: 50 })), { maxLength: 60 }), async (steps) => {
        // As the ledger keeps it: what was settled is recorded in the same turn.
        const { keeper, spentBefore } = keeperAt();
        const open: (Reservation | null)[] = [];
        let all = 0;
        for (const [step, number] of steps) {
          if (step === "set") keeper.load([budget("team", "search", number % 2 === 0 ? { day: 1000 } : { month: 1000, day: 900 })]);
          else if (step === "remove") keeper.load([]);
          else if (step === "begin") open.push((await keeper.reserve(asked(1, number % 3 === 0 ? { key: { day: 1000 } } : {}))) ?? null);
          else if (open.length > 0) {
            const [reservation] = open.splice(number % open.length, 1);
            await keeper.settle(reservation!, cost(number), epochMs(noon));
            all += number;
            for (const window of ["day/2026-11-21", "month/2026-11"]) spentBefore.set(`team:search/${window}`, all * nanoDollars);
          }
        }
        const uses = await keeper.useOf("team:search", { day: 1000, month: 1000 }, epochMs(noon));
        assert.deepEqual(uses.map(({ spent }) => spent / nanoDollars), [all, all]);
      }),
      { numRuns: 200 },
    );
  });

  it("keeps the reservation of a call under way whatever the wall clock is set to", async () => {
    const { keeper, clock } = keeperAt();
    const limits = { key: { month: 1 } };
    reserved(keeper, asked(1, limits));
    for (const change of [-86_400_000, 3 * 86_400_000, -2 * 86_400_000]) {
      clock.set(change);
      for (let minute = 0; minute < 5; minute++) {
        clock.advance(60_000);
        await keeper.tick(clock.now());
      }
      assert.throws(() => keeper.reserve(asked(1, limits)), { code: "BUDGET_EXCEEDED" });
    }
  });

  it("settles with a store that is away and tells no states", async () => {
    const clock = new ManualClock(noon);
    const settled: number[] = [];
    const store: BudgetStore = {
      reserve: () => Promise.resolve({ reserved: true }), renew: () => undefined, release: () => undefined, states: () => Promise.resolve([]),
      settle: (_reservation, _scopes, actual) => (settled.push(actual), Promise.resolve([])),
    };
    const keeper = new BudgetKeeper({ store, alerts: new BudgetAlerts({ store: { alertOnce: () => Promise.resolve(true) }, logger: silentLogger }), clock, ids: new TimeOrderedIds(clock) });
    const reservation = await keeper.reserve(asked(1, { key: { day: 1, month: 1 } }));
    await keeper.settle(reservation!, cost(0.9), epochMs(noon));
    assert.deepEqual(settled, [0.9 * nanoDollars]);
  });

  it("keeps the reservation of a long call while it is under way, and no longer than any call may take", async () => {
    const { keeper, clock } = keeperAt();
    const limits = { key: { month: 1 } };
    reserved(keeper, asked(1, limits));
    const forMinutes = async (minutes: number): Promise<void> => {
      for (let minute = 0; minute < minutes; minute++) {
        clock.advance(60_000);
        await keeper.tick(clock.now());
      }
    };
    await forMinutes(60);
    assert.throws(() => keeper.reserve(asked(1, limits, clock.now())), { code: "BUDGET_EXCEEDED" });
    await forMinutes(70);
    reserved(keeper, asked(1, limits, clock.now()));
  });

  it("calls a budget of less than a billionth used up", async () => {
    const { keeper } = keeperAt();
    const [use] = await keeper.useOf("team:search", { day: 1e-12 }, epochMs(noon));
    assert.deepEqual([use!.limit, use!.percent], [0, 100]);
  });

  it("alerts once at 50, 80 and 100 percent, also after a restart, and when the rest is too little", async () => {
    const { keeper, told, alerts, spentBefore, reopen } = keeperAt();
    const limits = { key: { day: 10 } };
    spend(keeper, 4.9, limits);
    assert.equal(alerts.length, 0);
    spend(keeper, 0.2, limits);
    spend(keeper, 0.2, limits);
    await told.settled();
    spend(keeper, 3, limits);
    await told.settled();
    assert.deepEqual(alerts.map(({ payload }) => payload), [
      { budget: "key:key_1", window: "day", threshold: 50, spent: 5.1, limit: 10 }, { budget: "key:key_1", window: "day", threshold: 80, spent: 8.3, limit: 10 },
    ]);
    spentBefore.set("key:key_1/day/2026-11-21", 8.3 * nanoDollars);
    const again = reopen();
    spend(again.keeper, 0.1, limits);
    assert.throws(() => again.keeper.reserve(asked(2, limits)), { code: "BUDGET_EXCEEDED" });
    await again.told.settled();
    assert.deepEqual(alerts.map(({ payload }) => payload.threshold), [50, 80, 100]);
    assert.deepEqual([alerts[2]!.object, alerts[2]!.team], ["key:key_1", "search"]);
  });

  it("alerts anew for a limit that is changed within the window, and not for one that is set again", async () => {
    const { keeper, told, alerts, spentBefore, reopen } = keeperAt();
    const [former, raised] = [{ key: { day: 10 } }, { key: { day: 20 } }];
    spend(keeper, 9, former);
    assert.throws(() => keeper.reserve(asked(2, former)), { code: "BUDGET_EXCEEDED" });
    await told.settled();
    for (const dollars of [0.5, 1, 6, 3.5]) {
      spend(keeper, dollars, raised);
      await told.settled();
    }
    assert.deepEqual(alerts.map(({ payload: { threshold, spent, limit } }) => [threshold, spent, limit]), [[80, 9, 10], [100, 9, 10], [50, 10.5, 20], [80, 16.5, 20], [100, 20, 20]]);
    spentBefore.set("key:key_1/day/2026-11-21", 20 * nanoDollars);
    for (const { keeper: one, told: its } of [{ keeper, told }, reopen()]) {
      for (const limits of [former, raised]) assert.throws(() => one.reserve(asked(1, limits)), { code: "BUDGET_EXCEEDED" });
      await its.settled();
    }
    assert.equal(alerts.length, 5);
  });

  it("says how many calls each budget refused in its window: one that is too small for any call has spent nothing", async () => {
    const { keeper, clock } = keeperAt();
    const refused = async (): Promise<unknown[]> => (await keeper.useOf("key:key_1", { day: 1, month: 100 }, clock.now())).map((use) => [use.window, use.spent, use.refused]);
    assert.deepEqual(await refused(), [["day", 0, undefined], ["month", 0, undefined]]);
    for (let calls = 0; calls < 2; calls++) assert.throws(() => keeper.reserve(asked(2, { key: { day: 1, month: 100 } })), { code: "BUDGET_EXCEEDED" });
    assert.deepEqual(await refused(), [["day", 0, 2], ["month", 0, undefined]]);
    clock.advance(86_400_000);
    await keeper.tick(clock.now());
    assert.deepEqual(await refused(), [["day", 0, undefined], ["month", 0, undefined]]);
  });

  it("alerts of what is known to be spent, once beside what calls tell, for the windows of now alone", async () => {
    const { keeper, told, alerts, clock } = keeperAt();
    const spent = new Map([["key:key_1/day/2026-11-21", 4], ["key:key_1/month/2026-11", 90]]);
    const look = (limits: SpendLimits): Promise<void> => {
      keeper.look({ owner: "key:key_1", team: "search", limits }, (scope) => (spent.get(scope) ?? 0) * nanoDollars, clock.now());
      return told.settled();
    };
    const given = (): unknown[] => alerts.splice(0).map(({ object, team, payload: { window, threshold, limit } }) => [object, team, window, threshold, limit]);
    await look({ day: 10, month: 200 });
    assert.deepEqual(given(), []);
    spend(keeper, 6, { key: { day: 10 } });
    spent.set("key:key_1/day/2026-11-21", 10);
    for (let times = 0; times < 3; times++) await look({ day: 10, month: 100 });
    assert.deepEqual(given(), [["key:key_1", "search", "day", 50, 10], ["key:key_1", "search", "day", 100, 10], ["key:key_1", "search", "month", 80, 100]]);
    // Raised and lowered.
    for (const month of [1000, 150, 90]) await look({ month });
    assert.deepEqual(given(), [["key:key_1", "search", "month", 50, 150], ["key:key_1", "search", "month", 100, 90]]);
    // Another day, and another month.
    for (const time of [Date.UTC(2026, 10, 30, 23, 59, 59, 999), Date.UTC(2026, 11, 1)]) {
      clock.set(time - clock.now());
      await look({ day: 10, month: 80 });
    }
    assert.deepEqual(given(), [["key:key_1", "search", "month", 100, 80]]);
    // Nothing of a budget of nothing that nobody asked for.
    await look({ day: 0 });
    assert.deepEqual(given(), []);
  });

  it("gives an alert later that the database did not take", async () => {
    const { keeper, told, alerts, faults } = keeperAt();
    faults.next = 1;
    spend(keeper, 6, { key: { day: 10 } });
    await told.settled();
    assert.equal(alerts.length, 0);
    await keeper.tick(epochMs(noon));
    await told.settled();
    assert.equal(alerts.length, 1);
  });
});
