import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { epochMs } from "../../core/clock.ts";
import type { SplitPair, SplitSample } from "../../gateway/index.ts";
import type { TrafficRoute } from "../../serving/index.ts";
import { trafficRoute } from "../../serving/traffic/traffic-route.fixture.ts";
import type { ArmFigures, PairedFigures } from "../schemas.ts";
import { mergeFigures } from "./merge-figures.ts";
import { RolloutFigures } from "./rollout-figures.ts";

const canary = (change: Partial<TrafficRoute> = {}): TrafficRoute =>
  trafficRoute({ model: "route:chat", rollout: "rol_1", phase: "canary", arms: [{ name: "candidate", version: "2", from: 0, to: 0.5 }], hard: { failures: 3, latencyMs: null }, ...change });
const shadowing = (): TrafficRoute =>
  canary({ phase: "shadow", arms: [{ name: "candidate", version: "2", from: 0, to: 0 }], shadow: { arm: "candidate", version: "2", share: 1, maxConcurrent: 4, maxPerSecond: 50 } });
const call = (route: TrafficRoute, arm: string, change: Partial<SplitSample> = {}): SplitSample => ({
  route, arm, revision: arm === "stable" ? "1" : "2", callId: "c", traceId: "t1", time: epochMs(1), outcome: "ok", isFailure: false, isRetry: false, latencyUs: 5_000_000, costDollars: 0.02,
  choice: { by: "key", fraction: arm === "stable" ? 0.75 : 0.25 }, ...change,
});
const pair = (shadow: Partial<SplitPair["shadow"]>, stable: Partial<SplitPair["stable"]> = {}): SplitPair => ({
  route: shadowing(), callId: "c", time: epochMs(1), stable: { revision: "1", latencyUs: 1000, costDollars: 0.02, ...stable },
  shadow: { arm: "candidate", revision: "2", latencyUs: 3000, costDollars: 0.05, outcome: "ok", isFailure: false, traceId: "t2", ...shadow },
});

function opened() {
  const tripped: string[] = [];
  const figures = new RolloutFigures({ onHardFailure: (_route, arm, reason) => void tripped.push(`${arm} ${reason}`) });
  const armOf = (arm: string, phase = "canary"): ArmFigures | undefined => figures.ofPhase("rol_1", phase).arms.find((one) => one.arm === arm);
  return { figures, tripped, armOf };
}

