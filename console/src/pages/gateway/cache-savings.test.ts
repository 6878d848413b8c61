import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CostRow } from "../../../../src/ledger/schemas.ts";
import { callsByRoute } from "./cache-savings.ts";

function row(route: string | null, outcome: string, sums: Partial<CostRow>): CostRow {
  return { group: { route, outcome }, budget: null, calls: 1, lostAttempts: 0, failed: 0, cached: 0, unpriced: 0, inputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: 0, cost: 0, ...sums };
}

describe("callsByRoute", () => {
  it("prices tokens from the cache as the route's answered calls, and nothing else of it", () => {
    const { routes, all } = callsByRoute([
      row("chat", "ok", { calls: 2, inputTokens: 60, cacheReadTokens: 20, outputTokens: 20, cost: 5000 }), row("chat", "cached", { calls: 3, cached: 3, inputTokens: 30, outputTokens: 9 }),
      row("chat", "failed", { failed: 1, outputTokens: 900, cost: 10 }), row("dear", "ok", { inputTokens: 1, outputTokens: 1, cost: 9000 }), row("dear", "cached", { cached: 1, outputTokens: 2 }), row(null, "ok", { cost: 7 }),
    ]);
    assert.deepEqual(routes.get("chat"), { calls: 6, failed: 1, cached: 3, cost: 5010, unpriced: 0, saved: { hits: 3, tokens: 39, cost: 1950 } });
    assert.deepEqual(all, { calls: 9, failed: 1, cached: 4, cost: 14_017, unpriced: 0, saved: { hits: 4, tokens: 41, cost: 10_950 } });
  });

  it("knows no money where no answered call of the time tells a price, and none saved without hits", () => {
    const { routes, all } = callsByRoute([row("old", "cached", { cached: 1, outputTokens: 5 }), row("free", "ok", { outputTokens: 5 }), row("free", "cached", { cached: 1, outputTokens: 5 }), row("none", "ok", { unpriced: 1, outputTokens: 5 }), row("none", "cached", { cached: 1, outputTokens: 5 }), row("plain", "ok", { cost: 5 })]);
    assert.deepEqual(["old", "free", "none", "plain"].map((name) => routes.get(name)!.saved.cost), [null, 0, null, 0]);
    assert.deepEqual(all.saved, { hits: 3, tokens: 15, cost: 0 });
    assert.deepEqual(callsByRoute([]).all.saved, { hits: 0, tokens: 0, cost: 0 });
    assert.equal(callsByRoute([row("old", "ok", { outputTokens: 5, cost: 5 }), row("old", "cached", { cached: 1 })]).all.saved.cost, null);
  });
});
