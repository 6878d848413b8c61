import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { epochMs } from "../../core/clock.ts";
import type { SetPrice } from "../schemas.ts";
import { PriceBook } from "./price-book.ts";
import { priceTable } from "./price-table.ts";
import { billedTokens, costOf, worstCase, type Price, type Rates } from "./price.ts";

const at = (text: string) => epochMs(Date.parse(text));
const now = at("2026-11-21T12:00:00Z");
const input = (price: Price | null): number | null => price?.rates.input ?? null;

describe("the table of prices", () => {
  it("has names once a day, and rates in their order", () => {
    for (const [kind, lines] of Object.entries(priceTable)) {
      const seen = new Set<string>();
      for (const { models, from = "", input: plain, cacheRead, cacheWrite, cacheWriteHour, above } of lines) {
        for (const model of models) {
          assert.ok(!seen.has(`${model} ${from}`), `${kind} ${model}`);
          seen.add(`${model} ${from}`);
        }
        assert.ok(cacheRead === undefined || cacheRead <= plain, models[0]);
        assert.ok(cacheWriteHour === undefined || cacheWriteHour > cacheWrite!, models[0]);
        assert.ok(above === undefined || above.input > plain, models[0]);
      }
    }
  });

  it("finds a model by its name, its snapshots, and the ids of Bedrock", () => {
    const book = new PriceBook();
    const price = (kind: string, model: string) => input(book.priceOf(kind, "p", model, now));
    assert.equal(price("openai", "gpt-5-mini-2025-08-07"), 0.25);
    assert.equal(price("openai", "gpt-4o-2024-05-13"), 5);
    assert.equal(price("openai", "gpt-4o-2024-11-20"), 2.5);
    assert.equal(price("azure", "gpt-4.1"), 2);
    assert.equal(price("anthropic", "claude-haiku-4-5-20251001"), 1);
    assert.equal(price("gemini", "models/gemini-2.0-flash-001"), 0.1);
    assert.equal(price("bedrock", "global.anthropic.claude-sonnet-4-5-20250929-v1:0"), 3);
    assert.equal(price("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"), 3.3);
    assert.equal(price("bedrock", "amazon.nova-lite-v1:0"), 0.06);
    assert.equal(price("ollama", "anything"), 0);
    assert.equal(price("echo", "anything"), 0);
  });

  it("knows nothing of models that it does not have, however like they look", () => {
    const book = new PriceBook();
    for (const [kind, model] of [["openai", "gpt-5-mini-ultra"], ["openai", "gpt-5-min"], ["compatible", "gpt-5-mini"], ["mistral", "mistral-large-2701"], ["anthropic", "claude-opus-9"], ["openai", "constructor"], ["openai", "x".repeat(5000)]] as const) {
      assert.equal(book.priceOf(kind, "p", model, now), null, model);
    }
  });

  it("goes by the day of the call", () => {
    const book = new PriceBook();
    assert.equal(input(book.priceOf("anthropic", "p", "claude-sonnet-5", at("2026-08-31T23:59:59Z"))), 2);
    assert.equal(input(book.priceOf("anthropic", "p", "claude-sonnet-5", at("2026-09-01T00:00:00Z"))), 3);
    assert.equal(input(book.priceOf("anthropic", "p", "claude-sonnet-5", at("2026-08-31T23:59:59Z"))), 2);
  });
});

describe("prices that were set", () => {
  const set = (given: Partial<SetPrice>): SetPrice => ({ id: "chg_1", provider: "openai", model: "gpt-5-mini", from: now, rates: { input: 7, output: 8 }, above: null, createdAt: now, createdBy: "local", ...given });

  it("go before the table from their moment on: the provider's name, then its kind; a name, then the longest pattern; the newest", () => {
    const book = new PriceBook();
    const later = epochMs(now + 1000);
    assert.equal(input(book.priceOf("openai", "main", "gpt-5-mini", now)), 0.25);
    book.load([
      set({ id: "a", from: later }), set({ id: "b", model: "own-*", rates: { input: 1, output: 1 } }), set({ id: "c", model: "own-large-*", rates: { input: 2, output: 1 } }),
      set({ id: "d", model: "own-large-*", rates: { input: 3, output: 1 } }), set({ id: "e", provider: "main", model: "own-*", rates: { input: 4, output: 1 } }),
    ]);
    assert.equal(input(book.priceOf("openai", "main", "gpt-5-mini", now)), 0.25);
    assert.deepEqual(book.priceOf("openai", "main", "gpt-5-mini", later), { version: "set/a", rates: { input: 7, output: 8 }, above: null });
    assert.equal(input(book.priceOf("openai", "other", "own-large-1", now)), 3);
    assert.equal(input(book.priceOf("openai", "other", "own-1", now)), 1);
    assert.equal(input(book.priceOf("openai", "main", "own-large-1", now)), 4);
    assert.equal(book.priceOf("openai", "other", "own-1", epochMs(now - 1)), null);
  });
});

