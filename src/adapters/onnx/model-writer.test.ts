import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { float32Rows, runOnnx } from "../../../test/kit/run-onnx.ts";
import { AppError } from "../../core/errors.ts";
import type { Datatype } from "../../core/tensor.ts";
import { readGraph } from "./graph/read-graph.ts";
import { OnnxGraphWriter, OnnxModelWriter, type OnnxData } from "./model-writer.ts";

const refuses = (write: () => unknown, reason: RegExp) =>
  throws(write, (error) => {
    ok(error instanceof AppError);
    equal(error.code, "MODEL_FILE_INVALID");
    ok(reason.test(error.message), error.message);
    return true;
  });

/** Returns a constant, through a node so that the runtime takes it for an output. */
const constant = (datatype: Datatype, shape: number[], data: OnnxData) =>
  new OnnxModelWriter().initializer("c", datatype, shape, data).node("Identity", ["c"], ["y"]).output("y", datatype, shape).toBytes();

describe("OnnxModelWriter", () => {
  it("writes a model that the runtime runs", async () => {
    const bytes = new OnnxModelWriter({ producer: "my trainer" })
      .input("features", "FP32", ["batch", 3])
      .initializer("weights", "FP32", [3, 1], new Float32Array([0.5, -1, 2]))
      .node("MatMul", ["features", "weights"], ["score"])
      .output("score", "FP32", ["batch", 1])
      .toBytes();
    deepEqual(
      (
        await runOnnx(bytes, {
          features: float32Rows([
            [1, 1, 1],
            [2, 0, 0],
          ]),
        })
      ).score,
      { type: "float32", shape: [2, 1], data: [1.5, 1] },
    );
  });

  it("writes constants of every datatype, from typed arrays and from plain values", async () => {
    const cases: [Datatype, OnnxData, unknown[]][] = [
      ["BOOL", [true, false], [1, 0]],
      ["BOOL", Uint8Array.of(1, 0), [1, 0]],
      ["UINT8", [0, 255], [0, 255]],
      ["INT8", [-128, 127], [-128, 127]],
      ["UINT16", [0, 65535], [0, 65535]],
      ["INT16", [-32768, 32767], [-32768, 32767]],
      ["UINT32", [0, 2 ** 32 - 1], [0, 2 ** 32 - 1]],
      ["INT32", Int32Array.of(-(2 ** 31), 2 ** 31 - 1), [-(2 ** 31), 2 ** 31 - 1]],
      ["INT64", [-(2n ** 63n), 2n ** 63n - 1n], [-(2n ** 63n), 2n ** 63n - 1n]],
      ["INT64", [-1, 2 ** 53 - 1], [-1n, 2n ** 53n - 1n]],
      ["UINT64", [0n, 2n ** 64n - 1n], [0n, 2n ** 64n - 1n]],
      ["FP16", Uint16Array.of(0x3c00, 0xfbff), [0x3c00, 0xfbff]],
      ["FP32", [1.5, NaN], [1.5, NaN]],
      ["FP64", [0.1, -Infinity], [0.1, -Infinity]],
      ["BYTES", ["", "größer"], ["", "größer"]],
    ];
    for (const [datatype, data, expected] of cases) {
      deepEqual((await runOnnx(constant(datatype, [2], data), {})).y!.data, expected, datatype);
    }
  });

  it("takes a part of a larger buffer", async () => {
    const values = Float32Array.of(1, 2, 3, 4).subarray(1, 3);
    deepEqual((await runOnnx(constant("FP32", [2], values), {})).y!.data, [2, 3]);
  });

  it("writes attributes of every kind, single and in lists", async () => {
    const bytes = new OnnxModelWriter()
      .input("x", "FP32", [1, 4])
      .node("Transpose", ["x"], ["transposed"], { ints: { perm: [1, 0] } })
      .node("LeakyRelu", ["transposed"], ["leaky"], { floats: { alpha: 0.5 } })
      .node("Constant", [], ["one"], { tensors: { value: { datatype: "FP32", shape: [], data: [1] } } })
      .node("Add", ["leaky", "one"], ["sum"])
      .node("Scaler", ["sum"], ["scaled"], { floats: { offset: [1], scale: [10] } }, "ai.onnx.ml")
      .node("Cast", ["scaled"], ["text"], { ints: { to: 8 } })
      .node(
        "LabelEncoder",
        ["text"],
        ["word"],
        { strings: { keys_strings: ["10", "20"], values_strings: ["ten", "twenty"], default_string: "less" } },
        "ai.onnx.ml",
      )
      .output("scaled", "FP32", [4, 1])
      .output("word", "BYTES", [4, 1])
      .toBytes();
    const { scaled, word } = await runOnnx(bytes, { x: float32Rows([[-4, -2, 1, 2]]) });
    deepEqual(scaled!.data, [-20, -10, 10, 20]);
    deepEqual(word!.data, ["less", "less", "ten", "twenty"]);
  });

  it("writes loops whose body uses values from around it", async () => {
    const body = new OnnxGraphWriter("body")
      .input("round", "INT64", [])
      .input("goes_on", "BOOL", [])
      .input("value", "FP32", [])
      .node("Mul", ["value", "x"], ["next"])
      .node("Identity", ["goes_on"], ["goes_on_then"])
      .output("goes_on_then", "BOOL", [])
      .output("next", "FP32", []);
    const bytes = new OnnxModelWriter()
      .input("x", "FP32", [])
      .initializer("three", "INT64", [], [3])
      .initializer("always", "BOOL", [], [true])
      .initializer("one", "FP32", [], [1])
      .node("Loop", ["three", "always", "one"], ["cube"], { graphs: { body } })
      .output("cube", "FP32", [])
      .toBytes();
    deepEqual((await runOnnx(bytes, { x: { datatype: "FP32", shape: [], data: Float32Array.of(2) } })).cube!.data, [8]);
  });

  it("imports the domains that are used, also in subgraphs, and those that were asked for", () => {
    const opsetsOf = (writer: OnnxModelWriter) => Object.fromEntries(readGraph(writer.toBytes()).opsets);
    deepEqual(opsetsOf(new OnnxModelWriter().input("x", "FP32", [1])), { "ai.onnx": 17 });
    const scaler = new OnnxGraphWriter("body").input("v", "FP32").node("Scaler", ["v"], ["w"], {}, "ai.onnx.ml").output("w", "FP32");
    deepEqual(opsetsOf(new OnnxModelWriter().node("Loop", ["", ""], ["y"], { graphs: { body: scaler } })), {
      "ai.onnx": 17,
      "ai.onnx.ml": 3,
    });
    deepEqual(opsetsOf(new OnnxModelWriter({ opsets: { "ai.onnx": 13, own: 2 } })), { "ai.onnx": 13, own: 2 });
    refuses(() => new OnnxModelWriter().node("A", [], ["y"], {}, "own").toBytes(), /"own".*version/);
    refuses(() => new OnnxModelWriter().node("A", [], ["y"], {}, "constructor").toBytes(), /"constructor".*version/);
  });

  it("refuses data that does not fit its shape or datatype", () => {
    refuses(() => constant("FP32", [3], [1, 2]), /"c" has 2 elements, but its shape \[3\] asks for 3/);
    refuses(() => constant("FP32", [-1], [1]), /whole numbers/);
    refuses(() => constant("FP32", [1], Float64Array.of(1)), /must come as Float32Array/);
    refuses(() => constant("FP16", [1], [1]), /must come as Uint16Array/);
    refuses(() => constant("FP32", [1], ["1"]), /must come as Float32Array/);
    refuses(() => constant("BYTES", [1], [1]), /texts/);
  });

  it("refuses values that nothing makes, or that are made twice", () => {
    const writer = () => new OnnxModelWriter().input("x", "FP32", [1]);
    refuses(() => writer().node("Relu", ["typo"], ["y"]).toBytes(), /Relu_0 takes "typo"/);
    refuses(() => writer().node("Relu", ["later"], ["y"]).node("Relu", ["x"], ["later"]).toBytes(), /"later"/);
    refuses(() => writer().output("y", "FP32", [1]).toBytes(), /returns "y"/);
    refuses(() => writer().node("Relu", ["x"], ["x"]).toBytes(), /"x", which is there already/);
    refuses(() => writer().input("x", "FP32", [1]), /already has an input or initializer named "x"/);
    refuses(() => writer().initializer("x", "FP32", [1], [1]), /already has/);
    const body = new OnnxGraphWriter("body").node("Relu", ["nowhere"], ["z"]).output("z", "FP32");
    refuses(
      () =>
        writer()
          .node("If", ["x"], ["y"], { graphs: { then_branch: body } })
          .toBytes(),
      /takes "nowhere"/,
    );
  });
});
