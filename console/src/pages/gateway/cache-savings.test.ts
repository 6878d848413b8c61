import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CostRow } from "../../../../src/ledger/schemas.ts";
import { callsByRoute } from "./cache-savings.ts";

function row(route: string | null, outcome: string, sums: Partial<CostRow>): CostRow {
  return { group: { route, outcome }, budget: null, calls: 1, lostAttempts: 0, failed: 0, cached: 0, unpriced: 0, inputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: 0, cost: 0, savedCost: 0, savedUnpriced: 0, savedUntold: 0, ...sums };
}

describe("callsByRoute", () => {
  it("takes what the ledger tells that hits saved, whatever answered calls of the time cost, and nothing of them of which nobody knows it", () => {
    const { routes, all } = callsByRoute([
      row("chat", "ok", { calls: 2, inputTokens: 60, outputTokens: 40, cost: 5000 }), row("chat", "cached", { calls: 3, cached: 3, inputTokens: 30, outputTokens: 9, savedCost: 777, savedUnpriced: 1 }),
      row("old", "cached", { cached: 2, outputTokens: 4, savedCost: 20 }), row("none", "ok", { outputTokens: 9, cost: 90 }), row("none", "cached", { cached: 2, outputTokens: 5, savedUnpriced: 2 }),
    ]);
    assert.deepEqual(["chat", "old", "none"].map((name) => routes.get(name)!.saved), [
      { hits: 3, tokens: 39, cost: 777, derived: 0, unknown: 1 }, { hits: 2, tokens: 4, cost: 20, derived: 0, unknown: 0 }, { hits: 2, tokens: 5, cost: null, derived: 0, unknown: 2 },
    ]);
    assert.deepEqual(all.saved, { hits: 7, tokens: 48, cost: 797, derived: 0, unknown: 3 });
  });

  it("prices tokens from the cache that an older release wrote down as the route's answered calls, and nothing else of it", () => {
    const { routes, all } = callsByRoute([
      row("chat", "ok", { calls: 2, inputTokens: 60, cacheReadTokens: 20, outputTokens: 20, cost: 5000 }), row("chat", "cached", { calls: 3, cached: 3, inputTokens: 30, outputTokens: 9, savedUntold: 3 }),
      row("chat", "failed", { failed: 1, outputTokens: 900, cost: 10 }), row("dear", "ok", { inputTokens: 1, outputTokens: 1, cost: 9000 }), row("dear", "cached", { cached: 1, outputTokens: 2, savedUntold: 1 }), row(null, "ok", { cost: 7 }),
      row("both", "ok", { outputTokens: 10, cost: 100 }), row("both", "cached", { cached: 4, outputTokens: 8, savedCost: 1000, savedUntold: 1 }),
    ]);
    assert.deepEqual(routes.get("chat"), { calls: 6, failed: 1, cached: 3, cost: 5010, unpriced: 0, saved: { hits: 3, tokens: 39, cost: 1950, derived: 3, unknown: 0 } });
    // A quarter of the hits is of the older release, and about a quarter of their tokens.
    assert.deepEqual(routes.get("both")!.saved, { hits: 4, tokens: 8, cost: 1020, derived: 1, unknown: 0 });
    assert.deepEqual(all, { calls: 11, failed: 1, cached: 8, cost: 14_117, unpriced: 0, saved: { hits: 8, tokens: 49, cost: 11_970, derived: 5, unknown: 0 } });
  });

  it("knows no money where no answered call of the time tells a price, and none saved without hits", () => {
    const untold = (outputTokens: number): Partial<CostRow> => ({ cached: 1, savedUntold: 1, outputTokens });
    const { routes, all } = callsByRoute([row("old", "cached", untold(5)), row("free", "ok", { outputTokens: 5 }), row("free", "cached", untold(5)), row("none", "ok", { unpriced: 1, outputTokens: 5 }), row("none", "cached", untold(5)), row("plain", "ok", { cost: 5 })]);
    assert.deepEqual(["old", "free", "none", "plain"].map((name) => routes.get(name)!.saved.cost), [null, 0, null, 0]);
    assert.deepEqual(all.saved, { hits: 3, tokens: 15, cost: 0, derived: 1, unknown: 2 });
    assert.deepEqual(callsByRoute([]).all.saved, { hits: 0, tokens: 0, cost: 0, derived: 0, unknown: 0 });
    assert.equal(callsByRoute([row("old", "ok", { outputTokens: 5, cost: 5 }), row("old", "cached", untold(0))]).all.saved.cost, null);
  });
});
