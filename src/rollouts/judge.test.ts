import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { SeededRandom } from "../../test/kit/seeded-random.ts";
import { RolloutPlan, type StepGate } from "../registry/index.ts";
import { judge, replay, type Judgement } from "./judge.ts";
import type { ArmFigures, PairedFigures, PhaseFigures, Verdict } from "./schemas.ts";
import { latencyBucket, signedBucket } from "./statistics/index.ts";

type Wanted = Partial<ArmFigures> & { ms?: number };

/** An arm whose answers took about `ms`, some a little more. */
function arm(name: string, requests: number, { ms = 10, ...more }: Wanted = {}): ArmFigures {
  const times = new Map<number, number>();
  for (let index = 0; index < requests; index++) {
    const bucket = latencyBucket(ms * 1000 * (1 + (index % 7) / 20));
    times.set(bucket, (times.get(bucket) ?? 0) + 1);
  }
  const half = Math.floor(requests / 2);
  return {
    arm: name, version: name === "stable" ? "1" : "2", requests, rows: requests, failures: {}, retries: 0, latencyUs: [...times].sort(([left], [right]) => left - right),
    predictions: { kind: "label", counts: { no: half, yes: requests - half }, other: 0 }, errors: { count: 0, mean: 0, m2: 0 }, ...more,
  };
}

function pairs(count: number, more: Partial<PairedFigures> = {}): PairedFigures {
  const none = { count: 0, mean: 0, m2: 0 };
  return { arm: "candidate", pairs: count, skipped: 0, disagreements: 0, labels: count, difference: none, absoluteDifference: none, latencyUs: none, ...more };
}

const gates = {
  p95: { kind: "latency", quantile: "p95", maxMs: 100, maxRatio: 1.5, fromMs: 10, onFailure: "roll back" },
  errors: { kind: "errors", maxRate: 0.01, compare: true, onFailure: "roll back" },
  distribution: { kind: "distribution", output: null, maxDistance: 0.2, onFailure: "hold" },
  paired: { kind: "paired", maxDisagreement: 0.2, maxDifference: 0.5, onFailure: "hold" },
  accuracy: { kind: "accuracy", maxLoss: 0.02, minTruths: 100, required: false, onFailure: "roll back" },
  metric: { kind: "metric", name: "revenue", sql: "select 1", min: 5, max: null, maxRatio: null, everySeconds: 60, onFailure: "roll back" },
} satisfies Record<string, StepGate>;

interface Case {
  asked?: StepGate[];
  figures?: PhaseFigures;
  seconds?: number;
  phase?: Record<string, unknown>;
  plan?: Record<string, unknown>;
  metrics?: Verdict["metrics"];
}

/** A canary of half of the traffic that is due after 60 seconds and 100 answers. */
function planOf({ asked = [], phase = {}, plan = {} }: Case): RolloutPlan {
  return RolloutPlan.parse({ phases: [{ phase: "canary", weight: 0.5, minSeconds: 60, minSamples: 100, gates: asked, ...phase }], ...plan });
}

function judged(given: Case): Judgement {
  return judge({ plan: planOf(given), phase: 0, seconds: given.seconds ?? 60, figures: given.figures ?? both(1000), metrics: given.metrics ?? [] });
}

function both(requests: number, candidate: Wanted = {}, stable: Wanted = {}): PhaseFigures {
  return { arms: [arm("stable", requests, stable), arm("candidate", requests, candidate)], paired: [] };
}

const resultOf = ({ gates: results }: Judgement, gate: string): string | undefined => results.find((one) => one.gate === gate)?.result;

