import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RolloutPlan } from "../../../../src/registry/rollout-plan.ts";
import { routeOnlyProblems } from "../../../../src/rollouts/gateway/route-plan.ts";
import { isOfModels, kindsNote } from "./whole-words.ts";

describe("the kinds of gates that a policy offers", () => {
  it("are those that the server takes for a model", () => {
    const gates = [
      { kind: "latency", quantile: "p95" }, { kind: "errors" }, { kind: "distribution" }, { kind: "paired" }, { kind: "accuracy" }, { kind: "metric", name: "m", sql: "SELECT 1" }, { kind: "cost" }, { kind: "score", name: "s" },
    ];
    for (const gate of gates) {
      const plan = RolloutPlan.parse({ phases: [{ phase: "full", weight: 1, gates: [gate] }] });
      assert.equal(isOfModels("phase 1, Gates", gate.kind), routeOnlyProblems(plan, "rollout").length === 0, gate.kind);
    }
  });

  it("are explained where some are missing", () => {
    assert.match(kindsNote("phase 1, Gates")!, /cost and score/);
    assert.equal(kindsNote("Phases"), undefined);
    assert.equal(isOfModels("phase 1, Checks before it", "cost"), true);
  });
});
