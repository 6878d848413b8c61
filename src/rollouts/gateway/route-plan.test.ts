import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "../../core/errors.ts";
import { RolloutPlan } from "../../registry/index.ts";
import { mergePatch } from "./merge-patch.ts";
import { assertRoutePlan, planByPrices, RouteRolloutPlan, routeOnlyProblems } from "./route-plan.ts";
import { triedVariantOf } from "./tried-options.ts";

describe("the plan of a route's rollout", () => {
  it("has a canary without a shadow, and gates that calls can be judged by", () => {
    const plan = RouteRolloutPlan.parse({});
    assert.deepEqual(plan.phases.map(({ phase, weight, shadow }) => [phase, weight, shadow]), [["canary", 0.05, 0], ["staged", 0.25, 0], ["full", 1, 0]]);
    for (const { gates } of plan.phases) {
      assert.deepEqual(gates, [
        { kind: "latency", quantile: "p95", maxMs: null, maxRatio: 1.5, fromMs: 100, onFailure: "roll back" }, { kind: "errors", maxRate: 0.05, compare: true, onFailure: "roll back" },
        { kind: "cost", maxRatio: 1.25, maxDollars: null, onFailure: "roll back" },
      ]);
    }
    assertRoutePlan(plan);
    // What a language model takes is no hundred milliseconds.
    const { phases: [phase] } = RouteRolloutPlan.parse({ phases: [{ phase: "full", weight: 1, gates: [{ kind: "latency", quantile: "p95" }] }] });
    assert.deepEqual(phase?.gates[0], { kind: "latency", quantile: "p95", maxMs: null, maxRatio: 1.5, fromMs: 100, onFailure: "roll back" });
  });

  it("has no gate of cost that nobody asked for where no model has a price, and says which have none", () => {
    const gatesOf = ({ plan }: ReturnType<typeof planByPrices>): string[] => [...new Set(plan.phases.map(({ gates }) => gates.map(({ kind }) => kind).join(" ")))];
    const [own, free, priced] = [{ provider: "acme", model: "a", isPriced: false }, { provider: "acme", model: "b", isPriced: false }, { provider: "openai", model: "c", isPriced: true }];
    const none = planByPrices(undefined, { stable: [own], candidate: [own, free] });
    assert.deepEqual(gatesOf(none), ["latency errors"]);
    assert.match(none.notes.join(), /^The plan has no gate cost: .*\(acme\/a, acme\/b\).*`slipway prices set acme a /);
    // One of several targets is enough for calls that can be compared.
    assert.deepEqual(planByPrices(undefined, { stable: [priced], candidate: [own, priced] }), { plan: RouteRolloutPlan.parse({}), notes: [] });
    const half = planByPrices(undefined, { stable: [priced], candidate: [free] });
    assert.deepEqual(gatesOf(half), ["latency errors cost"]);
    assert.match(half.notes.join(), /^The gate cost holds .* acme\/b has none: .*`slipway prices set acme b /);
    // What somebody asked for is not left out.
    const given = RouteRolloutPlan.parse({});
    const asked = planByPrices(given, { stable: [own], candidate: [own] });
    assert.equal(asked.plan, given);
    assert.match(asked.notes.join(), /^The gate cost holds/);
    assert.deepEqual(planByPrices(RouteRolloutPlan.parse({ phases: [{ phase: "full", weight: 1, gates: [] }] }), { stable: [own], candidate: [own] }).notes, []);
  });

  it("says of each thing that a route cannot have where it stands, and of each that a model cannot", () => {
    const plan = RolloutPlan.parse({ startOn: ["staging"], phases: [{ phase: "canary", weight: 0.1, checks: [{ kind: "scan", of: "files" }, { kind: "approval" }] }] });
    assert.throws(() => assertRoutePlan(plan), (error) => error instanceof AppError && error.code === "INVALID_REQUEST"
      && error.problems?.map(({ path }) => path).join(" ") === "plan.startOn plan.phases[0].gates[3] plan.phases[0].gates[4] plan.phases[0].gates[5] plan.phases[0].checks[0]");
    assert.deepEqual(routeOnlyProblems(plan, "plan"), []);
    assert.deepEqual(routeOnlyProblems(RouteRolloutPlan.parse({}), "policy.rollout").map(({ path }) => path), [0, 1, 2].map((phase) => `policy.rollout.phases[${phase}].gates[2]`));
  });

  it("merges what is different into the present settings (the examples of RFC 7396)", () => {
    const cases: [unknown, unknown, unknown][] = [
      [{ a: "b" }, { a: "c" }, { a: "c" }], [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }], [{ a: "b", b: "c" }, { a: null }, { b: "c" }], [{ a: ["b"] }, { a: "c" }, { a: "c" }], [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
      [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }], [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }], [["a"], ["c"], ["c"]], [{ a: "b" }, ["c"], ["c"]], [{ e: null }, { a: 1 }, { e: null, a: 1 }], [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    ];
    for (const [target, patch, result] of cases) assert.deepEqual(mergePatch(target, patch), result);
    assert.deepEqual(mergePatch({}, JSON.parse('{"__proto__": {"x": 1}}')), JSON.parse('{"__proto__": {"x": 1}}'));
    assert.equal(({} as { x?: number }).x, undefined);
  });

  it("reads variants of the command line", async () => {
    assert.deepEqual(await triedVariantOf("b=7:20"), { name: "b", revision: 7, percent: 20 });
    assert.deepEqual(await triedVariantOf("b=7"), { name: "b", revision: 7 });
    await assert.rejects(triedVariantOf("b=/nowhere.json:10"), { code: "INVALID_REQUEST" });
    await assert.rejects(triedVariantOf("b"), { code: "INVALID_REQUEST" });
  });
});
