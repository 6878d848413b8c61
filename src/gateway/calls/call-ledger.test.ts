import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs, ManualClock } from "../../core/clock.ts";
import { TimeOrderedIds } from "../../core/ids.ts";
import { BudgetKeeper, MemoryBudgetStore, PriceBook, type BudgetAlerts, type LedgerEntry } from "../../ledger/index.ts";
import { askedTier } from "./service-tier.ts";
import { CallLedger, type CallLedgerParts, type UnwrittenEntry } from "./call-ledger.ts";
import { unknownUsage } from "../conversation/chat-answer.ts";
import type { ReadyProvider } from "../routing/call-plan.ts";
import { RouteSettings } from "../schemas.ts";

it("CallLedger writes an entry for a call whose budget cannot be settled", async () => {
  const clock = new ManualClock(1_795_262_400_000);
  const written: LedgerEntry[] = [];
  const broken = new Error("no such script");
  const calls = new CallLedger({
    clock, ids: new TimeOrderedIds(clock), prices: new PriceBook(), provider: () => null,
    keeper: { settle: () => Promise.reject(broken) } as unknown as CallLedgerParts["keeper"],
    ledger: { record: (entry: LedgerEntry) => Promise.resolve(void written.push(entry)) } as unknown as CallLedgerParts["ledger"],
  });
  const entry = {
    id: "led_1", time: epochMs(clock.now()), provider: "openai", model: "gpt-5-mini", outcome: "ok", estimated: false, cost: 7, priceVersion: "2026-08-21", totalMs: 1, firstByteMs: null,
    attribution: { actor: "key:key_1", team: "search", project: null, route: "chat", user: null, session: null, traceId: null, agentRun: null, tags: {} },
  } as const;
  const reservation = { id: "rsv_1", scopes: [], amount: 9, since: epochMs(clock.now()), sinceTick: 0 };
  await assert.rejects(calls.settle(reservation, { ...entry, usage: { ...unknownUsage, inputTokens: 5, outputTokens: 2 } }), broken);
  const plain = { ...entry, kind: "llm", tokens: { input: 5, cacheRead: null, cacheWrite: null, output: 2 } };
  assert.deepEqual(written, [plain]);
  await assert.rejects(calls.settle(reservation, { ...entry, usage: { ...unknownUsage, inputTokens: 5, outputTokens: 2, audioInputTokens: 4, webSearches: 3 } }), broken);
  assert.deepEqual(written[1], { ...plain, units: { audioInput: 4, webSearches: 3 } });
});

it("CallLedger settles all that a call cost at once, and writes an entry of each", async () => {
  const clock = new ManualClock(1_795_262_400_000);
  const written: LedgerEntry[] = [];
  const settled: number[] = [];
  const calls = new CallLedger({
    clock, ids: new TimeOrderedIds(clock), prices: new PriceBook(), provider: () => null,
    keeper: { settle: (_reservation: unknown, { actualNano }: { actualNano: number }) => void settled.push(actualNano) } as unknown as CallLedgerParts["keeper"],
    ledger: { record: (entry: LedgerEntry) => Promise.resolve(void written.push(entry)) } as unknown as CallLedgerParts["ledger"],
  });
  const attribution = { actor: "key:key_1", team: "search", project: null, route: "chat", user: null, session: null, traceId: null, agentRun: null, tags: {} };
  const entry = (model: string, cost: number | null): UnwrittenEntry => ({ id: `led_${model}`, time: epochMs(clock.now()), provider: "openai", model, outcome: "ok", estimated: false, cost, priceVersion: null, totalMs: 1, firstByteMs: null, attribution, usage: unknownUsage });
  await calls.settle(null, entry("a", 7), [entry("b", 5), entry("c", null)]);
  assert.deepEqual([settled, written.map(({ id, model, cost }) => [id, model, cost])], [[12], [["led_a", "a", 7], ["led_b", "b", 5], ["led_c", "c", null]]]);
});

