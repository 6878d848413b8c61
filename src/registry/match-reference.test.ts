import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { matchReference } from "./match-reference.ts";
import type { TableColumn } from "./reference-profiler.ts";
import type { TensorSpec } from "./schemas.ts";

const input = (name: string, datatype: TensorSpec["datatype"], ...shape: number[]): TensorSpec => ({ name, datatype, shape, missingAllowed: false });
const column = (name: string, kind: TableColumn["kind"] = "float"): TableColumn => ({ name, kind });

describe("matchReference", () => {
  it("feeds a vector from the columns in their order, the target left out", () => {
    const match = matchReference([input("X", "FP32", -1, 2)], [column("a"), column("late"), column("b", "integer")], { target: "late" });
    assert.deepEqual(match.problems, []);
    assert.deepEqual(match.inputs[0]!.columns, ["a", "b"]);
    assert.deepEqual(match.requests.map(({ column: name, index, kind }) => [name, index, kind]), [["a", 0, "numeric"], ["b", 1, "numeric"]]);
    assert.deepEqual(match.ignoredColumns, []);
  });

  it("feeds inputs of one value by name, also where an exporter replaced signs", () => {
    const match = matchReference([input("day_of_week", "INT64", -1, 1), input("origin", "BYTES", -1)], [column("Day of Week", "integer"), column("origin", "text"), column("id", "text")], {});
    assert.deepEqual(match.problems, []);
    assert.deepEqual(match.requests.map(({ column: name, kind }) => [name, kind]), [["Day of Week", "numeric"], ["origin", "categorical"]]);
    assert.deepEqual(match.ignoredColumns, ["id"]);
  });

  it("asks for the precision in which the model gets its numbers", () => {
    const inputs = [input("h", "FP16", -1), input("s", "FP32", -1, 1), input("d", "FP64", -1), input("i", "INT64", -1)];
    const { requests } = matchReference(inputs, [column("h"), column("s"), column("d"), column("i", "integer")], {});
    assert.deepEqual(requests.map(({ precision }) => precision), ["half", "single", "double", "double"]);
    assert.equal(matchReference([input("X", "FP32", -1, 2)], [column("a"), column("b")], {}).requests[1]!.precision, "single");
  });

  it("names every contradiction", () => {
    const match = matchReference([input("age", "INT64", -1, 1), input("city", "BYTES", -1, 1), input("gone", "FP32", -1)], [column("age", "float"), column("city", "integer")], { target: "label" });
    assert.deepEqual(match.problems.map(({ path }) => path).sort(), ["inputs.gone", "reference.age", "reference.city", "reference.label"]);
  });

  it("says how many columns a vector takes, and what to do", () => {
    const [problem] = matchReference([input("X", "FP32", -1, 3)], [column("a"), column("b"), column("c"), column("y")], {}).problems;
    assert.match(problem!.message, /takes 3 columns and the reference data has 4 .*--target/);
  });

  it("takes the order that --columns gives", () => {
    const match = matchReference([input("X", "FP32", -1, 2)], [column("a"), column("b"), column("c")], { columns: ["c", "a"] });
    assert.deepEqual(match.inputs[0]!.columns, ["c", "a"]);
    assert.deepEqual(match.ignoredColumns, ["b"]);
  });

  it("refuses an order that names a column twice, or the target", () => {
    const columns = [column("a"), column("b"), column("y")];
    const problemsOf = (names: string[]): string[] => matchReference([input("X", "FP32", -1, 2)], columns, { columns: names, target: "y" }).problems.map(({ path, message }) => `${path} ${message}`);
    assert.deepEqual(problemsOf(["a", "a"]), ['columns[1] names "a" again; a column feeds one place']);
    assert.deepEqual(problemsOf(["a", "y"]), ['columns[1] names the target "y", which is no input']);
    assert.deepEqual(problemsOf(["b", "a"]), []);
  });

  it("refuses a target that feeds an input of one value, also where an exporter replaced signs", () => {
    const inputs = [input("distance", "FP32", -1, 1), input("dep_delay", "FP32", -1)];
    const problemsOf = (target: string): string[] => matchReference(inputs, [column("distance"), column("Dep Delay"), column("late")], { target }).problems.map(({ path, message }) => `${path} ${message}`);
    assert.deepEqual(problemsOf("distance"), ['target names "distance", which feeds the input "distance"; what a model predicts is none of its inputs']);
    assert.deepEqual(problemsOf("Dep Delay"), ['target names "Dep Delay", which feeds the input "dep_delay"; what a model predicts is none of its inputs']);
    assert.deepEqual(problemsOf("late"), []);
  });

  it("refuses the target as the only column of a model with one input", () => {
    const { problems } = matchReference([input("X", "FP32", -1, 1)], [column("y"), column("a")], { columns: ["y"], target: "y" });
    assert.deepEqual(problems.map(({ path }) => path), ["columns[0]"], "said once");
  });

  it("does not pretend that a table feeds an image", () => {
    assert.match(matchReference([input("image", "FP32", -1, 3, 224, 224)], [column("a")], {}).problems[0]!.message, /without reference data/);
  });
});
