import { deepEqual } from "node:assert/strict";
import { describe, it } from "node:test";
import { OnnxGraphWriter, OnnxModelWriter } from "../model-writer.ts";
import { functionFields, modelFields, nodeFields } from "./onnx-fields.ts";
import { WireWriter } from "./protobuf-wire.ts";
import { readGraph } from "./read-graph.ts";
import { valueDependentOperators } from "./value-dependent-cost.ts";

const start = (opsets: Record<string, number> = {}) =>
  new OnnxModelWriter({ opsets })
    .input("x", "FP32", ["batch", 4])
    .input("sizes", "INT64", [2])
    .input("numbers", "INT64", ["batch", 4])
    .output("y", "FP32");
const operators = (model: OnnxModelWriter) => valueDependentOperators(readGraph(model.toBytes()));

describe("valueDependentOperators", () => {
  it("finds nothing in a plain network or in scikit-learn's classifiers and trees", () => {
    const network = start()
      .initializer("w", "FP32", [4, 2], new Float32Array(8))
      .node("MatMul", ["x", "w"], ["scores"])
      .node("Relu", ["scores"], ["active"])
      .node("Softmax", ["active"], ["y"]);
    deepEqual(operators(network), []);
    deepEqual(operators(start().node("TreeEnsembleRegressor", ["x"], ["y"], {}, "ai.onnx.ml")), []);
  });

  it("finds loops and conditions, and anything that has a subgraph", () => {
    const branch = () => new OnnxGraphWriter("branch").node("Identity", ["x"], ["inner"]).output("inner", "FP32");
    const condition = start()
      .initializer("yes", "BOOL", [], [true])
      .node("If", ["yes"], ["y"], { graphs: { then_branch: branch(), else_branch: branch() } });
    deepEqual(operators(condition), ["If"]);
    deepEqual(operators(start().node("Relu", ["x"], ["y"], { graphs: { surprise: branch() } })), ["Relu"]);
  });

  it("finds operators whose output or time depends on values, each once", () => {
    const model = start()
      .node("NonZero", ["x"], ["where"])
      .node("NonZero", ["numbers"], ["also_where"])
      .node("Unique", ["x"], ["distinct"])
      .node("GatherElements", ["x", "numbers"], ["y"]);
    deepEqual(operators(model), ["NonZero", "Unique", "GatherElements"]);
  });

  it("takes operators of other domains, and unknown ones, for unbounded", () => {
    deepEqual(operators(start({ "com.microsoft": 1 }).node("Relu", ["x"], ["y"], {}, "com.microsoft")), ["Relu"]);
    deepEqual(operators(start().node("Scaler", ["x"], ["y"])), ["Scaler"]);
    deepEqual(operators(start().node("BrandNewOperator", ["x"], ["y"])), ["BrandNewOperator"]);
  });

  it("lets sizes come from constants and shapes, but not from values", () => {
    const fromShape = start()
      .initializer("two", "INT64", [1], [2])
      .node("Shape", ["x"], ["shape"])
      .node("Mul", ["shape", "two"], ["doubled"])
      .node("Div", ["doubled", "two"], ["halved"])
      .node("Concat", ["halved", "two"], ["size"], { ints: { axis: 0 } })
      .node("Expand", ["x", "size"], ["y"]);
    deepEqual(operators(fromShape), []);
    const value = (opType: string, ...inputs: string[]) => operators(start().node(opType, inputs, ["y"]));
    deepEqual(value("Expand", "x", "sizes"), ["Expand"]);
    deepEqual(value("Tile", "x", "sizes"), ["Tile"]);
    deepEqual(value("ConstantOfShape", "sizes"), ["ConstantOfShape"]);
    deepEqual(value("Pad", "x", "sizes"), ["Pad"]);
    deepEqual(value("Range", "numbers", "numbers", "numbers"), ["Range"]);
    deepEqual(value("Reshape", "x", "sizes"), ["Reshape"]);
    deepEqual(value("Slice", "x", "sizes", "sizes"), ["Slice"]);
    deepEqual(value("ReduceSum", "x", "sizes"), ["ReduceSum"]);
    deepEqual(value("Resize", "x", "", "", "sizes"), ["Resize"]);
    deepEqual(value("ReduceSum", "x"), []);
    const computed = start().node("Add", ["sizes", "sizes"], ["size"]).node("Expand", ["x", "size"], ["y"]);
    deepEqual(operators(computed), ["Expand"]);
  });

  it("lets floats be divided, but integers only where no caller can make it end the process", () => {
    deepEqual(operators(start().node("Div", ["x", "x"], ["y"])), []);
    deepEqual(operators(start().node("Div", ["numbers", "numbers"], ["y"])), ["Div"]);
    deepEqual(operators(start().node("Mod", ["numbers", "numbers"], ["y"])), ["Mod"]);
    deepEqual(
      operators(
        start()
          .node("Cast", ["numbers"], ["floats"], { ints: { to: 1 } })
          .node("Div", ["floats", "floats"], ["y"]),
      ),
      [],
    );
    deepEqual(
      operators(
        start()
          .node("Cast", ["x"], ["whole"], { ints: { to: 7 } })
          .node("Div", ["whole", "whole"], ["y"]),
      ),
      ["Div"],
    );
    const constant = { tensors: { value: { datatype: "FP32" as const, shape: [], data: [2] } } };
    deepEqual(
      operators(start().node("Constant", [], ["two"], constant).node("Sum", ["x", "x"], ["sum"]).node("Div", ["sum", "two"], ["y"])),
      [],
    );
    // The minimum keeps its type, its position is an integer.
    deepEqual(operators(start().node("ArgMin", ["x"], ["position"]).node("Div", ["position", "position"], ["y"])), ["Div"]);
  });

  it("takes trees of some size for unbounded: a chain visits as many nodes as a value says", () => {
    const tree = (count: number) =>
      start().node("TreeEnsembleRegressor", ["x"], ["y"], { floats: { nodes_values: Array<number>(count).fill(1) } }, "ai.onnx.ml");
    deepEqual(operators(tree(100_000)), []);
    deepEqual(operators(tree(900_000)), ["TreeEnsembleRegressor"]);
  });

  it("looks into the functions that a model defines, and lets the others be called", () => {
    const withFunction = (opType: string, ...inputs: string[]) => {
      const node = new WireWriter().text(nodeFields.opType, opType);
      for (const input of inputs) node.text(nodeFields.input, input);
      const declared = new WireWriter()
        .text(functionFields.name, "Mine")
        .text(functionFields.domain, "own")
        .message(functionFields.node, node);
      const caller = start({ own: 1 }).node("Mine", ["x"], ["y"], {}, "own");
      return valueDependentOperators(readGraph(new WireWriter().raw(caller.toBytes()).message(modelFields.functions, declared).toBytes()));
    };
    deepEqual(withFunction("Relu", "a"), []);
    deepEqual(withFunction("Loop", "a"), ["Loop"]);
    deepEqual(withFunction("Expand", "a", "b"), ["Expand"]);
    deepEqual(operators(start({ own: 1 }).node("Mine", ["x"], ["y"], {}, "own")), ["Mine"]);
  });
});
