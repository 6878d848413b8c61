import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { alignIntervals } from "./series.ts";
import { changeQuery } from "./query.ts";
import { boundsOf, parseTimeRange, refreshMsOf, usualPreset } from "./time-range.ts";
import type { ServingInterval } from "./types.ts";

const interval = (from: number): ServingInterval => ({
  from, seconds: 10, requests: 1, rows: 1, errors: 0, cacheHits: 0, p50Ms: 1, p95Ms: 1, p99Ms: 1, minMs: 1, maxMs: 1, queueP95Ms: 0, batches: 1, meanBatchRows: 1, maxQueueRows: 0,
});

describe("alignIntervals", () => {
  it("puts versions on one axis and leaves a hole where one of them was silent", () => {
    const { times, at } = alignIntervals([[interval(0), interval(10_000)], [interval(10_000), interval(20_000)]]);
    assert.deepEqual(times, [0, 10, 20]);
    assert.deepEqual(times.map((_, index) => [at(0, index)?.from, at(1, index)?.from]), [[0, undefined], [10_000, 10_000], [undefined, 20_000]]);
  });

  it("breaks the line where all were silent", () => {
    const { times, at } = alignIntervals([[interval(0), interval(50_000)]]);
    assert.deepEqual(times, [0, 10, 50]);
    assert.equal(at(0, 1), undefined);
  });
});

describe("the time range in the address", () => {
  it("takes presets and fixed spans, and falls back to an hour", () => {
    assert.equal(parseTimeRange("6h", null, null).kind === "preset" && "6h", "6h");
    assert.deepEqual(boundsOf(parseTimeRange(null, "5", "9")), { from: 5, to: 9 });
    for (const [from, to] of [["9", "5"], ["x", "9"], ["", ""], ["-5", "9"]] as const) {
      const range = parseTimeRange("nonsense", from, to);
      assert.equal(range.kind === "preset" && range.preset.id, "1h", `${from} ${to}`);
    }
  });

  it("never fetches a fixed span again, and a moving one once per interval", () => {
    assert.equal(refreshMsOf(parseTimeRange(null, "5", "9"), 180), undefined);
    assert.equal(Math.round(refreshMsOf(parseTimeRange("15m", null, null), 180)! / 1000), 5);
  });
});

describe("usualPreset", () => {
  it("shows a young model a quarter of an hour, so that its first minutes fill the charts", () => {
    assert.equal(usualPreset(0, 60_000).id, "15m");
    assert.equal(usualPreset(0, 3_600_000).id, "1h");
  });
});

describe("changeQuery", () => {
  it("keeps what it is not told to change", () => {
    assert.equal(changeQuery("version=2&range=6h", { version: null, outcome: "error" }), "?range=6h&outcome=error");
    assert.equal(changeQuery("version=2", { version: "" }), "");
  });
});
