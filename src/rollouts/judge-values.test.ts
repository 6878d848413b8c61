import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RolloutPlan, type StepGate } from "../registry/index.ts";
import { judge, replay } from "./judge.ts";
import type { GateResult, PhaseFigures } from "./schemas.ts";
import { RunningMoments, type Moments } from "./statistics/index.ts";
import { armFigures } from "./rollout-world.fixture.ts";

const cost = { kind: "cost", maxRatio: 1.25, maxDollars: null, onFailure: "roll back" } satisfies StepGate;
const helpful = { kind: "score", name: "helpful", better: "higher", maxLoss: 0.05, minScores: 100, required: false, onFailure: "roll back" } satisfies StepGate;

/** So many values about the mean, some a tenth above and some below. */
function around(mean: number, count: number, spread = 0.1): Moments {
  const moments = new RunningMoments();
  for (let index = 0; index < count; index++) moments.add(mean * (1 + spread * ((index % 3) - 1)));
  return moments.toJSON();
}
type Values = Record<string, Moments>;
const figuresOf = (stable: Values, candidate: Values, pairs?: Values): PhaseFigures => ({
  arms: [{ ...armFigures("stable", 1000), values: stable }, { ...armFigures("candidate", 1000), values: candidate }],
  paired: pairs === undefined ? [] : [{ arm: "candidate", pairs: 500, skipped: 0, disagreements: 0, labels: 0, difference: around(0, 0), absoluteDifference: around(0, 0), latencyUs: around(0, 0), values: pairs }],
});

function judged(gate: StepGate, figures: PhaseFigures, { shadow = 0, weight = 0.5, seconds = 60 } = {}): GateResult & { decision: string } {
  const plan = RolloutPlan.parse({ phases: [{ phase: "canary", weight, shadow, minSeconds: 60, minSamples: 1, gates: [gate] }] });
  const facts = { phase: 0, seconds, figures, metrics: [] };
  const made = judge({ plan, ...facts });
  assert.deepEqual(replay({ ...facts, decision: made.decision, reason: made.reason, by: null }, plan), made);
  return { ...made.gates.find(({ spec }) => spec !== null)!, decision: made.decision };
}
const result = (...given: Parameters<typeof judged>): string => judged(...given).result;

