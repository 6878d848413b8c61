import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../../test/kit/fast-check.ts";
import { zipMapClassifier, type ClassLabels } from "../../../../test/kit/onnx-models.ts";
import { float32Rows, runOnnx } from "../../../../test/kit/run-onnx.ts";
import { AppError } from "../../../core/errors.ts";
import { OnnxGraphWriter, OnnxModelWriter } from "../model-writer.ts";
import { modelFields } from "./onnx-fields.ts";
import { WireWriter } from "./protobuf-wire.ts";
import { readGraph } from "./read-graph.ts";
import { removeZipMaps } from "./remove-zip-map.ts";

const remove = (bytes: Uint8Array) => removeZipMaps(bytes, readGraph(bytes));
const coefficients = [
  [1, 0],
  [0, 1],
  [-1, -1],
];
const integers: ClassLabels = { integers: [3, -1, 2 ** 40] };
const texts: ClassLabels = { texts: ["setosa", "", "größer"] };

/** Probabilities [batch, 2] and as many ZipMaps on top as there are names. */
function classifier(names: readonly string[]): OnnxModelWriter {
  const writer = new OnnxModelWriter().input("x", "FP32", ["batch", 2]).node("Softmax", ["x"], ["probabilities"]);
  for (const name of names) {
    writer
      .node("ZipMap", ["probabilities"], [name], { strings: { classlabels_strings: ["no", "yes"] } }, "ai.onnx.ml")
      .classMapsOutput(name, "BYTES");
  }
  return writer;
}

