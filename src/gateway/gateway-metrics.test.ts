import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { localCaller } from "../core/caller.ts";
import { epochMs } from "../core/clock.ts";
import { TurnedAway } from "../core/turned-away.ts";
import { CallMetrics } from "./calls/call-metrics.ts";
import { RefusedCalls } from "./calls/refused-calls.ts";
import { gatewayMetrics, type GatewayMetricParts } from "./gateway-metrics.ts";

function partsOf(more: object): GatewayMetricParts {
  return {
    calls: new CallMetrics(), refused: new RefusedCalls(), health: { views: () => [] }, admission: { waiting: 0 }, turnedAway: new TurnedAway(), budgets: { budgets: () => Promise.resolve([]) }, catalog: { routes: () => [] },
    ledger: { lostInAll: { entries: 3, cost: 1_500_000_000 } }, ...more,
  } as unknown as GatewayMetricParts;
}

describe("gatewayMetrics", () => {
  it("shows the breakers of what routes name, however many models callers name beside that fail", async () => {
    const view = (model: string, state: "open" | "closed"): object => ({ provider: "p", model, state });
    const views = [...Array.from({ length: 3000 }, (_, index) => view(`chosen-${index}`, "open")), view("own", "closed"), view("fallback", "open")];
    const parts = partsOf({
      health: { views: () => views }, catalog: { routes: () => [{ name: "chat", settings: { targets: [{ provider: "p", model: "own" }, { provider: "p", model: "fallback" }] } }] },
    });
    const { samples } = (await gatewayMetrics(parts, localCaller, epochMs(0))).find(({ name }) => name === "slipway_gateway_breaker_open")!;
    assert.deepEqual(samples.slice(0, 2).map(({ labels, value }) => [labels.model, value]), [["fallback", 1], ["own", 0]]);
    assert.equal(samples.length, 500);
  });

  it("tells who sees the server, and nobody else, what the ledger lost and what was turned away", async () => {
    const of = async (caller: typeof localCaller): Promise<Record<string, number[]>> =>
      Object.fromEntries((await gatewayMetrics(partsOf({}), caller, epochMs(0))).filter(({ name }) => /lost|turned/.test(name)).map(({ name, samples }) => [name, samples.map(({ value }) => value)]));
    assert.deepEqual(await of(localCaller), { slipway_turned_away_total: [0, 0, 0, 0, 0, 0], slipway_ledger_entries_lost_total: [3], slipway_ledger_dollars_lost_total: [1.5] });
    assert.deepEqual(await of({ ...localCaller, grants: [{ role: "admin", team: "blue" }] }), {});
  });
});
