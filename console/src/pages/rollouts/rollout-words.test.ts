import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RolloutPlan } from "../../../../src/registry/rollout-plan.ts";
import type { ArmFigures, Rollout, RolloutStatus } from "../../data/types.ts";
import { gateWords, phasesLine, shareWords, minimumWords } from "./plan-words.ts";
import { actualShares, phaseSeconds, phaseState, plannedShares, serversBehind } from "./rollout-words.ts";

const plan = RolloutPlan.parse({});
const rollout: Rollout = {
  id: "rol_1", model: "score", team: "default", kind: "rollout", stable: "1", candidate: "2", state: "running", plan, phase: 1, phaseSince: 1000, startedAt: 0, startedBy: "ada",
  endedAt: null, reason: "", request: null, workflowRun: null, salt: "", test: null,
};
const route: NonNullable<RolloutStatus["route"]> = {
  model: "score", revision: 4, rollout: "rol_1", phase: "1", kind: "rollout", stable: "1", arms: [{ name: "candidate", version: "2", from: 0, to: 0.05 }], salt: "", key: { header: "slipway-key", input: null },
  rules: [], shadow: null, retryOnStable: true, hard: { failures: 3, latencyMs: null }, warm: [],
};
const arm = (name: string, requests: number): ArmFigures => ({
  arm: name, version: name === "stable" ? "1" : "2", requests, rows: requests, failures: {}, retries: 0, latencyUs: [], predictions: null, errors: { count: 0, mean: 0, m2: 0 },
});

describe("a plan in words", () => {
  it("says what a phase gives and asks for", () => {
    assert.equal(phasesLine(plan.phases), "shadow → canary 5% → staged 25% → full");
    assert.deepEqual(plan.phases.map((phase) => `${shareWords(phase)}; ${minimumWords(phase)}`), [
      "100% as a shadow; at least 10 min and 200 answers", "5% of requests, 5% as a shadow; at least 1 h and 500 answers", "25% of requests; at least 1 h and 2,000 answers", "100% of requests; at least 10 min",
    ]);
  });

  it("says what each gate holds to", () => {
    assert.deepEqual(plan.phases[0]!.gates.map(gateWords), [
      "latency p95 at most 100 ms and at most 1.5 × stable", "latency p99 at most 100 ms and at most 2 × stable", "error rate at most 0.1% and not above stable",
      "distribution of predictions moves by at most 0.2 (PSI)", "difference on the same inputs at most 20% other labels and at most 0.5 standard deviations", "accuracy at most 2% worse, from 100 truths on",
    ]);
  });
});

describe("where a rollout stands", () => {
  it("is one of five for each phase", () => {
    const states = (change: Partial<Rollout>): string[] => plan.phases.map((_, index) => phaseState({ ...rollout, ...change }, index));
    assert.deepEqual(states({}), ["done", "present", "coming", "coming"]);
    assert.deepEqual(states({ phase: -1, state: "preparing" }), ["present", "coming", "coming", "coming"]);
    assert.deepEqual(states({ state: "rolled back", phase: 2 }), ["done", "done", "stopped", "skipped"]);
    assert.deepEqual(states({ state: "succeeded", phase: 3 }), ["done", "done", "done", "done"]);
  });

  it("counts no time of a pause, and none after the end", () => {
    const latest = { phase: 1, time: 61_000, seconds: 40 } as NonNullable<RolloutStatus["latest"]>;
    assert.equal(phaseSeconds({ rollout, latest }, 31_000), 30);
    assert.equal(phaseSeconds({ rollout: { ...rollout, state: "paused" }, latest }, 999_000), 40);
    assert.equal(phaseSeconds({ rollout: { ...rollout, state: "aborted", endedAt: 66_000 }, latest }, 999_000), 65);
    assert.equal(phaseSeconds({ rollout: { ...rollout, phaseSince: null }, latest: null }, 31_000), 0);
  });

  it("has shares by the route, and those that were seen", () => {
    assert.deepEqual(plannedShares({ rollout, route }).map(({ arm: name, share }) => [name, share]), [["stable", 0.95], ["candidate", 0.05]]);
    assert.deepEqual(plannedShares({ rollout, route: { ...route, arms: [] } }).map(({ share }) => share), [1, 0]);
    assert.deepEqual(plannedShares({ rollout: { ...rollout, state: "succeeded" }, route: null }).map(({ share }) => share), [0, 1]);
    const figures = { arms: [arm("stable", 900), arm("candidate", 100)], paired: [] };
    assert.deepEqual([...actualShares({ rollout, figures })!], [["stable", 0.9], ["candidate", 0.1]]);
    // Answers of a shadow are no share of the traffic.
    assert.deepEqual([...actualShares({ rollout: { ...rollout, phase: 0 }, figures })!], [["stable", 1]]);
    assert.equal(actualShares({ rollout, figures: { arms: [], paired: [] } }), null);
  });

  it("knows which servers are behind", () => {
    const replicas = [{ id: "a", revision: 4, seenAt: 0, live: true }, { id: "b", revision: 3, seenAt: 0, live: true }, { id: "c", revision: null, seenAt: 0, live: true }, { id: "d", revision: 1, seenAt: 0, live: false }];
    assert.deepEqual(serversBehind({ replicas, route }).map(({ id }) => id), ["b", "c"]);
    assert.deepEqual(serversBehind({ replicas, route: null }), []);
  });
});
