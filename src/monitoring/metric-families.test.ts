import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { IntervalStatistics } from "./interval-statistics.ts";
import { metricFamilies } from "./metric-families.ts";

const nothing = {
  monitors: [], lastMinute: () => new IntervalStatistics(), served: [], refused: [], drift: [], logBacklogBytes: 4711, routesCutOff: null,
  process: { residentBytes: 1, cpuSeconds: 1, startSeconds: 1, eventLoopP99Seconds: 0 },
};

describe("metricFamilies", () => {
  it("shows how much of the prediction log waits to become Parquet, before any model is there", () => {
    const families = metricFamilies(nothing);
    const backlog = families.find(({ name }) => name === "slipway_prediction_log_backlog_bytes")!;
    assert.deepEqual([backlog.type, backlog.samples], ["gauge", [{ labels: {}, value: 4711 }]]);
  });

  it("shows whether the routes of rollouts are shared, where somebody knows", () => {
    const valuesOf = (routesCutOff: boolean | null): number[] =>
      metricFamilies({ ...nothing, routesCutOff }).find(({ name }) => name === "slipway_routes_cut_off")!.samples.map(({ value }) => value);
    assert.deepEqual([valuesOf(null), valuesOf(false), valuesOf(true)], [[], [0], [1]]);
  });
});
