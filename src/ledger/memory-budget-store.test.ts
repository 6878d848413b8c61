import assert from "node:assert/strict";
import { it } from "node:test";
import { epochMs, ManualClock } from "../core/clock.ts";
import { budgetStoreConformance } from "./budget-store.conformance.ts";
import { MemoryBudgetStore } from "./memory-budget-store.ts";

budgetStoreConformance("memory", (spentBefore) => {
  const clock = new ManualClock();
  return Promise.resolve({ store: new MemoryBudgetStore({ clock, spentBefore }), passTime: (milliseconds) => clock.advance(milliseconds) });
});

it("MemoryBudgetStore forgets scopes that are over, and answers for them from the ledger again", () => {
  const clock = new ManualClock(1000);
  let asked = 0;
  const store = new MemoryBudgetStore({ clock, spentBefore: (scope) => (scope === "old" ? ++asked : 0) });
  store.settle("r", [{ id: "old", limit: 10, endsAt: epochMs(2000) }], 1);
  clock.advance(1000);
  for (let index = 0; index < 1001; index++) store.settle("r", [{ id: `scope-${index}`, limit: 10, endsAt: epochMs(9000) }], 1);
  store.states([{ id: "old", limit: 10, endsAt: epochMs(2000) }]);
  assert.equal(asked, 2);
});