describe("costs", () => {
  const price: Price = { version: "v", rates: { input: 3, cacheRead: 0.3, cacheWrite: 3.75, cacheWriteHour: 6, output: 15 }, above: { inputTokens: 200_000, input: 6, output: 22.5 } };

  it("bill every token once: cached ones are not plain input too", () => {
    const tokens = billedTokens({ inputTokens: 1000, outputTokens: 100, cacheReadTokens: 600, cacheWriteTokens: 300 });
    assert.deepEqual(tokens, { input: 100, cacheRead: 600, cacheWrite: 300, output: 100 });
    assert.equal(costOf(price, tokens, 1000), 100 * 3000 + 600 * 300 + 300 * 3750 + 100 * 15000);
    assert.equal(costOf(price, { ...tokens, cacheWrite: 0, cacheWriteHour: 300 }, 1000), 100 * 3000 + 600 * 300 + 300 * 6000 + 100 * 15000);
    const told = { inputTokens: 1000, outputTokens: 100, cacheReadTokens: 600, cacheWriteTokens: 300 };
    assert.deepEqual(billedTokens({ ...told, cacheWriteHourTokens: 200 }), { input: 100, cacheRead: 600, cacheWrite: 100, cacheWriteHour: 200, output: 100 });
    assert.deepEqual(billedTokens({ ...told, cacheWriteHourTokens: 999 }), { input: 100, cacheRead: 600, cacheWrite: 0, cacheWriteHour: 300, output: 100 });
    assert.deepEqual(billedTokens({ inputTokens: 5, outputTokens: null, cacheReadTokens: 9, cacheWriteTokens: null }), { input: 0, cacheRead: 9, cacheWrite: null, output: null });
  });

  it("have a fee for each search of the web, whichever rates the call has", () => {
    const searching: Price = { ...price, rates: { ...price.rates, webSearches: 10 }, tiers: { fast: { input: 30, output: 150 }, other: { input: 1, output: 1, webSearches: 25 } } };
    const none = { input: 0, cacheRead: null, cacheWrite: null, output: 0 };
    for (const [total, tier, fee] of [[0, null, 10], [300_000, null, 10], [0, "fast", 10], [0, "other", 25]] as const) {
      assert.equal(costOf(searching, none, total, { webSearches: 3, tier }), 3 * fee * 1_000_000);
      assert.equal(worstCase(searching, { inputTokens: 0, outputTokens: 0, webSearches: 3, tier }), 3 * fee * 1_000_000);
    }
    assert.equal(costOf(price, none, 0, { webSearches: 3 }), 0);
    for (const [kind, model, fee] of [["openai", "gpt-5", 10], ["openai", "gpt-4o-search-preview-2025-03-11", 25], ["openai", "gpt-5-search-api", 10], ["gemini", "gemini-2.5-flash", 35], ["gemini", "gemini-3-flash-preview", 14], ["gemini", "gemini-embedding-001", undefined], ["anthropic", "claude-sonnet-4-5", 10], ["azure", "gpt-5", undefined], ["openai", "text-embedding-3-small", undefined]] as const) {
      assert.equal(new PriceBook().priceOf(kind, kind, model, epochMs(1_795_262_400_000))!.rates.webSearches, fee);
    }
  });

  it("take the rates of long calls above the bound, all input counted", () => {
    assert.equal(costOf(price, { input: 1, cacheRead: 200_000, cacheWrite: null, output: 1 }, 200_001), 6000 + 200_000 * 6000 + 22_500);
    assert.equal(costOf(price, { input: 200_000, cacheRead: null, cacheWrite: null, output: 0 }, 200_000), 200_000 * 3000);
  });

  it("are rounded up once, and exact", () => {
    const small: Price = { version: "v", rates: { input: 0.0375, output: 0.00875 }, above: null };
    assert.equal(costOf(small, { input: 1, cacheRead: 0, cacheWrite: 0, output: 1 }, 1), 47);
    assert.equal(costOf({ version: "v", rates: { input: 0.1, output: 0 }, above: null }, { input: 3, cacheRead: 0, cacheWrite: 0, output: 0 }, 3), 300);
    fc.assert(fc.property(fc.integer({ min: 0, max: 2e7 }), fc.integer({ min: 0, max: 2e7 }), fc.integer({ min: 0, max: 1e8 }), fc.integer({ min: 0, max: 1e8 }), (tokens, output, rate, outputRate) => {
      const exact = (BigInt(tokens) * BigInt(rate) + BigInt(output) * BigInt(outputRate) + 999n) / 1000n;
      assert.equal(BigInt(costOf({ version: "v", rates: { input: rate / 1e6, output: outputRate / 1e6 }, above: null }, { input: tokens, cacheRead: null, cacheWrite: null, output }, tokens)), exact);
    }));
  });

  it("are whole, never below nothing, and the exact sum of all that is billed, whatever a provider tells", () => {
    const count = fc.integer({ min: 0, max: 2e6 });
    const told = fc.record({ inputTokens: fc.option(count), outputTokens: fc.option(count), cacheReadTokens: fc.option(count), cacheWriteTokens: fc.option(count), cacheWriteHourTokens: count });
    const units = fc.record({ audioInput: count, audioOutput: count, searchUnits: fc.nat(1000), webSearches: fc.nat(1000), tier: fc.constantFrom(null, "priority", "unheard-of") });
    // A millionth of a dollar is the smallest step of a rate.
    const rate = fc.integer({ min: 0, max: 1e8 });
    const names = ["input", "cacheRead", "cacheWrite", "cacheWriteHour", "output", "audioInput", "audioOutput", "searchUnits", "webSearches"] as const;
    const given = fc.record(Object.fromEntries(names.map((name) => [name, rate])) as Record<(typeof names)[number], typeof rate>, { requiredKeys: ["input", "output"] });
    type Given = { input: number; output: number } & Partial<Record<(typeof names)[number], number>>;
    const inDollars = (of: Given): Rates => Object.fromEntries(Object.entries(of).map(([name, millionths]) => [name, millionths / 1e6])) as unknown as Rates;
    fc.assert(fc.property(told, units, given, given, given, count, (tokensTold, beside, usual, long, priority, bound) => {
      const listed: Price = { version: "v", rates: inDollars(usual), above: { inputTokens: bound, ...inDollars(long) }, tiers: { priority: inDollars(priority) } };
      const tokens = billedTokens(tokensTold);
      const total = tokensTold.inputTokens ?? 0;
      const of: Given = beside.tier === "priority" ? priority : total > bound ? long : usual;
      const [input, output] = [tokens.input ?? 0, tokens.output ?? 0];
      const [heard, spoken] = [Math.min(input, beside.audioInput), Math.min(output, beside.audioOutput)];
      const parts: [number, number | undefined][] = [
        [input - heard, of.input], [heard, of.audioInput ?? of.input], [tokens.cacheRead ?? 0, of.cacheRead ?? of.input], [tokens.cacheWrite ?? 0, of.cacheWrite ?? of.input],
        [tokens.cacheWriteHour ?? 0, of.cacheWriteHour ?? of.cacheWrite ?? of.input], [output - spoken, of.output], [spoken, of.audioOutput ?? of.output], [1000 * beside.searchUnits, of.searchUnits ?? 0], [1000 * beside.webSearches, of.webSearches ?? usual.webSearches ?? 0],
      ];
      assert.ok(parts.every(([amount]) => amount >= 0));
      const exact = (parts.reduce((sum, [amount, millionths]) => sum + BigInt(amount) * BigInt(millionths!), 0n) + 999n) / 1000n;
      assert.equal(BigInt(costOf(listed, tokens, total, beside)), exact);
    }));
  });

  it("never exceed the worst case", () => {
    const share = fc.integer({ min: 0, max: 300_000 });
    fc.assert(fc.property(share, share, share, share, fc.integer({ min: 0, max: 10_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (plain, cacheRead, cacheWrite, cacheWriteHour, most, part) => {
      const total = plain + cacheRead + cacheWrite + cacheWriteHour;
      const cost = costOf(price, { input: plain, cacheRead, cacheWrite, cacheWriteHour, output: Math.floor(most * part) }, total);
      assert.ok(cost <= worstCase(price, { inputTokens: total, outputTokens: most }));
    }));
  });
});
