import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs } from "../core/clock.ts";
import type { ColumnProfile, ModelVersion } from "../registry/index.ts";
import { IntervalStatistics } from "./interval-statistics.ts";
import { VersionMonitor } from "./version-monitor.ts";

const column = (name: string, index: number): ColumnProfile => ({ kind: "numeric", name, input: "x", index, count: 6, missing: 0, min: 0, max: 2, mean: 1, standardDeviation: 1, edges: [1], counts: [3, 3] });

describe("VersionMonitor", () => {
  it("takes back what was counted in the same buckets, and no other", () => {
    const version = { model: "m", version: "1", contract: { referenceProfile: { columns: [column("same", 0), column("other", 1)] } } } as unknown as ModelVersion;
    const monitor = new VersionMonitor(version, epochMs(600_000));
    const rollup = { statistics: new IntervalStatistics().toStored(), columns: { same: [1, 2, 3], other: [1, 2, 3, 4] } };
    monitor.restore(540_000, rollup);
    monitor.restore(600_000, rollup);
    assert.deepEqual(monitor.windowCounts(0).map((counts) => [...counts]), [[2, 4, 6], [0, 0, 0]]);
  });
});
