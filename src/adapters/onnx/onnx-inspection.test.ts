import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import { identityModel, linearModel, loopsAsOftenAsTold, mixedInputsModel, zipMapClassifier } from "../../../test/kit/onnx-models.ts";
import type { ErrorCode } from "../../core/error-catalogue.ts";
import { AppError } from "../../core/errors.ts";
import { Datatype } from "../../core/tensor.ts";
import { TensorSpec } from "../../registry/schemas.ts";
import { graphFields, modelFields, opsetFields, tensorFields, tensorTypeFields, typeFields, valueInfoFields } from "./graph/onnx-fields.ts";
import { WireWriter } from "./graph/protobuf-wire.ts";
import { OnnxModelWriter } from "./model-writer.ts";
import { inspectOnnx } from "./onnx-inspection.ts";

const refuses = (bytes: Uint8Array, reason: RegExp, code: ErrorCode = "MODEL_FILE_INVALID"): AppError => {
  let refusal: AppError | undefined;
  throws(
    () => inspectOnnx(bytes),
    (error) => {
      ok(error instanceof AppError);
      refusal = error;
      equal(error.code, code);
      ok(reason.test(error.message), error.message);
      return true;
    },
  );
  return refusal!;
};

/** A model whose only input has the given TypeProto, and one proper output. */
const withInputType = (type: WireWriter) => {
  const value = (name: string, of: WireWriter) => new WireWriter().text(valueInfoFields.name, name).message(valueInfoFields.type, of);
  const proper = new WireWriter().message(typeFields.tensor, new WireWriter().integer(tensorTypeFields.elementType, 1));
  return new WireWriter()
    .integer(modelFields.irVersion, 8)
    .message(
      modelFields.graph,
      new WireWriter().message(graphFields.input, value("x", type)).message(graphFields.output, value("y", proper)),
    )
    .message(modelFields.opsetImport, new WireWriter().integer(opsetFields.version, 17))
    .toBytes();
};
const withNames = (...names: string[]) => {
  const value = (name: string) =>
    new WireWriter()
      .text(valueInfoFields.name, name)
      .message(valueInfoFields.type, new WireWriter().message(typeFields.tensor, new WireWriter().integer(1, 1)));
  const graph = new WireWriter().message(graphFields.output, value("y"));
  for (const name of names) graph.message(graphFields.input, value(name));
  return new WireWriter()
    .message(modelFields.graph, graph)
    .message(modelFields.opsetImport, new WireWriter().integer(opsetFields.version, 17))
    .toBytes();
};

