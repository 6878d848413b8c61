import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { IntervalStatistics } from "./interval-statistics.ts";
import { metricFamilies } from "./metric-families.ts";

describe("metricFamilies", () => {
  it("shows how much of the prediction log waits to become Parquet, before any model is there", () => {
    const families = metricFamilies({
      monitors: [], lastMinute: () => new IntervalStatistics(), served: [], refused: [], drift: [], logBacklogBytes: 4711,
      process: { residentBytes: 1, cpuSeconds: 1, startSeconds: 1, eventLoopP99Seconds: 0 },
    });
    const backlog = families.find(({ name }) => name === "slipway_prediction_log_backlog_bytes")!;
    assert.deepEqual([backlog.type, backlog.samples], ["gauge", [{ labels: {}, value: 4711 }]]);
  });
});
