import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { localCaller } from "../core/caller.ts";
import { epochMs, ManualClock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { TimeOrderedIds } from "../core/ids.ts";
import type { BudgetKeeper } from "./budget-keeper.ts";
import { LedgerSettings } from "./ledger-settings.ts";
import type { LedgerSettingsStore } from "./ledger-settings-store.ts";
import { PriceBook } from "./prices/price-book.ts";
import type { SetPrice } from "./schemas.ts";

describe("prices that administrators set", () => {
  it("hold from now or within ten years, and never from a time in seconds or microseconds", async () => {
    const now = epochMs(1_795_324_294_108);
    const prices: SetPrice[] = [];
    const store: Partial<LedgerSettingsStore> = { budgets: () => Promise.resolve([]), prices: () => Promise.resolve([...prices]), addPrice: (price) => Promise.resolve(void prices.push(price)) };
    const settings = new LedgerSettings({ store: store as LedgerSettingsStore, keeper: { load: () => undefined } as unknown as BudgetKeeper, prices: new PriceBook(), ids: new TimeOrderedIds(new ManualClock()) });
    const set = (from?: number): Promise<SetPrice> => settings.setPrice(localCaller, { provider: "openai", model: "own", rates: { input: 1, output: 2 }, above: null, ...(from === undefined ? {} : { from }) }, now);
    for (const [from, problem] of [[now / 1000, /past: give milliseconds/], [now - 1, /past/], [now * 1000, /ten years ahead: give milliseconds/], [9e15, /ahead/]] as const) {
      await assert.rejects(set(Math.trunc(from)), (error) => error instanceof AppError && error.code === "INVALID_REQUEST" && error.problems[0]?.path === "from" && problem.test(error.problems[0].message));
    }
    assert.deepEqual(prices, []);
    settings.knowNames(() => ({ providers: [], models: [{ provider: "openai", model: "owm" }] }));
    assert.equal((await settings.setPrice(localCaller, { provider: "openai", model: "own", rates: { input: 1, output: 2 }, above: null }, now)).remark, "No model named \"own\" of openai is known here; the nearest is owm. The price holds when it is called by this name.");
    assert.equal((await settings.setPrice(localCaller, { provider: "openai", model: "owm", rates: { input: 1, output: 2 }, above: null }, now)).remark, null);
    for (const from of [undefined, now, now + 86_400_000]) assert.equal((await set(from)).from, from ?? now);
  });

  it("say what they leave out of the price before, of the table or set, for a provider of another name and a pattern too", async () => {
    const now = epochMs(1_795_324_294_108);
    const prices: SetPrice[] = [];
    const store: Partial<LedgerSettingsStore> = { budgets: () => Promise.resolve([]), prices: () => Promise.resolve([...prices]), addPrice: (price) => Promise.resolve(void prices.push(price)) };
    const settings = new LedgerSettings({ store: store as LedgerSettingsStore, keeper: { load: () => undefined } as unknown as BudgetKeeper, prices: new PriceBook(), ids: new TimeOrderedIds(new ManualClock()) });
    settings.knowNames(() => ({ providers: [{ name: "openai-eu", kind: "openai" }], models: [] }));
    const remark = async (provider: string, model: string, rates: SetPrice["rates"], from?: number): Promise<string | null> => (await settings.setPrice(localCaller, { provider, model, rates, above: null, ...(from === undefined ? {} : { from }) }, now)).remark;
    assert.match((await remark("azure", "gpt-5-nano*", { input: 0.04, output: 0.3 }))!, /had: what is read from the provider's cache costs as input \(before: \$0\.005\)\. /);
    for (const provider of ["openai-eu", "openai"]) {
      assert.match((await remark(provider, "gpt-5-nano", { input: 0.04, output: 0.3 }))!, /read from the provider's cache costs as input \(before: \$0\.005\); a thousand searches of the web cost nothing \(before: \$10\.00\); flex cost as usual/);
    }
    assert.equal(await remark("openai", "gpt-5-nano", { input: 0.03, output: 0.3 }), null);
    assert.equal(await remark("openai", "gpt-5-nano", { input: 0.03, output: 0.3, webSearches: 8 }, now + 1000), null);
    assert.match((await remark("openai", "gpt-5-nano", { input: 0.03, output: 0.3 }, now + 2000))!, /had: a thousand searches of the web cost nothing \(before: \$8\.00\)\. /);
  });
});