describe("what a call under a budget may cost", () => {
  const clock = new ManualClock(1_795_262_400_000);
  const now = epochMs(clock.now());
  const ids = new TimeOrderedIds(clock);
  const attribution = { actor: "key:key_1", team: "search", project: null, route: "chat", user: null, session: null, traceId: null, agentRun: null, tags: {} };
  const kinds: Readonly<Record<string, string>> = { openai: "openai", anthropic: "anthropic", cohere: "cohere" };
  const provider: CallLedgerParts["provider"] = (name) => (kinds[name] === undefined ? null : ({ name, settings: { kind: kinds[name] } } as unknown as ReadyProvider));
  const alerts = { noteSpent: () => undefined, noteRefused: () => undefined, retry: () => undefined } as unknown as BudgetAlerts;
  const calls = new CallLedger({ clock, ids, prices: new PriceBook(), provider, keeper: new BudgetKeeper({ store: new MemoryBudgetStore({ clock }), alerts, clock, ids }), ledger: {} as CallLedgerParts["ledger"] });
  const route = (target: string, more: object = {}): RouteSettings => RouteSettings.parse({ targets: [{ provider: target.split("/")[0], model: target.split("/")[1] }], ...more });
  const bounds = { inputTokens: 1000, outputTokens: 100, rateTokens: 0 };
  const worst = (target: string, more: object): number | undefined => {
    const reserved = calls.reserve(route(target), attribution, { key: { day: 1000 }, route: undefined }, { ...bounds, ...more }, now);
    assert.ok(!(reserved instanceof Promise));
    return reserved?.amount;
  };

  it("has the rates of the dearer way that was asked for, and is refused by name where they are not known", () => {
    const tierOf = () => "priority";
    assert.equal(worst("openai/gpt-5", {}), 1000 * 1250 + 100 * 10_000);
    assert.equal(worst("openai/gpt-5", { tierOf }), 1000 * 2500 + 100 * 20_000);
    assert.throws(() => worst("openai/gpt-5-nano", { tierOf }), { code: "PRICE_UNKNOWN", message: /gpt-5-nano has no price for priority/ });
    // As the provider chooses: the dearest that is known, and no call is refused for it.
    assert.equal(worst("openai/gpt-5", { tierOf: () => "auto" }), 1000 * 2500 + 100 * 20_000);
    assert.equal(worst("openai/gpt-5-nano", { tierOf: () => "auto" }), 1000 * 50 + 100 * 400);
    assert.throws(() => worst("anthropic/claude-opus-5", { tierOf: () => "fast" }), { code: "PRICE_UNKNOWN" });
    assert.ok(calls.reserve(route("openai/gpt-5-nano", { unknownPrice: "free" }), attribution, { key: { day: 1000 }, route: undefined }, { ...bounds, tierOf }, now) !== null);
  });

  it("is judged by the same rates without a budget, and by none where they are not known", () => {
    const dollars = (model: string, more: object) => calls.worstDollars({ ...route(`openai/${model}`).targets[0]! }, { ...bounds, ...more }, now);
    const tierOf = () => "priority";
    assert.deepEqual([dollars("gpt-5", {}), dollars("gpt-5", { tierOf }), dollars("gpt-5", { tierOf: () => "auto" })], [0.00225, 0.0045, 0.0045]);
    assert.deepEqual([dollars("gpt-5-nano", { tierOf }), dollars("gpt-5-nano", { tierOf: () => "auto" }), dollars("unpriced-model", {})], [null, 0.00009, null]);
  });

  it("has the rates of the way that the provider is set up for where the call asks for none, with models whose price has it", () => {
    const set = (defaultTier: string) => new CallLedger({ clock, ids, prices: new PriceBook(), provider: (name) => ({ name, settings: { kind: name, defaultTier } }) as unknown as ReadyProvider, keeper: new BudgetKeeper({ store: new MemoryBudgetStore({ clock }), alerts, clock, ids }), ledger: {} as CallLedgerParts["ledger"] });
    const reserved = (defaultTier: string, target: string, asked?: Record<string, unknown>): number | undefined => {
      const reservation = set(defaultTier).reserve(route(target), attribution, { key: { day: 1000 }, route: undefined }, { ...bounds, ...(asked === undefined ? {} : { tierOf: askedTier(asked) }) }, now);
      assert.ok(!(reservation instanceof Promise));
      return reservation?.amount;
    };
    const [usual, priority] = [1000 * 1250 + 100 * 10_000, 1000 * 2500 + 100 * 20_000];
    for (const asked of [{}, { service_tier: "auto" }]) assert.equal(reserved("priority", "openai/gpt-5", asked), priority);
    assert.equal(reserved("priority", "openai/gpt-5", { service_tier: "default" }), usual);
    for (const cheaper of ["flex", "default"]) assert.equal(reserved(cheaper, "openai/gpt-5", {}), usual);
    // It has no priority there: served as usual, and not refused. Vectors have one way alone.
    assert.equal(reserved("priority", "openai/gpt-5-nano", {}), 1000 * 50 + 100 * 400);
    assert.equal(reserved("priority", "openai/gpt-5"), usual);
    const cost = (tier: { tier?: string | null }, asked: Record<string, unknown>) => set("priority").spentBy({ provider: "openai", model: "gpt-5" }, { ...unknownUsage, inputTokens: 1000, outputTokens: 100, ...tier }, now, askedTier(asked)).cost;
    assert.deepEqual([cost({}, {}), cost({}, { service_tier: "default" }), cost({ tier: null }, {})], [priority, usual, usual]);
  });

  it("has media by the rules of the target, audio at its own rate, and search units", () => {
    const mediaTokens = (kind: string) => ({ tokens: kind === "openai" ? 500 : 0, audio: kind === "openai" ? 200 : 0 });
    assert.equal(worst("openai/gpt-audio", { mediaTokens, speaks: true }), 1300 * 2500 + 200 * 32_000 + 100 * 64_000);
    assert.equal(worst("cohere/rerank-v3.5", { searchUnits: 3 }), 3 * 2_000_000);
  });

  const usage = { ...unknownUsage, inputTokens: 1000, outputTokens: 100 };

  it("is settled by what the provider told: how it served the call, audio, search units", () => {
    const cost = (target: string, more: object, asked?: () => string) => calls.spentBy({ provider: target.split("/")[0]!, model: target.split("/")[1]! }, { ...usage, ...more }, now, asked).cost;
    const usual = 1000 * 1250 + 100 * 10_000;
    assert.equal(cost("openai/gpt-5", {}), usual);
    assert.equal(cost("openai/gpt-5", { tier: "priority" }), 2 * usual);
    assert.equal(cost("openai/gpt-5", {}, () => "priority"), 2 * usual);
    assert.equal(cost("openai/gpt-5", { tier: null }, () => "priority"), usual);
    assert.equal(cost("openai/gpt-5", { tier: "flex" }), usual / 2);
    assert.equal(cost("openai/gpt-5.1", { tier: "flex" }), usual);
    for (const tier of [undefined, null]) assert.equal(cost("openai/gpt-5", { tier }, () => "auto"), usual);
    assert.equal(cost("openai/gpt-5", { tier: "priority" }, () => "auto"), 2 * usual);
    assert.equal(cost("openai/gpt-audio", { audioInputTokens: 400, audioOutputTokens: 60 }), 600 * 2500 + 400 * 32_000 + 40 * 10_000 + 60 * 64_000);
    assert.equal(cost("cohere/rerank-v3.5", { searchUnits: 2 }), 2 * 2_000_000);
  });

  it("is settled by what the provider says that it cost only where no price is known, and is refused under a budget before", () => {
    const told = (target: string, toldCost: number) => calls.spentBy({ provider: target.split("/")[0]!, model: target.split("/")[1]! }, { ...usage, toldCost }, now);
    assert.deepEqual(told("openai/unpriced-model", 0.00123), { cost: 1_230_000, priceVersion: "reported" });
    assert.deepEqual(told("openai/unpriced-model", 0), { cost: 0, priceVersion: "reported" });
    assert.equal(told("openai/gpt-5", 0.000001).cost, 1000 * 1250 + 100 * 10_000);
    assert.throws(() => worst("openai/unpriced-model", {}), { code: "PRICE_UNKNOWN" });
  });

  it("has the rates of long calls where one round was long, and not for the sum of short ones", () => {
    const cost = (inputTokens: number, longestInputTokens?: number) => calls.spentBy({ provider: "openai", model: "gpt-5.4" }, { ...usage, inputTokens, outputTokens: 0, ...(longestInputTokens === undefined ? {} : { longestInputTokens }) }, now).cost;
    assert.deepEqual([cost(300_000), cost(300_000, 280_000), cost(300_000, 150_000)], [300_000 * 5000, 300_000 * 5000, 300_000 * 2500]);
  });

  it("is refused with the name of the setting that says what a provider may add", () => {
    const added = { tokens: 272_000, by: ["the tool web_search"] };
    assert.throws(
      () => calls.reserve(route("openai/gpt-5"), attribution, { key: { perQuery: 0.01 }, route: undefined }, { ...bounds, inputTokens: 273_000, added }, now),
      { code: "BUDGET_EXCEEDED", message: /272000 tokens .* the tool web_search .* addedTokens in the settings of the route or of the key/ },
    );
  });
});