describe("figures of calls of a route", () => {
  it("counts calls, failures, latency and cost by arm; a cached answer costs nobody anything", () => {
    const { figures, tripped, armOf } = opened();
    figures.answeredCall(call(canary(), "candidate", { costDollars: 0.04 }));
    figures.answeredCall(call(canary(), "candidate", { outcome: "cached", costDollars: 0 }));
    figures.answeredCall(call(canary(), "candidate", { costDollars: null }));
    for (let failure = 0; failure < 3; failure++) figures.answeredCall(call(canary(), "candidate", { outcome: "PROVIDER_FAILED", isFailure: true, costDollars: 0 }));
    figures.answeredCall(call(canary(), "stable"));
    figures.answeredCall(call(canary(), "stable", { isRetry: true, costDollars: 9 }));
    const candidate = armOf("candidate")!;
    assert.deepEqual([candidate.version, candidate.requests, candidate.failures, candidate.values], ["2", 6, { PROVIDER_FAILED: 3 }, { cost: { count: 1, mean: 0.04, m2: 0 } }]);
    assert.equal(candidate.latencyUs.reduce((sum, [, count]) => sum + count, 0), 5);
    assert.deepEqual([armOf("stable")?.requests, armOf("stable")?.retries, armOf("stable")?.values], [1, 1, { cost: { count: 1, mean: 0.02, m2: 0 } }]);
    assert.deepEqual(tripped, ["candidate PROVIDER_FAILED"]);
    figures.answeredCall(call(canary({ rollout: "rol_2", arms: [] }), "stable"));
    assert.deepEqual(figures.open().map(({ rollout }) => rollout), ["rol_1"]);
  });

  it("counts calls that met a limit of a provider apart, and as no failures; a test ends where its variant's own account surely has no room", () => {
    const { figures, tripped, armOf } = opened();
    const met = (limit: "shared" | "own", times: number, route = canary()): void => {
      for (let time = 0; time < times; time++) figures.answeredCall(call(route, "candidate", { outcome: "PROVIDER_LIMITED", limit }));
    };
    figures.answeredCall(call(canary(), "candidate"));
    met("shared", 20);
    met("own", 20);
    assert.deepEqual([armOf("candidate")?.requests, armOf("candidate")?.failures, armOf("candidate")?.limited], [1, {}, { calls: 40, own: 20 }]);
    const { assigned } = figures.ofPhase("rol_1", "canary");
    assert.ok(assigned !== undefined, "they were assigned");
    figures.pairedCalls(pair({ outcome: "PROVIDER_LIMITED", isLimited: true }));
    assert.deepEqual([armOf("candidate", "shadow")?.requests, armOf("candidate", "shadow")?.limited], [0, { calls: 1, own: 1 }]);
    assert.deepEqual(tripped, []);
    const test = canary({ kind: "ab-test", rollout: "abt_1" });
    met("shared", 100, test);
    met("own", 3, canary({ kind: "ab-test", rollout: "abt_2" }));
    assert.deepEqual(tripped, []);
    met("own", 100, test);
    assert.deepEqual(tripped, ["candidate PROVIDER_LIMITED"]);
  });

  it("compares what pairs cost, and counts a shadow that fails as the arm's failure", () => {
    const { figures, tripped, armOf } = opened();
    figures.pairedCalls(pair({}));
    figures.pairedCalls(pair({ costDollars: null }));
    figures.pairedCalls(pair({ outcome: "PROVIDER_FAILED", isFailure: true, costDollars: 0 }));
    const [paired] = figures.ofPhase("rol_1", "shadow").paired as [PairedFigures];
    assert.deepEqual([paired.pairs, paired.labels, paired.latencyUs.mean, paired.values?.["stable cost"]], [2, 0, 2000, { count: 1, mean: 0.02, m2: 0 }]);
    assert.ok(Math.abs(paired.values!.cost!.mean - 0.03) < 1e-12);
    assert.deepEqual([armOf("candidate", "shadow")?.requests, armOf("candidate", "shadow")?.failures, armOf("candidate", "shadow")?.values?.cost?.count], [3, { PROVIDER_FAILED: 1 }, 1]);
    assert.deepEqual(tripped, []);
    const route = shadowing();
    for (let failure = 0; failure < 3; failure++) figures.pairedCalls({ ...pair({ outcome: "PROVIDER_TIMEOUT", isFailure: true }), route: { ...route, rollout: "rol_2" } });
    assert.deepEqual(tripped, ["candidate PROVIDER_TIMEOUT"], "as often as the plan says, a shadow too");
  });

  it("merges values of servers into those of all, and adds no field where there are none", () => {
    fc.assert(fc.property(fc.array(fc.record({ server: fc.nat(2), cost: fc.double({ min: 0, max: 10, noNaN: true }) }), { maxLength: 30 }), (calls) => {
      const servers = [opened(), opened(), opened()];
      const one = opened();
      for (const { server, cost } of calls) for (const { figures } of [servers[server]!, one]) figures.answeredCall(call(canary(), "stable", { costDollars: cost }));
      const merged = mergeFigures(servers.map(({ figures }) => figures.ofPhase("rol_1", "canary"))).arms[0]?.values?.cost;
      const whole = one.armOf("stable")?.values?.cost;
      assert.equal(merged?.count, whole?.count);
      if (merged !== undefined) assert.ok(Math.abs(merged.mean - whole!.mean) < 1e-9 && Math.abs(merged.m2 - whole!.m2) < 1e-6);
    }));
    const { figures, armOf } = opened();
    figures.answeredCall(call(canary(), "stable", { costDollars: null }));
    assert.equal("values" in armOf("stable")!, false);
  });
});
