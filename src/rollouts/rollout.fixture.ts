import { RolloutPlan } from "../registry/index.ts";
import type { TrafficRoute } from "../serving/index.ts";
import type { ArmFigures, PhaseFigures, Rollout, Verdict } from "./schemas.ts";

/** For tests: a rollout of version 2 of flights that has just been started. */
export function rolloutOf(id: string, more: Partial<Rollout> = {}): Rollout {
  return {
    id, model: "flights", team: "default", kind: "rollout", stable: "1", candidate: "2", state: "preparing", plan: RolloutPlan.parse({}), phase: -1, phaseSince: null,
    startedAt: 1_700_000_000_123, startedBy: "key:key_1", endedAt: null, reason: "", request: null, workflowRun: null, salt: `salt of ${id}`, test: null, ...more,
  };
}

/** For tests: a route of it with an arm of 5%. */
export function routeFor(rollout: string, more: Partial<Omit<TrafficRoute, "revision">> = {}): Omit<TrafficRoute, "revision"> {
  return {
    model: "flights", rollout, phase: "1-canary", kind: "rollout", stable: "1", arms: [{ name: "candidate", version: "2", from: 0, to: 0.05 }], salt: "salt \u{1f6eb}",
    key: { header: "slipway-key", input: null }, rules: [{ header: "x-beta", equals: null, arm: "candidate" }], shadow: null, retryOnStable: true,
    hard: { failures: 3, latencyMs: null }, warm: ["1", "2"], ...more,
  };
}

/** For tests: figures with something in every field. */
export function figuresOf(requests: number, more: Partial<ArmFigures> = {}): Pick<PhaseFigures, "arms" | "paired"> {
  return {
    arms: [{
      arm: "candidate", version: "2", requests, rows: requests * 2, failures: { INVALID_OUTPUT: 1 }, retries: 0, latencyUs: [[100, requests - 1], [140, 1]],
      predictions: { kind: "label", counts: { "0": 1, "é": 2 ** 40 }, other: 3 }, errors: { count: 2, mean: 0.1 + 0.2, m2: 1e-300 }, ...more,
    }],
    paired: [{
      arm: "candidate", pairs: 3, skipped: 1, disagreements: 2, labels: 6, difference: { count: 6, mean: -0.1, m2: 2 }, absoluteDifference: { count: 6, mean: 0.1, m2: 2 },
      latencyUs: { count: 3, mean: -17.5, m2: 9 },
    }],
  };
}

export function verdictOf(id: string, rollout: string, more: Partial<Verdict> = {}): Verdict {
  return {
    id, rollout, phase: 1, time: 1_700_000_000_500, decision: "hold", reason: "too few", seconds: 12.25,
    gates: [{ gate: "samples", spec: null, result: "undecided", candidate: 3, stable: 90, limit: 500, interval: [-0.25, 1e300], detail: "3 of 500" }],
    figures: figuresOf(3), by: null, metrics: [{ name: "revenue", candidate: null, stable: 0.1 }], ...more,
  };
}
