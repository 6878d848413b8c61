import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { WireRun } from "../../data/tracking.ts";
import { axisScale, brushesOf, brushText, columnValues, paramRows, passes, tellingColumns } from "./compared-values.ts";

const run = (id: string, params: Record<string, string>, metrics: Record<string, number | string>): WireRun => ({
  info: { run_id: id, experiment_id: "1", run_name: id, status: "FINISHED", start_time: 0, lifecycle_stage: "active", artifact_uri: "" },
  data: {
    params: Object.entries(params).map(([key, value]) => ({ key, value })),
    metrics: Object.entries(metrics).map(([key, value]) => ({ key, value, timestamp: 0, step: 0 })),
  },
});
const runs = [run("a", { depth: "4", kind: "tree", seed: "1" }, { loss: 0.5 }), run("b", { depth: "8", kind: "forest", seed: "1" }, { loss: "NaN", auc: 0.9 })];

describe("runs beside each other", () => {
  it("tell which params differ, missing ones too", () => {
    assert.deepEqual(paramRows(runs).filter(({ differs }) => differs).map(({ key }) => key), ["depth", "kind"]);
    assert.deepEqual(paramRows([...runs, run("c", { depth: "4" }, {})]).find(({ key }) => key === "seed"), { key: "seed", values: ["1", "1", null], differs: true });
    assert.deepEqual(tellingColumns(runs), { params: ["params.depth", "params.kind"], metrics: ["metrics.auc", "metrics.loss"] });
  });

  it("stand on axes of numbers or of words", () => {
    assert.deepEqual(columnValues(runs, "params.depth"), [4, 8]);
    assert.deepEqual(columnValues(runs, "metrics.loss"), [0.5, null]);
    const words = axisScale(columnValues(runs, "params.kind"), String);
    assert.deepEqual([words.position("forest"), words.position("tree"), words.position(null)], [0, 1, null]);
    assert.equal(axisScale([4, 8], String).position(5), 0.25);
    assert.equal(axisScale([3, 3], String).position(3), 0.5);
  });

  it("pass a brush when they stand in it", () => {
    assert.ok(passes([0.2, null], [{ low: 0.1, high: 0.3 }, undefined]));
    assert.ok(!passes([0.2, null], [undefined, { low: 0, high: 1 }]));
    const brushes = new Map([["params.a:b,c", { low: 0.25, high: 0.5 }]]);
    assert.deepEqual(brushesOf(brushText(brushes)), brushes);
  });
});