describe("gates of what calls cost", () => {
  it("fails what costs more than so many times stable's, beyond chance, before the phase is due too", () => {
    const dear = judged(cost, figuresOf({ cost: around(0.01, 900) }, { cost: around(0.02, 200) }), { seconds: 1 });
    assert.deepEqual([dear.gate, dear.result, dear.decision, dear.limit], ["cost", "fail", "roll back", 1.25]);
    assert.match(dear.detail, /^a call costs \$0\.02, 2 times the stable version's \$0\.01; at most 1\.25 times/);
    assert.equal(result(cost, figuresOf({ cost: around(0.01, 900) }, { cost: around(0.0124, 200) })), "pass");
    assert.equal(result(cost, figuresOf({ cost: around(0.01, 900) }, { cost: around(0.0124, 200) }), { seconds: 1 }), "undecided");
    // A little above, with few calls that differ much: chance.
    assert.equal(result(cost, figuresOf({ cost: around(0.01, 900, 1) }, { cost: around(0.013, 110, 1) })), "pass");
  });

  it("says nothing of too few calls, but where every call costs the same", () => {
    const few = judged(cost, figuresOf({ cost: around(0.01, 900) }, { cost: around(0.05, 99) }));
    assert.deepEqual([few.result, few.decision], ["no data", "hold"]);
    assert.equal(result(cost, figuresOf({ cost: around(0.01, 10, 0) }, { cost: around(0.02, 10, 0) })), "fail");
    assert.equal(result(cost, figuresOf({ cost: around(0.01, 10, 0) }, { cost: around(0.0125, 10, 0) })), "pass");
    assert.equal(result(cost, figuresOf({ cost: around(0.01, 10, 0) }, { cost: around(0.02, 9, 0) })), "no data");
    assert.doesNotMatch(few.detail, /prices set/);
    const unpriced = judged(cost, figuresOf({}, {}));
    assert.deepEqual([unpriced.result, unpriced.detail], ["no data", "0 calls of the candidate have a price and 0 of the stable version's; 100 of each are needed (a model without a price gets one with `slipway prices set`)"]);
    assert.equal(result(cost, figuresOf({ cost: around(0, 20, 0) }, { cost: around(0.001, 20, 0) })), "fail");
    assert.equal(result(cost, figuresOf({ cost: around(0, 20, 0) }, { cost: around(0, 20, 0) })), "pass");
  });

  it("takes the same calls where a shadow makes pairs", () => {
    const unlike = { cost: around(0.01, 900, 1) };
    const pairs = { cost: around(0.004, 201), "stable cost": around(0.01, 201, 1) };
    const paired = judged(cost, figuresOf(unlike, { cost: around(0.0135, 110, 1) }, pairs), { shadow: 0.5 });
    assert.deepEqual([paired.result, paired.candidate!.toFixed(4), paired.stable!.toFixed(4)], ["fail", "0.0140", "0.0100"]);
    assert.match(paired.detail, /for the same calls/);
    assert.equal(result(cost, figuresOf(unlike, { cost: around(0.0135, 110, 1) }, pairs)), "pass");
    assert.equal(result(cost, figuresOf(unlike, {}, { ...pairs, cost: around(0.002, 200) }), { shadow: 0.5 }), "pass");
  });

  it("holds an absolute limit by the estimate when the phase is due, and compares nothing where stable has no calls", () => {
    const limit = { ...cost, maxRatio: null, maxDollars: 0.02 };
    assert.equal(result(limit, figuresOf({}, { cost: around(0.03, 200) }), { seconds: 1 }), "fail");
    assert.equal(result(limit, figuresOf({}, { cost: around(0.021, 200, 1) }), { seconds: 1 }), "undecided");
    assert.equal(result(limit, figuresOf({}, { cost: around(0.021, 200, 1) })), "fail");
    assert.equal(result(limit, figuresOf({}, { cost: around(0.019, 200, 1) })), "pass");
    assert.equal(result(limit, figuresOf({}, {})), "no data");
    const full = judged(cost, figuresOf({}, { cost: around(1, 200) }), { weight: 1 });
    assert.deepEqual([full.result, full.decision], ["no data", "promote"]);
  });
});

describe("gates of scores", () => {
  const scores = (stable: Moments, candidate: Moments): PhaseFigures => figuresOf({ "score helpful": stable }, { "score helpful": candidate });

  it("fails what is scored worse than it may be, whichever way is better", () => {
    const worse = judged(helpful, scores(around(0.9, 500), around(0.7, 500)), { seconds: 1 });
    assert.deepEqual([worse.gate, worse.result, worse.candidate! < 0.71, worse.stable! > 0.89], ["score helpful", "fail", true, true]);
    assert.equal(result(helpful, scores(around(0.9, 500), around(0.86, 500))), "pass");
    assert.equal(result(helpful, scores(around(0.7, 500), around(0.9, 500))), "pass");
    assert.equal(result({ ...helpful, better: "lower" }, scores(around(0.7, 500), around(0.9, 500))), "fail");
    assert.equal(result({ ...helpful, better: "lower" }, scores(around(0.9, 500), around(0.7, 500))), "pass");
    assert.equal(result({ ...helpful, minScores: 10 }, scores(around(1, 10, 0), around(0, 10, 0))), "fail");
  });

  it("is waited for only where it is required", () => {
    const late = judged(helpful, scores(around(0.9, 500), around(0.1, 99)));
    assert.deepEqual([late.result, late.decision], ["no data", "promote"]);
    assert.equal(judged({ ...helpful, required: true }, scores(around(0.9, 500), around(0.9, 99))).decision, "hold");
    assert.equal(judged({ ...helpful, required: true }, figuresOf({}, {})).decision, "hold");
  });
});
