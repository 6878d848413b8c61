import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { LedgerSettingsStore } from "./ledger-settings-store.ts";
import type { SetPrice } from "./schemas.ts";

/** A store where the team search is there, and the events that were written so far, oldest first. */
export interface LedgerSettingsUnderTest {
  store: LedgerSettingsStore;
  events: () => Promise<{ type: string; object: string; team: string; actor: string }[]>;
}

const by = { actor: "key:key_1", now: epochMs(5) };

/** What every store of budgets and prices promises. */
export function ledgerSettingsStoreConformance(adapter: string, open: () => Promise<LedgerSettingsUnderTest>): void {
  describe(`LedgerSettingsStore: ${adapter}`, () => {
    it("keeps budgets by their names, and writes an event for each change", async () => {
      const { store, events } = await open();
      const project = { scope: "project", team: "search", name: "search" } as const;
      const team = { scope: "team", team: "search", name: "search" } as const;
      assert.deepEqual(await store.putBudget(team, { day: 1.5 }, by), { ...team, limits: { day: 1.5 }, updatedAt: 5, updatedBy: "key:key_1" });
      await store.putBudget(project, { month: 2 }, by);
      await store.putBudget(team, { perQuery: 3 }, { actor: "key:key_2", now: epochMs(6) });
      assert.deepEqual((await store.budgets()).map(({ scope, limits, updatedBy }) => [scope, limits, updatedBy]), [["project", { month: 2 }, "key:key_1"], ["team", { perQuery: 3 }, "key:key_2"]]);
      assert.equal(await store.removeBudget(team, by), true);
      assert.equal(await store.removeBudget(team, by), false);
      assert.equal((await store.budgets()).length, 1);
      assert.deepEqual((await events()).map(({ type, object, team: of }) => [type, object, of]), [
        ["budget.changed", "team:search", "search"], ["budget.changed", "project:search/search", "search"], ["budget.changed", "team:search", "search"], ["budget.removed", "team:search", "search"],
      ]);
    });

    it("takes no budget of a team that is not there", async () => {
      const { store, events } = await open();
      for (const name of [{ scope: "team", team: "serach", name: "serach" }, { scope: "project", team: "serach", name: "ranking" }] as const) {
        await assert.rejects(store.putBudget(name, { day: 1 }, by), (error) => error instanceof AppError && error.code === "TEAM_NOT_FOUND");
      }
      assert.deepEqual([await store.budgets(), await events()], [[], []]);
    });

    it("keeps every price that was set, in their order, once", async () => {
      const { store, events } = await open();
      const price: SetPrice = { id: "chg_1", provider: "openai", model: "gpt-5*", from: 7, rates: { input: 1, output: 2.5 }, above: { inputTokens: 1000, input: 2, output: 5 }, createdAt: 5, createdBy: "local" };
      await store.addPrice(price);
      await store.addPrice({ ...price, id: "chg_2", above: null });
      await store.addPrice({ ...price, rates: { input: 9, output: 9 } });
      assert.deepEqual(await store.prices(), [price, { ...price, id: "chg_2", above: null }]);
      assert.deepEqual((await events()).map(({ type }) => type), ["price.set", "price.set"]);
    });

    it("writes an alert once for each scope and threshold, whoever is first", async () => {
      const { store, events } = await open();
      const event = { type: "budget.alert", object: "team:search", team: "search", actor: "system", time: epochMs(5), payload: {} };
      const answers = await Promise.all(Array.from({ length: 5 }, () => store.alertOnce("team:search/day/2026-11-21", 50, event)));
      assert.deepEqual(answers.filter((each) => each), [true]);
      assert.equal(await store.alertOnce("team:search/day/2026-11-21", 80, event), true);
      assert.equal(await store.alertOnce("team:search/day/2026-11-22", 50, event), true);
      assert.equal((await events()).length, 3);
    });
  });
}
