import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { aggregate, groupLines } from "./run-groups.ts";

describe("groups of runs", () => {
  const values = ["b", "a", null, "b", undefined, "a"];

  it("stand in the order of their first run, those without a value last", () => {
    const lines = groupLines(values.length, (row) => values[row], new Set());
    assert.deepEqual(lines.map((line) => (line.kind === "run" ? line.row : (line.value ?? "none"))), ["b", 0, 3, "a", 1, 5, "none", 2, 4]);
  });

  it("hide their runs when they are closed", () => {
    const lines = groupLines(values.length, (row) => values[row], new Set(["=b", "-"]));
    assert.deepEqual(lines.map((line) => (line.kind === "run" ? line.row : line.open)), [false, true, 1, 5, false]);
  });

  it("sum up numbers alone", () => {
    assert.deepEqual(aggregate([1, "NaN", null, 3, undefined]), { count: 2, mean: 2, min: 1, max: 3 });
    assert.equal(aggregate([null, "x"]), null);
  });
});
