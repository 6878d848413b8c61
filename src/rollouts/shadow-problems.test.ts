import assert from "node:assert/strict";
import { it } from "node:test";
import { RolloutPlan } from "../registry/index.ts";
import { shadowProblems } from "./shadow-problems.ts";

it("refuses a phase shadow that would give the candidate callers, and no other phase", () => {
  const problems = (weight: number, shadow: number) => shadowProblems(RolloutPlan.parse({ phases: [{ phase: "shadow", weight: 0, shadow: 1 }, { phase: "shadow", weight, shadow }, { phase: "full", weight: 1 }] }), "policy.rollout").map(({ path }) => path);
  assert.deepEqual([problems(0, 1), problems(0.01, 1), problems(1, 0)], [[], ["policy.rollout.phases[1].weight"], ["policy.rollout.phases[1].weight"]]);
  assert.deepEqual(shadowProblems(RolloutPlan.parse({}), "plan"), []);
});
