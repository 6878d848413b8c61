import assert from "node:assert/strict";
import { it } from "node:test";
import type { Price } from "./price.ts";
import { remarkOnLeftOut } from "./remark-on-left-out.ts";

const former: Price = {
  version: "2026-01-01", rates: { input: 0.25, cacheRead: 0.025, output: 2, webSearches: 10 }, above: { inputTokens: 200_000, input: 1, output: 4 }, tiers: { flex: { input: 0.1, output: 1 }, priority: { input: 0.5, output: 4 } },
};

it("remarkOnLeftOut tells what of the former price is left out, and what it costs from now on", () => {
  assert.equal(
    remarkOnLeftOut({ rates: { input: 0.2, output: 1.6 }, above: null }, former),
    "This price has not all that the one before it had: what is read from the provider's cache costs as input (before: $0.025); a thousand searches of the web cost nothing (before: $10.00); " +
      "calls of more than 200000 tokens cost as shorter ones; flex and priority cost as usual, and under a budget what is dearer is refused. Set it once more with what is to hold.",
  );
  assert.match(remarkOnLeftOut({ ...former, tiers: { flex: { input: 0.1, output: 1 } } }, former)!, /had: priority cost as usual,/);
  assert.match(remarkOnLeftOut({ ...former, rates: { input: 1, output: 1, cacheRead: 0.1 } }, former)!, /had: a thousand searches of the web cost nothing \(before: \$10\.00\)\. Set/);
});

it("remarkOnLeftOut says nothing where nothing is left out, where there was no price, and where all is free", () => {
  assert.equal(remarkOnLeftOut({ ...former, rates: { ...former.rates, cacheWrite: 1 } }, former), null);
  assert.equal(remarkOnLeftOut({ rates: { input: 0.2, output: 1.6 }, above: null }, null), null);
  assert.equal(remarkOnLeftOut({ rates: { input: 0, output: 0 }, above: null }, former), null);
});
