import type { TrafficRoute } from "./traffic-route.ts";

/** A rollout of version 2 beside version 1 that has no traffic yet. */
export function trafficRoute(change: Partial<TrafficRoute> = {}): TrafficRoute {
  return {
    model: "m", revision: 1, rollout: "rol_01ktz0000000000000000000ab", phase: "canary", kind: "rollout", stable: "1", arms: [], salt: "salt",
    key: { header: "slipway-key", input: null }, rules: [], shadow: null, retryOnStable: true, hard: { failures: 3, latencyMs: null }, warm: ["1", "2"], ...change,
  };
}
