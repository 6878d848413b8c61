import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { localCaller } from "../core/caller.ts";
import { epochMs } from "../core/clock.ts";
import { TurnedAway } from "../core/turned-away.ts";
import { CallMetrics } from "./calls/call-metrics.ts";
import { RefusedCalls } from "./calls/refused-calls.ts";
import { gatewayMetrics, type GatewayMetricParts } from "./gateway-metrics.ts";

describe("gatewayMetrics", () => {
  it("shows the breakers of what routes name, however many models callers name beside that fail", async () => {
    const view = (model: string, state: "open" | "closed"): object => ({ provider: "p", model, state });
    const views = [...Array.from({ length: 3000 }, (_, index) => view(`chosen-${index}`, "open")), view("own", "closed"), view("fallback", "open")];
    const parts = {
      calls: new CallMetrics(), refused: new RefusedCalls(), health: { views: () => views }, admission: { waiting: 0 }, turnedAway: new TurnedAway(), budgets: { budgets: () => Promise.resolve([]) },
      catalog: { routes: () => [{ name: "chat", settings: { targets: [{ provider: "p", model: "own" }, { provider: "p", model: "fallback" }] } }] },
    } as unknown as GatewayMetricParts;
    const { samples } = (await gatewayMetrics(parts, localCaller, epochMs(0))).find(({ name }) => name === "slipway_gateway_breaker_open")!;
    assert.deepEqual(samples.slice(0, 2).map(({ labels, value }) => [labels.model, value]), [["fallback", 1], ["own", 0]]);
    assert.equal(samples.length, 500);
  });
});
