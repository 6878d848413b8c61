import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { metricText } from "./metric-text.ts";

describe("values of a metric in words", () => {
  it("are dollars where they are costs of calls, and plain numbers elsewhere", () => {
    const cost = metricText("route:chat", "cost");
    assert.deepEqual([0.0000123456, 0, 1234.5].map(cost.value), ["$0.0000123", "$0.00", "$1,234.50"]);
    assert.deepEqual([0.00012, -0.5, Infinity].map(cost.difference), ["+$0.00012", "-$0.50", "+Infinity"]);
    assert.equal(metricText("churn", "cost").value(0.00012), "0.00012");
    assert.equal(metricText("route:chat", "latency").value(12.34567), "12.35");
  });
});
