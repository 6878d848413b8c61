import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { SeededRandom } from "../../../test/kit/seeded-random.ts";
import { AppError } from "../../core/errors.ts";
import type { RouteTarget } from "../schemas.ts";
import type { CallFacts } from "./call-plan.ts";
import { callFacts, routeOf } from "./call-stage.fixture.ts";
import { chooseTargets, type ChoiceParts } from "./choose-targets.ts";

const parts = (more: Partial<ChoiceParts> = {}): ChoiceParts => ({ random: () => 0.5, latencyMs: () => null, stays: null, ...more });
const names = (targets: readonly RouteTarget[]): string => targets.map(({ provider }) => provider).join("");
const order = (targets: Parameters<typeof routeOf>[0], settings: Parameters<typeof routeOf>[1] = {}, facts: Partial<CallFacts> = {}, more: Partial<ChoiceParts> = {}): string =>
  names(chooseTargets(routeOf(targets, settings), callFacts(facts), parts(more)));

/** Of counts that should be as these weights. */
function chiSquare(counts: readonly number[], weights: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  return counts.reduce((sum, count, index) => sum + (count - (total * weights[index]!) / whole) ** 2 / ((total * weights[index]!) / whole), 0);
}

describe("chooseTargets", () => {
  const weights = [5, 3, 1, 1];
  const weighted = weights.map((weight, index) => ({ provider: "abcd"[index]!, weight }));
  // 99.99th percentile with 3 degrees of freedom.
  const mostChiSquare = 21.1;

  it("puts targets first as often as their weights say, by chance and by session", () => {
    const random = new SeededRandom(7);
    for (const session of [() => null, (index: number) => `session ${index}`]) {
      const settings = routeOf(weighted);
      const counts = [0, 0, 0, 0];
      for (let index = 0; index < 8000; index++) counts["abcd".indexOf(names(chooseTargets(settings, callFacts({ session: session(index) }), parts({ random: () => random.next() })))[0]!)]!++;
      assert.ok(chiSquare(counts, weights) < mostChiSquare, String(counts));
    }
  });

  it("puts the others second as often as their weights say among themselves", () => {
    const settings = routeOf(weighted);
    const counts = [0, 0, 0];
    for (let index = 0; index < 8000; index++) {
      const chosen = names(chooseTargets(settings, callFacts({ session: `session ${index}` }), parts()));
      if (chosen.startsWith("a")) counts["bcd".indexOf(chosen[1]!)]!++;
    }
    assert.ok(chiSquare(counts, [3, 1, 1]) < mostChiSquare, String(counts));
  });

  it("keeps sessions where they are, and moves only those of a target that leaves", () => {
    const [all, fewer] = [routeOf(weighted), routeOf(weighted.filter(({ provider }) => provider !== "b"))];
    for (let index = 0; index < 2000; index++) {
      const facts = callFacts({ session: `session ${index}` });
      const before = names(chooseTargets(all, facts, parts({ random: () => 0.1 })));
      assert.equal(names(chooseTargets(all, facts, parts({ random: () => 0.9 }))), before);
      assert.equal(names(chooseTargets(fewer, facts, parts())), before.replace("b", ""));
    }
    const loose = routeOf(weighted, { sticky: false });
    const random = new SeededRandom(1);
    const seen = new Set(Array.from({ length: 100 }, () => names(chooseTargets(loose, callFacts({ session: "s" }), parts({ random: () => random.next() })))[0]));
    assert.ok(seen.size > 1);
  });

  it("gives every target that may take the call once, in the order of priorities", () => {
    const target = fc.record({ provider: fc.constantFrom("a", "b", "c", "d", "e"), weight: fc.constantFrom(0, 0.5, 1, 100), priority: fc.nat(3) });
    fc.assert(fc.property(fc.array(target, { minLength: 1, maxLength: 8 }), fc.constantFrom("weighted", "latency", "cost"), fc.option(fc.string()), fc.integer(), (targets, choose, session, seed) => {
      const random = new SeededRandom(seed);
      const settings = routeOf(targets, { choose });
      const costs = new Map(settings.targets.map((each) => [each, random.next() < 0.3 ? null : random.next()]));
      const chosen = chooseTargets(settings, callFacts({ session, worstCost: (each) => costs.get(each)! }), parts({ random: () => random.next(), latencyMs: (each) => costs.get(each)!, stays: settings.targets.at(-1)! }));
      assert.deepEqual(new Set(chosen), new Set(settings.targets));
      assert.equal(chosen.length, settings.targets.length);
      assert.deepEqual(chosen.map(({ priority }) => priority), settings.targets.map(({ priority }) => priority).toSorted((one, other) => one - other));
    }));
  });

  it("asks targets without weight last of their priority", () => {
    const targets = [{ provider: "a", weight: 0 }, { provider: "b" }, { provider: "c", priority: 1 }];
    for (const random of [0, 0.5, 0.999999]) assert.equal(order(targets, {}, {}, { random: () => random }), "bac");
    // Nor are they first for their speed or price, or keep their sessions.
    const stays = routeOf(["a"]).targets[0]!;
    const quickest = { latencyMs: ({ provider }: RouteTarget) => (provider === "a" ? null : 100) };
    assert.equal(order(targets, { choose: "latency" }, {}, quickest), "bac");
    assert.equal(order(targets, { choose: "cost" }, { worstCost: ({ provider }) => (provider === "a" ? 0 : 1) }), "bac");
    for (const choose of ["latency", "cost"] as const) assert.equal(order(targets, { choose }, { session: "s" }, { ...quickest, stays }), "bac");
    assert.equal(order([{ provider: "d", weight: 0 }, { provider: "a", weight: 0 }], { choose: "cost" }, { session: "s" }, { stays }), "ad");
  });

  it("takes the quickest of late first, those that are not known before it, and now and then another", () => {
    const latency: Record<string, number | null> = { a: 300, b: 100, c: 200 };
    const targets = [{ provider: "a" }, { provider: "b" }, { provider: "c" }];
    const latencyMs = ({ provider }: RouteTarget): number | null => latency[provider]!;
    assert.equal(order(targets, { choose: "latency" }, {}, { latencyMs }), "bca");
    latency.a = null;
    assert.equal(order(targets, { choose: "latency" }, {}, { latencyMs }), "abc");
    latency.a = 300;
    const random = new SeededRandom(3);
    const firsts = Array.from({ length: 3000 }, () => order(targets, { choose: "latency" }, {}, { latencyMs, random: () => random.next() })[0]);
    const others = firsts.filter((first) => first !== "b").length;
    // One of 50, of which a third is the quickest one all the same.
    assert.ok(others > 25 && others < 55, String(others));
    const [small, least] = [{ provider: "a", weight: 1 }, { provider: "b", weight: 0 }];
    // One random number for the weight of the first, one that says to look elsewhere, one that chooses.
    const drawn = [0.5, 0, 0.99];
    assert.equal(order([small, least], { choose: "latency" }, {}, { random: () => drawn.shift()! }), "ab");
  });

  it("takes the cheapest first, and last what has no price", () => {
    const costs: Record<string, number | null> = { a: null, b: 0.2, c: 0.1 };
    assert.equal(order([{ provider: "a" }, { provider: "b" }, { provider: "c" }], { choose: "cost" }, { worstCost: ({ provider }) => costs[provider]! }), "cba");
  });

  it("keeps a session with its target against speed and cost, but not against priority", () => {
    const stays = routeOf([{ provider: "b" }]).targets[0]!;
    const facts = { session: "s", worstCost: ({ provider }: RouteTarget) => (provider === "a" ? 1 : 2) };
    assert.equal(order([{ provider: "a" }, { provider: "b" }], { choose: "cost" }, facts, { stays }), "ba");
    assert.equal(order([{ provider: "a" }, { provider: "b" }], { choose: "cost", sticky: false }, facts, { stays }), "ab");
    assert.equal(order([{ provider: "a" }, { provider: "b" }], { choose: "cost" }, { ...facts, session: null }, { stays }), "ab");
    assert.equal(order([{ provider: "a" }, { provider: "b", priority: 1 }], { choose: "cost" }, facts, { stays }), "ab");
    // By weight, the session says where it belongs.
    const byWeight = order([{ provider: "a" }, { provider: "b" }], {}, facts);
    const second = routeOf([{ provider: byWeight[1]! }]).targets[0]!;
    assert.equal(order([{ provider: "a" }, { provider: "b" }], {}, facts, { stays: second }), byWeight);
  });

  it("passes over targets whose conditions do not hold or that lack something", () => {
    const facts: Partial<CallFacts> = { inputTokens: 1000, needs: new Set(["tools", "stream"]), tags: { team: "search" }, worstCost: ({ provider }) => (provider === "n" ? null : 0.5) };
    const rest = { provider: "z", priority: 9 };
    for (const [target, taken] of [
      [{ when: { minInputTokens: 1000 } }, true], [{ when: { minInputTokens: 1001 } }, false], [{ when: { maxInputTokens: 1000 } }, true], [{ when: { maxInputTokens: 999 } }, false],
      [{ when: { maxCost: 0.5 } }, true], [{ when: { maxCost: 0.49 } }, false], [{ provider: "n", when: { maxCost: 9 } }, false], [{ when: { needs: ["images", "tools"] } }, true], [{ when: { needs: ["images"] } }, false],
      [{ when: { tags: { team: "search" } } }, true], [{ when: { tags: { team: "ads" } } }, false], [{ when: { tags: { toString: "x" } } }, false], [{ when: { minInputTokens: 1, tags: { team: "ads" } } }, false],
      [{ lacks: ["images"] }, true], [{ lacks: ["tools"] }, false], [{ maxContextTokens: 1000 }, true], [{ maxContextTokens: 999 }, false],
    ] as [Partial<RouteTarget>, boolean][]) {
      assert.equal(order([{ provider: "a", ...target, priority: 0 }, rest], {}, facts).length, taken ? 2 : 1, JSON.stringify(target));
    }
    assert.equal(order([{ provider: "a", maxContextTokens: 10 }], { truncate: "oldest-first" }, facts), "a");
  });

  it("says of each target why none takes the call", () => {
    const refusal = (targets: Parameters<typeof routeOf>[0]): AppError => {
      try {
        order(targets, {}, { inputTokens: 1000, needs: new Set(["images"]) });
      } catch (error) {
        if (error instanceof AppError) return error;
      }
      return assert.fail("One takes it.");
    };
    const both = refusal([{ provider: "a", lacks: ["images"] }, { provider: "b", maxContextTokens: 10 }]);
    assert.deepEqual([both.code, both.problems], ["GATEWAY_FIELD_UNSUPPORTED", [{ path: "a/m", message: "has no images" }, { path: "b/m", message: "takes 10 tokens, and these are 1000" }]]);
    assert.equal(both.message, "No target of the route takes this call: a/m has no images; b/m takes 10 tokens, and these are 1000.");
    assert.equal(refusal([{ provider: "a", when: { maxInputTokens: 1 } }, { provider: "b", maxContextTokens: 10 }]).code, "CONTEXT_TOO_LONG");
  });
});