describe("the judgement of a phase", () => {
  it("promotes when time and samples are there and every gate passes", () => {
    const all = judged({ asked: [gates.p95, gates.errors, gates.distribution] });
    assert.equal(all.decision, "promote", all.reason);
    assert.deepEqual(all.gates.map(({ gate, result }) => [gate, result]), [
      ["time", "pass"], ["samples", "pass"], ["hard failures", "pass"], ["sample ratio", "pass"], ["latency p95", "pass"], ["errors", "pass"], ["distribution", "pass"],
    ]);
  });

  it("holds before the minimum time, and before the samples", () => {
    assert.equal(judged({ seconds: 59.9 }).decision, "hold");
    const few = judged({ figures: both(99) });
    assert.equal(few.decision, "hold");
    assert.match(few.reason, /samples: 99 of at least 100/);
  });

  it("holds without data: it neither promotes nor rolls back", () => {
    for (const gate of [gates.p95, gates.errors, gates.distribution, gates.metric]) {
      const none = judged({ asked: [gate], figures: { arms: [], paired: [] }, phase: { minSamples: 0 }, plan: {} });
      assert.equal(none.decision, "hold", gate.kind);
      assert.equal(none.gates.at(-1)!.result, "no data", gate.kind);
    }
    const unpaired = judged({ asked: [gates.paired], phase: { shadow: 0.5 } });
    assert.equal(unpaired.decision, "hold");
  });

  it("rolls back before time and samples where a bound is beyond its limit", () => {
    const slow = judged({ asked: [gates.p95], figures: both(1500, { ms: 40 }), seconds: 1 });
    assert.equal(slow.decision, "roll back", JSON.stringify(slow.gates));
    const absolute = judged({ asked: [{ ...gates.p95, maxRatio: null }], figures: both(200, { ms: 300 }), seconds: 1 });
    assert.equal(absolute.decision, "roll back");
    assert.match(absolute.reason, /^latency p95: p95 3\d\d ms is above the limit of 100 ms/);
  });

  it("holds where the stable version is above an absolute limit too, in the same window", () => {
    const slow = judged({ asked: [{ ...gates.p95, maxRatio: null }], figures: both(1000, { ms: 300 }, { ms: 280 }) });
    assert.equal(slow.decision, "hold");
    assert.match(slow.reason, /p95 3\d\d ms is above the limit of 100 ms, and so is the stable version's with 3\d\d ms/);
  });

  it("takes no ratio for bad of what is fast all the same", () => {
    const fast = { asked: [gates.p95], figures: both(5000, { ms: 4 }, { ms: 0.3 }) };
    assert.equal(judged(fast).decision, "promote");
    assert.equal(judged({ ...fast, asked: [{ ...gates.p95, fromMs: 1 }] }).decision, "roll back");
  });

  it("holds where a few slow answers put the estimate above an absolute limit that is within the bounds", () => {
    const p99: StepGate = { ...gates.p95, quantile: "p99", maxRatio: null };
    const few = (slow: number): PhaseFigures => {
      const [stable, candidate] = both(120).arms as [ArmFigures, ArmFigures];
      return { arms: [stable, { ...candidate, latencyUs: [[latencyBucket(10_000), 120 - slow], [latencyBucket(150_000), slow]] }], paired: [] };
    };
    const held = judged({ asked: [p99], figures: few(2) });
    assert.equal(held.decision, "hold");
    assert.match(held.reason, /p99 1\d\d ms is above the limit of 100 ms, which may be chance/);
    assert.equal(judged({ asked: [p99], figures: few(60) }).decision, "roll back");
  });

  it("judges the limit of errors by the estimate when the phase is due", () => {
    // 3 of 250 are 1.2%: too few for a bound, and more than the 1% that is allowed.
    const figures = both(250, { failures: { INVALID_OUTPUT: 3 } });
    const given = { asked: [gates.errors], figures, plan: { hard: { failures: 1000 } } };
    assert.equal(judged({ ...given, seconds: 59 }).decision, "hold");
    assert.equal(judged(given).decision, "roll back");
  });

  it("counts what was wrong beside the stable version's errors, exactly, for rare ones too", () => {
    const asked = [{ ...gates.errors, maxRate: null }];
    const hard = { hard: { failures: 1000 } };
    assert.equal(judged({ asked, figures: both(5000, { failures: { ERROR: 30 } }, { failures: { ERROR: 30 } }), plan: hard }).decision, "promote");
    assert.equal(judged({ asked, figures: both(5000, { failures: { ERROR: 60 } }, { failures: { ERROR: 5 } }), plan: hard, seconds: 1 }).decision, "roll back");
  });

  it("ends at hard failures, whatever time and samples", () => {
    const hard = judged({ figures: both(5, { failures: { RUNNER_CRASHED: 2, INVALID_OUTPUT: 1 } }), seconds: 0 });
    assert.equal(hard.decision, "roll back");
    assert.match(hard.reason, /hard failures: 3 \(2 RUNNER_CRASHED, 1 INVALID_OUTPUT\)/);
    assert.equal(judged({ figures: both(5, { failures: { RUNNER_CRASHED: 2 } }), seconds: 0 }).decision, "hold");
  });

  it("holds while the providers of a candidate have no room for it, and rolls back where its own accounts surely have none", () => {
    const limited = (requests: number, calls: number, own: number): Judgement => judged({ figures: both(requests, { limited: { calls, own } }) });
    assert.equal(resultOf(judged({}), "provider limits"), undefined);
    const shared = limited(100, 50, 0);
    assert.deepEqual([shared.decision, resultOf(shared, "provider limits")], ["hold", "undecided"]);
    assert.match(shared.reason, /^provider limits: 50 of 150 calls met a limit or a used up quota of their provider, shared with the present settings; at most 5% may/);
    assert.deepEqual([limited(1000, 50, 0).decision, limited(1000, 50, 50).decision], ["promote", "promote"]);
    const own = limited(100, 50, 40);
    assert.deepEqual([own.decision, resultOf(own, "provider limits")], ["roll back", "fail"]);
    assert.match(own.reason, /40 of them where the present settings were not/);
    assert.deepEqual([limited(0, 19, 19).decision, limited(0, 20, 20).decision], ["hold", "roll back"]);
    const figures = both(100, { limited: { calls: 50, own: 0 } });
    assert.deepEqual(replay({ phase: 0, seconds: 60, figures, metrics: [], decision: "hold", reason: "", by: null }, planOf({})), judged({ figures }));
  });

  it("holds nobody for limits that the present settings meet as often, and tells of them; nor in the last phase, by those of the phase before", () => {
    const limited = (own: number, theirs: number): Judgement => judged({ figures: both(1000, { limited: { calls: 300, own } }, { limited: { calls: theirs, own: 0 } }) });
    const alike = limited(0, 280);
    assert.deepEqual([alike.decision, resultOf(alike, "provider limits")], ["promote", "pass"]);
    const { detail, candidate, stable } = alike.gates.find(({ gate }) => gate === "provider limits")!;
    assert.match(detail, /^300 of 1300 calls met .*; at most 5% may, and 280 of 1280 of the present settings did: that is no more than chance beside them/);
    assert.deepEqual([candidate, stable], [300 / 1300, 280 / 1280]);
    // Surely more often than they, they hardly at all, and its own account.
    for (const theirs of [100, 52, 0]) assert.deepEqual([theirs, limited(0, theirs).decision], [theirs, "hold"]);
    assert.match(limited(0, 100).reason, /100 of 1100 of the present settings did: more than chance$/);
    assert.equal(limited(300, 280).decision, "roll back");
    const full = (stableLimits?: PhaseFigures["stableLimits"]): Judgement => judged({ phase: { weight: 1 }, figures: { ...both(1000, { limited: { calls: 300, own: 0 } }), ...(stableLimits === undefined ? {} : { stableLimits }) } });
    assert.deepEqual([full().decision, full({ calls: 0, of: 1000 }).decision, full({ calls: 280, of: 1280 }).decision], ["hold", "hold", "promote"]);
    assert.match(full({ calls: 280, of: 1280 }).gates.find(({ gate }) => gate === "provider limits")!.detail, /280 of 1280 of the present settings did in the phase before/);
  });

  it("does not let a candidate pass that meets twice as many limits, and holds up few that meet as many, in bursts too", () => {
    const seeded = new SeededRandom(7);
    const random = (): number => seeded.next();
    // Once due, in the canary's minute of judgements: bursts in which the account has no room fall on both by their shares.
    const promotedOf = (ratio: number): number => {
      let promoted = 0;
      for (let run = 0; run < 200; run++) {
        const [counts, met] = [[0, 0], [0, 0]];
        for (let burst = 0; burst < 60; burst++) {
          const share = random() < 0.3 ? 0.8 / ratio : 0.02;
          for (let call = 0; call < 100; call++) {
            const arm = random() < 0.25 ? 1 : 0;
            counts[arm]!++;
            if (random() < share * (arm === 1 ? ratio : 1)) met[arm]!++;
          }
        }
        const figures = both(1, { requests: counts[1]! - met[1]!, limited: { calls: met[1]!, own: 0 } }, { requests: counts[0]! - met[0]!, limited: { calls: met[0]!, own: 0 } });
        if (resultOf(judged({ figures }), "provider limits") === "pass") promoted++;
      }
      return promoted / 200;
    };
    assert.ok(promotedOf(1) >= 0.95);
    assert.equal(promotedOf(2), 0);
  });

  it("holds where a gate that only holds fails, and says so", () => {
    const far = judged({ asked: [gates.distribution], figures: both(1000, { predictions: { kind: "label", counts: { yes: 990, no: 10 }, other: 0 } }) });
    assert.equal(far.decision, "hold");
    assert.equal(resultOf(far, "distribution"), "fail");
    assert.match(far.reason, /^distribution: /);
  });

  it("holds at a split that is not the one asked for", () => {
    const skewed = judged({ figures: { arms: [arm("stable", 2000), arm("candidate", 1000)], paired: [] } });
    assert.equal(skewed.decision, "hold");
    assert.match(skewed.reason, /^sample ratio: 33.3% of the requests came to the candidate, 50.0% were meant to/);
    // Rules send requests past the weight: the split says nothing then.
    assert.equal(judged({ figures: { arms: [arm("stable", 2000), arm("candidate", 1000)], paired: [] }, plan: { rules: [{ header: "x-beta", to: "candidate" }] } }).decision, "promote");
  });

  it("judges the split by keys and by requests without one, whatever rules send past the weight", () => {
    const figures = (assigned: PhaseFigures["assigned"]): PhaseFigures => ({ arms: [arm("stable", 2000), arm("candidate", 1000)], paired: [], assigned });
    const plan = { rules: [{ header: "x-beta", to: "candidate" }] };
    // A caller who sends half of the requests is one key.
    const fair = judged({ figures: figures({ halvings: 0, keys: { stable: 21, candidate: 19 }, drawn: {} }), plan });
    assert.deepEqual([fair.decision, fair.gates.find(({ gate }) => gate === "sample ratio")?.candidate], ["promote", 0.475], fair.reason);
    const skewed = judged({ figures: figures({ halvings: 0, keys: { stable: 600, candidate: 300 }, drawn: { stable: 10, candidate: 12 } }), plan });
    assert.match(skewed.reason, /^sample ratio: 33.8% of the keys and requests without one came to the candidate, 50.0% were meant to: more than chance/);
    assert.equal(judged({ figures: figures({ halvings: 0, keys: {}, drawn: { stable: 600, candidate: 300 } }) }).decision, "hold");
    assert.equal(resultOf(judged({ figures: figures({ halvings: 0, keys: {}, drawn: {} }), plan }), "sample ratio"), "no data");
    // A sample that was halved is another test: it has a part of alpha.
    const nearly = { keys: { stable: 584, candidate: 416 }, drawn: {} };
    assert.deepEqual([0, 9].map((halvings) => resultOf(judged({ figures: figures({ halvings, ...nearly }) }), "sample ratio")), ["fail", "pass"]);
  });

  it("compares nothing in a phase that leaves no traffic to the stable version, and waits for none of it", () => {
    const full = judged({ asked: [gates.p95, gates.errors, gates.distribution, gates.paired, gates.accuracy], figures: { arms: [arm("candidate", 500)], paired: [] }, phase: { phase: "full", weight: 1 } });
    assert.equal(full.decision, "promote", full.reason);
    assert.match(full.gates.find(({ gate }) => gate === "distribution")!.detail, /not judged/);
    assert.equal(judged({ asked: [gates.p95], figures: { arms: [arm("candidate", 500, { ms: 300 })], paired: [] }, phase: { phase: "full", weight: 1 } }).decision, "roll back");
  });

  it("judges pairs of labels and of numbers", () => {
    const asked = [gates.paired];
    const shadow = { phase: { phase: "shadow", weight: 0, shadow: 1 }, asked };
    const figures = (one: PairedFigures, stable: Wanted = {}): PhaseFigures => ({ arms: [arm("stable", 1000, stable), arm("candidate", 1000)], paired: [one] });
    assert.equal(judged({ ...shadow, figures: figures(pairs(1000, { disagreements: 100 })) }).decision, "promote");
    assert.equal(resultOf(judged({ ...shadow, figures: figures(pairs(1000, { disagreements: 400 })) }), "paired"), "fail");
    const numbers = { predictions: { kind: "number" as const, counts: [[signedBucket(1), 1000]] as [number, number][], moments: { count: 1000, mean: 5, m2: 999 * 4 } } };
    const apart = (mean: number) => pairs(1000, { labels: 0, absoluteDifference: { count: 1000, mean, m2: 100 } });
    assert.equal(judged({ ...shadow, figures: figures(apart(0.5), numbers) }).decision, "promote");
    assert.equal(resultOf(judged({ ...shadow, figures: figures(apart(1.5), numbers) }), "paired"), "fail");
  });

  it("judges accuracy by the truth that there is, and waits for it only where the plan says so", () => {
    const wrong = (share: number, count = 2000) => ({ errors: { count, mean: share, m2: count * share * (1 - share) } });
    const asked = [gates.accuracy];
    assert.equal(judged({ asked }).decision, "promote");
    assert.equal(judged({ asked: [{ ...gates.accuracy, required: true }] }).decision, "hold");
    assert.equal(judged({ asked, figures: both(2000, wrong(0.11), wrong(0.1)) }).decision, "promote");
    const worse = judged({ asked, figures: both(2000, wrong(0.3), wrong(0.1)) });
    assert.equal(worse.decision, "roll back");
    assert.match(worse.reason, /accuracy 0.7 beside 0.9/);
  });

  it("judges metrics when the phase is due", () => {
    const asked = [gates.metric];
    const metrics = [{ name: "revenue", candidate: 4, stable: 6 }];
    assert.equal(judged({ asked, metrics, seconds: 1 }).decision, "hold");
    assert.equal(judged({ asked, metrics }).decision, "roll back");
    assert.equal(judged({ asked, metrics: [{ name: "revenue", candidate: 6, stable: 6 }] }).decision, "promote");
  });

  it("rolls back after maxSeconds without a verdict", () => {
    assert.equal(judged({ figures: both(10), seconds: 600, phase: { maxSeconds: 600 } }).decision, "roll back");
    assert.equal(judged({ figures: both(10), seconds: 599, phase: { maxSeconds: 600 } }).decision, "hold");
  });

  it("says the same again of what a verdict keeps, through JSON", () => {
    fc.assert(
      fc.property(
        fc.nat(3000), fc.nat(3000), fc.nat(5), fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 400 }), fc.double({ min: 0, max: 120, noNaN: true }), fc.boolean(),
        (own, theirs, failures, ownMs, theirMs, seconds, shadows) => {
          const plan = planOf({ asked: Object.values(gates), phase: { shadow: shadows ? 0.5 : 0 } });
          const figures = { arms: [arm("stable", theirs, { ms: theirMs }), arm("candidate", own, { ms: ownMs, failures: { ERROR: failures } })], paired: shadows ? [pairs(own)] : [] };
          const facts = { phase: 0, seconds, figures, metrics: [{ name: "revenue", candidate: 5, stable: null }] };
          const first = judge({ plan, ...facts });
          const kept = JSON.parse(JSON.stringify({ ...first, ...facts, by: null })) as Verdict;
          assert.deepEqual(JSON.parse(JSON.stringify(replay(kept, plan))), { decision: kept.decision, reason: kept.reason, gates: kept.gates });
        },
      ),
      { numRuns: 60 },
    );
  });

  it("keeps the word of a person in a replay", () => {
    const { gates: shown } = judged({ seconds: 1 });
    const verdict = { phase: 0, seconds: 1, figures: both(1000), metrics: [], decision: "promote" as const, reason: "promoted by key:key_1", by: "key:key_1" };
    assert.deepEqual(replay(verdict, planOf({})), { decision: "promote", reason: "promoted by key:key_1", gates: shown });
  });
});