describe("inspectOnnx", () => {
  it("reads the signature, operator sets and producer of a plain model, and leaves it as it is", () => {
    deepEqual(inspectOnnx(linearModel({ weights: [1, 2, 3] })), {
      inputs: [{ name: "features", datatype: "FP32", shape: [-1, 3], missingAllowed: false }],
      outputs: [
        { name: "score", datatype: "FP32", shape: [-1, 1], missingAllowed: false },
        { name: "probability", datatype: "FP32", shape: [-1, 1], missingAllowed: false },
      ],
      opsets: { "ai.onnx": 17 },
      producer: "slipway test kit",
      notes: [],
      valueDependentCost: false,
    });
    deepEqual(
      inspectOnnx(mixedInputsModel()).inputs.map((input) => [input.name, input.datatype, input.shape]),
      [
        ["amounts", "FP32", [-1, 2]],
        ["country", "BYTES", [-1, 1]],
        ["weekday", "INT64", [-1, 1]],
      ],
    );
  });

  it("knows every datatype, scalars, symbolic, open and fixed dimensions", () => {
    for (const datatype of Datatype.options) equal(inspectOnnx(identityModel(datatype)).inputs[0]!.datatype, datatype);
    for (const [shape, expected] of [
      [[], []],
      [
        ["n", -1, 5, 0],
        [-1, -1, 5, 0],
      ],
    ] as const) {
      deepEqual(inspectOnnx(identityModel("INT8", shape)).outputs[0]!.shape, expected);
    }
  });

  it("guesses missing shapes and says so", () => {
    const inspection = inspectOnnx(withInputType(new WireWriter().message(typeFields.tensor, new WireWriter().integer(1, 1))));
    deepEqual([inspection.inputs[0]!.shape, inspection.outputs[0]!.shape], [[-1, -1], [-1]]);
    deepEqual(inspection.notes, [
      'The input "x" does not say its shape; it is taken for a table of rows and columns, [-1, -1].',
      'The output "y" does not say its shape; it is taken from what the model returns when it is tried.',
    ]);
  });

  it("removes ZipMap, says so, and names the columns of the new output", () => {
    const inspection = inspectOnnx(zipMapClassifier({ coefficients: [[1], [-1]], labels: { texts: ["no", 'yes "quoted"'] } }));
    deepEqual(inspection.outputs[1], {
      name: "output_probability",
      datatype: "FP32",
      shape: [-1, 2],
      missingAllowed: false,
      columns: ["no", 'yes "quoted"'],
    });
    equal(inspection.notes.length, 1);
    ok(
      inspection.notes[0]!.endsWith(
        'FP32 tensor of shape [-1, 2] with one column for each class, in this order: "no", "yes \\"quoted\\"".',
      ),
      inspection.notes[0],
    );
    deepEqual(
      inspectOnnx(inspection.rewritten!).outputs.map((output) => output.shape),
      [[-1], [-1, 2]],
    );
    equal(inspectOnnx(inspection.rewritten!).rewritten, undefined);
  });

  it("notes at most 50 labels", () => {
    const labels = Array.from({ length: 60 }, (_, index) => index);
    const { notes } = inspectOnnx(zipMapClassifier({ coefficients: labels.map((label) => [label]), labels: { integers: labels } }));
    ok(notes[0]!.endsWith("48, 49 and 10 more."), notes[0]);
  });

  it("keeps its notes to a number that people read", () => {
    const writer = new OnnxModelWriter().input("x", "FP32", [1]);
    for (let index = 0; index < 150; index++) writer.node("Relu", ["x"], [`y${index}`]).output(`y${index}`, "FP32");
    const { notes } = inspectOnnx(writer.toBytes());
    deepEqual([notes.length, notes.at(-1)], [101, "There are 50 more notes like these."]);
  });

  it("tells when the cost depends on values", () => {
    const inspection = inspectOnnx(loopsAsOftenAsTold());
    equal(inspection.valueDependentCost, true);
    deepEqual(inspection.notes, [
      "The model has operators whose cost can depend on the values they are given (Loop), so it always runs in a process of its own.",
    ]);
  });

  it("answers with specifications that the registry's schema takes", () => {
    for (const bytes of [
      identityModel("BYTES"),
      mixedInputsModel(),
      zipMapClassifier({ coefficients: [[1], [2]], labels: { integers: [0, 1] } }),
    ]) {
      const { inputs, outputs } = inspectOnnx(bytes);
      for (const spec of [...inputs, ...outputs]) deepEqual(TensorSpec.parse(spec), spec);
    }
  });

  it("refuses what has no datatype in the protocol, and names tensor and type", () => {
    const names: [number, string][] = [
      [14, "complex64"],
      [15, "complex128"],
      [16, "bfloat16"],
      [17, "float8e4m3fn"],
      [20, "float8e5m2fnuz"],
      [21, "uint4"],
      [22, "int4"],
      [99, "number 99"],
    ];
    for (const [elementType, name] of names) {
      const bytes = withInputType(
        new WireWriter().message(typeFields.tensor, new WireWriter().integer(tensorTypeFields.elementType, elementType)),
      );
      refuses(bytes, new RegExp(`The input "x" has elements of type ${name}, `));
    }
    refuses(withInputType(new WireWriter().message(typeFields.tensor, new WireWriter())), /"x" does not say the type of its elements/);
    for (const [field, kind] of [
      [typeFields.sequence, "a sequence"],
      [typeFields.map, "a map"],
      [typeFields.optional, "an optional"],
      [typeFields.sparseTensor, "a sparse tensor"],
      [typeFields.opaque, "an opaque value"],
    ] as const) {
      refuses(
        withInputType(new WireWriter().message(field, new WireWriter())),
        new RegExp(`The input "x" is ${kind}; only tensors can be served`),
      );
    }
    refuses(withInputType(new WireWriter()), /"x" is a value without a type/);
  });

  it("refuses names that are empty, twice there, dangerous or unprintable, and takes unusual ones", () => {
    refuses(withNames(""), /The name of input number 1 is empty/);
    refuses(withNames("a", "a"), /Two inputs are named "a"/);
    for (const name of ["__proto__", "constructor", "prototype", "a.__proto__.b"]) {
      refuses(withNames(name), /must not be "(__proto__|constructor|prototype)"/);
    }
    for (const name of ["a\nb", "\u0000", "a\u007f", "\u0085", "\u2028", "\u202egnp.exe"]) {
      const { message } = refuses(withNames(name), /has control characters: /);
      equal(/[\u0000-\u001f\u007f-\u009f\u2028\u202e]/.test(message), false);
    }
    refuses(withNames("a".repeat(1025)), /longer than 1024 characters/);
    const unusual = ["sepal length (cm)", "größe", "数量", "constructors", "proto", "0", "a b", "input:0", "x/y"];
    deepEqual(
      inspectOnnx(withNames(...unusual)).inputs.map((input) => input.name),
      unusual,
    );
  });

  it("names every problem of a signature", () => {
    const refusal = refuses(withNames("", "__proto__", "ok"), /There is one more problem\./);
    deepEqual(
      refusal.problems.map((problem) => problem.path),
      ["inputs[0]", "inputs[1]"],
    );
  });

  it("refuses models without inputs, outputs or operator sets, and shapes that no runtime holds", () => {
    refuses(new OnnxModelWriter().input("x", "FP32", [1]).toBytes(), /It has no outputs/);
    refuses(new OnnxModelWriter().initializer("c", "FP32", [], [1]).output("c", "FP32", []).toBytes(), /It has no inputs/);
    refuses(new WireWriter().message(modelFields.graph, new WireWriter()).toBytes(), /it names no operator set/);
    refuses(identityModel("FP32", [-1, 2 ** 20, 2 ** 20]), /"x" has a shape of more than 2147483647 elements/);
    refuses(
      new OnnxModelWriter({ opsets: { constructor: 1 } }).input("x", "FP32", [1]).output("x", "FP32", [1]).toBytes(),
      /operator set whose domain must not be "constructor"/,
    );
  });

  it("refuses weights in other files, and names them", () => {
    const external = new WireWriter()
      .text(tensorFields.name, "layer1.weight")
      .message(tensorFields.externalData, new WireWriter().text(1, "location").text(2, "../../etc/passwd"));
    const bytes = new WireWriter().message(modelFields.graph, new WireWriter().message(graphFields.initializer, external)).toBytes();
    const refusal = refuses(bytes, /"layer1.weight" in other files/, "MODEL_EXTERNAL_DATA");
    equal(refusal.message.includes("passwd"), false);
  });

  it("refuses nodes that load code compiled elsewhere", () => {
    const bytes = new OnnxModelWriter({ opsets: { "com.microsoft": 1 } })
      .input("x", "FP32", [1])
      .node("EPContext", ["x"], ["y"], {}, "com.microsoft")
      .output("y", "FP32", [1])
      .toBytes();
    refuses(bytes, /EPContext/, "MODEL_OPERATOR_UNSUPPORTED");
  });

  it("shows a producer only when it is fit to be shown", () => {
    const producer = (name: string) =>
      inspectOnnx(
        new OnnxModelWriter({ producer: name, producerVersion: "2.1" }).input("x", "FP32", [1]).output("x", "FP32", [1]).toBytes(),
      ).producer;
    equal(producer("pytorch"), "pytorch 2.1");
    equal(producer("evil\u001b[2J"), undefined);
    equal(producer("p".repeat(500))!.length, 200);
  });
});