describe("removeZipMaps", () => {
  for (const [kind, labels, expected] of [
    ["integer", integers, ["3", "-1", "1099511627776"]],
    ["text", texts, ["setosa", "", "größer"]],
  ] as const) {
    it(`turns maps by ${kind} labels into a tensor under the same name, in the order of the labels`, async () => {
      const result = remove(zipMapClassifier({ coefficients, labels }));
      deepEqual(result!.removed, [{ output: "output_probability", labels: expected, labelKind: kind }]);
      const model = readGraph(result!.bytes);
      deepEqual(
        model.graph.nodes.map((node) => node.opType),
        ["LinearClassifier", "Identity", "Normalizer", "Identity"],
      );
      deepEqual(model.graph.outputs, [
        { name: "output_label", type: { kind: "tensor", elementType: kind === "integer" ? 7 : 8, shape: [-1] } },
        { name: "output_probability", type: { kind: "tensor", elementType: 1, shape: ["batch", 3] } },
      ]);
      const rows = [
        [2, 0],
        [0, 2],
        [-3, -3],
      ];
      const { output_label, output_probability } = await runOnnx(result!.bytes, { X: float32Rows(rows) });
      deepEqual(output_label!.data.map(String), expected);
      deepEqual(output_probability!.shape, [3, 3]);
      const softmax = rows.flatMap((row) => {
        const exponentials = coefficients.map((each) => Math.exp(each[0]! * row[0]! + each[1]! * row[1]!));
        const sum = exponentials.reduce((total, value) => total + value);
        return exponentials.map((value) => value / sum);
      });
      for (const [index, value] of softmax.entries()) ok(Math.abs(value - (output_probability!.data[index] as number)) < 1e-6);
    });
  }

  it("removes several, also of one tensor that is an output itself, and leaves other outputs in their places", async () => {
    const bytes = classifier(["first", "second"]).output("probabilities", "FP32", ["batch", 2]).toBytes();
    const result = remove(bytes);
    deepEqual(
      result!.removed.map((removed) => removed.output),
      ["first", "second"],
    );
    deepEqual(
      readGraph(result!.bytes).graph.outputs.map((output) => [output.name, output.type.kind]),
      [
        ["first", "tensor"],
        ["second", "tensor"],
        ["probabilities", "tensor"],
      ],
    );
    const outputs = await runOnnx(result!.bytes, { x: float32Rows([[0, 0]]) });
    for (const name of ["first", "second", "probabilities"]) deepEqual(outputs[name], { type: "float32", shape: [1, 2], data: [0.5, 0.5] });
  });

  it("imports the default domain where only ai.onnx.ml was imported", async () => {
    const written = zipMapClassifier({ coefficients, labels: integers });
    // The same model without its import of the default domain: a file that tree ensembles are often exported to.
    const empty = new WireWriter().message(modelFields.opsetImport, new WireWriter().text(1, "").integer(2, 17)).toBytes();
    const at = Buffer.from(written).indexOf(empty);
    ok(at > 0);
    const without = Uint8Array.from([...written.subarray(0, at), ...written.subarray(at + empty.length)]);
    deepEqual([...readGraph(without).opsets.keys()], ["ai.onnx.ml"]);
    const result = remove(without);
    ok(readGraph(result!.bytes).opsets.has("ai.onnx"));
    equal((await runOnnx(result!.bytes, { X: float32Rows([[1, 1]]) })).output_probability!.data.length, 3);
  });

  it("keeps every byte that it need not change, unknown fields included", () => {
    const original = zipMapClassifier({ coefficients, labels: texts });
    const unknown = new WireWriter().text(999, "a field of a later version").toBytes();
    const result = remove(Uint8Array.from([...unknown, ...original]));
    deepEqual(result!.bytes.subarray(0, unknown.length), unknown);
    const nodes = readGraph(original).graph.nodes;
    const kept = Buffer.from(result!.bytes);
    for (const node of nodes) {
      equal(kept.includes(Buffer.from(original.subarray(node.start, node.end))), node.opType !== "ZipMap", node.opType);
    }
  });

  it("leaves models without one, ZipMaps of other domains and unused ones alone", () => {
    equal(remove(new OnnxModelWriter().input("x", "FP32", [1]).output("x", "FP32", [1]).toBytes()), undefined);
    const foreign = new OnnxModelWriter({ opsets: { own: 1 } })
      .input("x", "FP32", [1])
      .node("ZipMap", ["x"], ["y"], {}, "own")
      .output("y", "FP32", [1]);
    equal(remove(foreign.toBytes()), undefined);
    const inner = new OnnxModelWriter()
      .input("x", "FP32", [1, 2])
      .node("ZipMap", ["x"], ["maps"], { ints: { classlabels_int64s: [0, 1] } }, "ai.onnx.ml");
    equal(remove(inner.output("x", "FP32", [1, 2]).toBytes()), undefined);
  });

  it("refuses when other nodes use the maps, also from within a subgraph", () => {
    const branch = () => new OnnxGraphWriter("branch").node("Identity", ["first"], ["inner"]).classMapsOutput("inner", "BYTES");
    const users = [
      classifier(["first"]).node("Identity", ["first"], ["used"]).classMapsOutput("used", "BYTES"),
      classifier(["first"])
        .initializer("yes", "BOOL", [], [true])
        .node("If", ["yes"], ["used"], { graphs: { then_branch: branch(), else_branch: branch() } })
        .classMapsOutput("used", "BYTES"),
    ];
    for (const user of users) {
      throws(
        () => remove(user.toBytes()),
        (error) => error instanceof AppError && error.code === "MODEL_FILE_INVALID" && /"first".*zipmap=False/.test(error.message),
      );
    }
  });

  it("refuses labels that are missing or of both kinds", () => {
    for (const attributes of [{}, { ints: { classlabels_int64s: [1] }, strings: { classlabels_strings: ["a"] } }]) {
      const model = new OnnxModelWriter()
        .input("x", "FP32", [1, 1])
        .node("ZipMap", ["x"], ["maps"], attributes, "ai.onnx.ml")
        .classMapsOutput("maps", "INT64");
      throws(
        () => remove(model.toBytes()),
        (error) => error instanceof AppError && error.code === "MODEL_FILE_INVALID" && /class labels/.test(error.message),
      );
    }
  });

  it("reads any labels", () => {
    const bigintLabels = fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { minLength: 1 });
    fc.assert(
      fc.property(fc.oneof(bigintLabels, fc.array(fc.string({ unit: "grapheme" }), { minLength: 1 })), (labels) => {
        const isText = typeof labels[0] === "string";
        const attributes = isText
          ? { strings: { classlabels_strings: labels as string[] } }
          : { ints: { classlabels_int64s: labels as bigint[] } };
        const writer = new OnnxModelWriter()
          .input("x", "FP32", [1, labels.length])
          .node("ZipMap", ["x"], ["maps"], attributes, "ai.onnx.ml");
        deepEqual(remove(writer.classMapsOutput("maps", isText ? "BYTES" : "INT64").toBytes())!.removed, [
          { output: "maps", labels: labels.map(String), labelKind: isText ? "text" : "integer" },
        ]);
      }),
    );
  });
});
