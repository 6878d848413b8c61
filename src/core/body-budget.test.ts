import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TurnedAway } from "./turned-away.ts";
import { bodyMemoryBytes, BodyBudget } from "./body-budget.ts";

describe("BodyBudget", () => {
  it("gives up to its limit, and again what came back", () => {
    const budget = new BodyBudget(100);
    budget.take(60);
    budget.take(40);
    assert.throws(() => budget.take(1), { code: "QUEUE_FULL", retryAfterSeconds: 1 });
    assert.equal(budget.takenBytes, 100);
    budget.giveBack(60);
    budget.take(60);
    assert.throws(() => budget.take(1), { code: "QUEUE_FULL" });
    budget.hold(10);
    budget.giveBack(60);
    budget.take(50);
    assert.throws(() => budget.take(1), { code: "QUEUE_FULL" });
  });

  it("counts what it turned away, for what was full", () => {
    const turnedAway = new TurnedAway();
    const budget = new BodyBudget(100, turnedAway);
    budget.take(60);
    for (let again = 0; again < 2; again++) assert.throws(() => budget.take(60));
    budget.hold(60);
    assert.deepEqual(turnedAway.family().samples.map(({ labels, value }) => [labels.full, value]), [["connections", 0], ["bodies", 2], ["answers", 0], ["limit queues", 0], ["output checks", 0], ["token counts", 0]]);
  });

  it("has room for two of the largest bodies on any machine", () => {
    assert.equal(bodyMemoryBytes(2 ** 50), 2 ** 51);
    assert.ok(bodyMemoryBytes(1) > 1 << 20);
  });
});
