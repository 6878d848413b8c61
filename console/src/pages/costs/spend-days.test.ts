import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { beginOf, budgetMark, costRangeOf, spendSeries, windowStarts } from "./spend-days.ts";

const at = Date.UTC(2026, 2, 4, 13, 30);

describe("spend by day", () => {
  it("has every day of the range, in order, and zeros where nothing was called", () => {
    const rows = [{ group: { day: "2026-03-04" }, cost: 2_500_000_000, calls: 3 }, { group: { day: "2026-02-26" }, cost: 1e9, calls: 1 }, { group: { day: "2026-01-01" }, cost: 7e9, calls: 9 }];
    const { times, dollars, calls } = spendSeries(rows, costRangeOf("7d"), at);
    assert.deepEqual(times.map((time) => new Date(time * 1000).toISOString().slice(0, 10)), ["2026-02-26", "2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"]);
    assert.deepEqual([dollars, calls], [[1, 0, 0, 0, 0, 0, 2.5], [1, 0, 0, 0, 0, 0, 3]]);
  });

  it("has hours where the range is a day, however they are written", () => {
    for (const hour of ["2026-03-04T13", "2026-03-04T13:00", "2026-03-04T13:00:00Z"]) {
      const { times, dollars } = spendSeries([{ group: { hour }, cost: 1e9, calls: 1 }], costRangeOf("1d"), at);
      assert.deepEqual([times.length, dollars.at(-1), dollars.at(-2)], [24, 1, 0]);
    }
    assert.equal(beginOf(costRangeOf("1d"), at), Date.UTC(2026, 2, 3, 14));
  });

  it("knows where windows of budgets begin, and how full is full", () => {
    assert.deepEqual(windowStarts(at), { day: Date.UTC(2026, 2, 4), month: Date.UTC(2026, 2, 1) });
    assert.deepEqual([0, 49.9, 50, 80, 99.9, 100, 130].map((percent) => budgetMark(percent).words), ["under half", "under half", "over half", "over 80%", "over 80%", "used up", "used up"]);
    assert.deepEqual([0, 60, 99, 100].map((percent) => budgetMark(percent, 1)), [...[0, 60, 99].map(() => ({ tone: "warning", words: "refuses calls" })), { tone: "bad", words: "used up" }]);
  });
});
