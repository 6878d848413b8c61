import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../../test/kit/fast-check.ts";
import { AppError } from "../../../core/errors.ts";
import { Datatype } from "../../../core/tensor.ts";
import { OnnxGraphWriter, OnnxModelWriter } from "../model-writer.ts";
import { elementTypeOf } from "./element-types.ts";
import {
  attributeFields,
  functionFields,
  graphFields,
  modelFields,
  nodeFields,
  tensorFields,
  trainingInfoFields,
  valueInfoFields,
} from "./onnx-fields.ts";
import { WireWriter } from "./protobuf-wire.ts";
import { readGraph } from "./read-graph.ts";

const refuses = (bytes: Uint8Array, reason: RegExp) =>
  throws(
    () => readGraph(bytes),
    (error) => {
      ok(error instanceof AppError);
      equal(error.code, "MODEL_FILE_INVALID");
      ok(error.message.startsWith("The file is not an ONNX model: "), error.message);
      ok(reason.test(error.message), error.message);
      return true;
    },
  );

const latin1 = (text: string) => Uint8Array.from(Buffer.from(text, "latin1"));
const inModel = (...graphs: WireWriter[]) => {
  const model = new WireWriter().integer(modelFields.irVersion, 8);
  for (const graph of graphs) model.message(modelFields.graph, graph);
  return model.toBytes();
};
const externalTensor = (name: string) =>
  new WireWriter()
    .text(tensorFields.name, name)
    .message(tensorFields.externalData, new WireWriter().text(1, "location").text(2, "weights.bin"));

describe("readGraph", () => {
  it("reads what the writer wrote", () => {
    const body = new OnnxGraphWriter("body")
      .input("i", "INT64", [])
      .input("go", "BOOL", [])
      .input("v", "FP32", [])
      .node("Identity", ["go"], ["go_out"])
      .node("Mul", ["v", "factor"], ["v_out"])
      .output("go_out", "BOOL", [])
      .output("v_out", "FP32", []);
    const bytes = new OnnxModelWriter({ producer: "test", producerVersion: "1.2", opsets: { "ai.onnx": 18, "my.domain": 4 }, irVersion: 9 })
      .input("x", "FP32", ["batch", 3, -1])
      .input("no_shape", "INT8")
      .initializer("factor", "FP32", [], [2])
      .initializer("rounds", "INT64", [], [3n])
      .initializer("go", "BOOL", [], [true])
      .initializer("start", "FP32", [], [1])
      .node("Loop", ["rounds", "go", "start"], ["v_last"], { graphs: { body } })
      .node("Cast", ["x"], ["y"], { ints: { to: 11 } })
      .node("Own", ["y", "", "no_shape"], ["", "z"], {}, "my.domain")
      .output("y", "FP64", ["batch", 3, -1])
      .output("v_last", "FP32", [])
      .classMapsOutput("z", "BYTES")
      .metadata("purpose", "test")
      .metadata("__proto__", "kept as data")
      .toBytes();
    const model = readGraph(bytes);
    equal(model.irVersion, 9);
    deepEqual([model.producerName, model.producerVersion], ["test", "1.2"]);
    deepEqual(
      [...model.opsets],
      [
        ["ai.onnx", 18],
        ["my.domain", 4],
      ],
    );
    deepEqual(
      [...model.metadata],
      [
        ["purpose", "test"],
        ["__proto__", "kept as data"],
      ],
    );
    deepEqual(model.graph.inputs, [
      { name: "x", type: { kind: "tensor", elementType: 1, shape: ["batch", 3, -1] } },
      { name: "no_shape", type: { kind: "tensor", elementType: 3, shape: undefined } },
    ]);
    deepEqual(
      model.graph.outputs.map((output) => output.type.kind),
      ["tensor", "tensor", "sequence"],
    );
    deepEqual(model.graph.initializers[0], { name: "factor", elementType: 1, dimensions: [], external: false });
    const [loop, cast, own] = model.graph.nodes;
    deepEqual(
      loop!.subgraphs[0]!.nodes.map((node) => node.opType),
      ["Identity", "Mul"],
    );
    equal(cast!.elementType, 11);
    deepEqual([own!.domain, own!.inputs, own!.outputs, own!.subgraphs], ["my.domain", ["y", "", "no_shape"], ["", "z"], []]);
    deepEqual(model.externalTensors, []);
  });

  it("reads any signature back", () => {
    const dimension = fc.oneof(fc.constant(-1), fc.nat(), fc.string({ minLength: 1 }));
    const tensors = fc.uniqueArray(
      fc.record({
        name: fc.string({ unit: "grapheme", minLength: 1 }),
        datatype: fc.constantFrom(...Datatype.options),
        shape: fc.array(dimension, { maxLength: 6 }),
      }),
      {
        selector: ({ name }) => name,
        maxLength: 5,
      },
    );
    fc.assert(
      fc.property(tensors, (inputs) => {
        const writer = new OnnxModelWriter();
        for (const { name, datatype, shape } of inputs) writer.input(name, datatype, shape).output(name, datatype, shape);
        const expected = inputs.map(({ name, datatype, shape }) => ({
          name,
          type: { kind: "tensor" as const, elementType: elementTypeOf[datatype], shape },
        }));
        const { graph } = readGraph(writer.toBytes());
        deepEqual(graph.inputs, expected);
        deepEqual(graph.outputs, expected);
      }),
    );
  });

  it("does not count inputs that an initializer fills", () => {
    const value = (name: string) => new WireWriter().text(valueInfoFields.name, name);
    const graph = new WireWriter()
      .message(graphFields.input, value("x"))
      .message(graphFields.input, value("weights"))
      .message(graphFields.initializer, new WireWriter().text(tensorFields.name, "weights"));
    deepEqual(
      readGraph(inModel(graph)).graph.inputs.map((input) => input.name),
      ["x"],
    );
  });

  it("finds external data wherever a tensor can be", () => {
    const attribute = (field: number, tensor: WireWriter) => new WireWriter().text(attributeFields.name, "a").message(field, tensor);
    const node = (...attributes: WireWriter[]) => {
      const written = new WireWriter().text(nodeFields.opType, "Any");
      for (const each of attributes) written.message(nodeFields.attribute, each);
      return written;
    };
    const sparse = (name: string) => new WireWriter().message(1, externalTensor(name));
    const located = new WireWriter().text(tensorFields.name, "located").integer(tensorFields.dataLocation, 1);
    const graph = new WireWriter()
      .message(graphFields.initializer, externalTensor("initializer"))
      .message(graphFields.initializer, located)
      .message(graphFields.sparseInitializer, sparse("sparse"))
      .message(
        graphFields.node,
        node(
          attribute(attributeFields.tensor, externalTensor("attribute")),
          attribute(attributeFields.tensors, externalTensor("one of several")),
        ),
      )
      .message(
        graphFields.node,
        node(attribute(attributeFields.graph, new WireWriter().message(graphFields.initializer, externalTensor("subgraph")))),
      )
      .message(graphFields.node, node(attribute(attributeFields.sparseTensors, sparse("sparse attribute"))));
    const model = new WireWriter()
      .message(modelFields.graph, graph)
      .message(
        modelFields.functions,
        new WireWriter().message(functionFields.node, node(attribute(attributeFields.tensor, externalTensor("function")))),
      )
      .message(
        modelFields.functions,
        new WireWriter().message(functionFields.attributeDefaults, attribute(attributeFields.tensor, externalTensor("default"))),
      )
      .message(
        modelFields.trainingInfo,
        new WireWriter().message(
          trainingInfoFields.algorithm,
          new WireWriter().message(graphFields.initializer, externalTensor("training")),
        ),
      );
    deepEqual(readGraph(model.toBytes()).externalTensors, [
      "initializer",
      "located",
      "sparse",
      "attribute",
      "one of several",
      "subgraph",
      "sparse attribute",
      "function",
      "default",
      "training",
    ]);
  });

  it("copies no weights", () => {
    const bytes = new OnnxModelWriter()
      .initializer("w", "FP32", [1000], new Float32Array(1000))
      .input("x", "FP32", [1])
      .output("x", "FP32", [1])
      .toBytes();
    ok(JSON.stringify(readGraph(bytes)).length < 1000);
  });

  it("refuses what the runtime could read in another way", () => {
    const empty = new WireWriter();
    refuses(inModel(), /it has no graph/);
    refuses(inModel(empty, empty), /more than one graph/);
    const type = (...cases: WireWriter[]) => {
      const value = new WireWriter().text(valueInfoFields.name, "x");
      for (const each of cases) value.message(valueInfoFields.type, each);
      return inModel(new WireWriter().message(graphFields.input, value));
    };
    const tensor = new WireWriter().message(1, new WireWriter().integer(1, 1));
    refuses(type(tensor, tensor), /two types/);
    refuses(type(new WireWriter().message(1, empty).message(4, empty)), /two types/);
    refuses(type(new WireWriter().message(1, new WireWriter().message(2, empty).message(2, empty))), /two shapes/);
    refuses(inModel(new WireWriter().message(graphFields.node, empty)), /a node without an operator/);
    refuses(inModel(new WireWriter().message(graphFields.sparseInitializer, empty)), /sparse tensor without values/);
    refuses(new WireWriter().integer(modelFields.graph, 1).toBytes(), /wrong kind/);
  });

  it("refuses graphs within graphs without end, and floods of small parts", () => {
    let graph = new WireWriter();
    for (let level = 0; level < 40; level++) {
      const attribute = new WireWriter().message(attributeFields.graph, graph);
      graph = new WireWriter().message(
        graphFields.node,
        new WireWriter().text(nodeFields.opType, "If").message(nodeFields.attribute, attribute),
      );
    }
    refuses(inModel(graph), /nested deeper than 100 levels/);
    const flood = new WireWriter();
    const input = new WireWriter().message(graphFields.input, new WireWriter()).toBytes();
    for (let count = 0; count <= 1_000_000; count++) flood.raw(input);
    refuses(inModel(flood), /more than 1000000 nodes, values and names/);
    const dimensions = new WireWriter();
    for (let count = 0; count < 33; count++) dimensions.integer(tensorFields.dims, 1);
    refuses(inModel(new WireWriter().message(graphFields.initializer, dimensions)), /more than 32 integers/);
  });

  it("says what a file is that is not a model", () => {
    const cases: [string | Uint8Array, RegExp][] = [
      ["", /it is empty/],
      ["\u0080\u0004\u0095\u001f\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u008c\u0007sklearn", /Python pickle/],
      ["ccopy_reg\n_reconstructor\np0\n(csklearn", /Python pickle/],
      ["(dp0\nS'a'\np1\n", /Python pickle/],
      ["\u0078\u009c\u00ec\u00bd", /Python pickle/],
      ["PK\u0003\u0004\u0000\u0000", /ZIP archive/],
      ["<!DOCTYPE html>\n<html><body>Sign in</body></html>", /HTML page/],
      ["\u00ef\u00bb\u00bf\n  <HTML lang=en>", /HTML page/],
      ["<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>", /XML document/],
      ["version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", /Git LFS pointer.*git lfs pull/],
      ['{"error": "not found"}', /JSON document/],
      ["[1, 2]", /JSON document/],
      ["\u0010\u0000\u0000\u0000ORTM\u0000\u0000", /ORT format/],
      ["\u001c\u0000\u0000\u0000TFL3\u0014\u0000", /TensorFlow Lite/],
      ["\u0089HDF\r\n\u001a\n", /HDF5/],
      ["\u001f\u008b\u0008\u0000", /gzip/],
      ["GGUF\u0003\u0000", /GGUF/],
      ["PAR1\u0015\u0000", /Parquet/],
      ['\u0010\u0000\u0000\u0000\u0000\u0000\u0000\u0000{"__metadata__":', /safetensors/],
      ["\u007fELF\u0002\u0001", /a program/],
      ["hello, world", /the field at byte 2 /],
      [new Uint8Array(100), /the field at byte 0 /],
    ];
    for (const [content, reason] of cases) refuses(typeof content === "string" ? latin1(content) : content, reason);
  });

  it("refuses a file that is both a model and in the runtime's own format, and only that", () => {
    const disguise = (mark: string) => {
      // An unknown field of the model puts the mark at byte 4.
      const model = new OnnxModelWriter().input("x", "FP32", [1]).output("x", "FP32", [1]).toBytes();
      return new WireWriter()
        .bytes(1000, latin1(`.${mark}`))
        .raw(model)
        .toBytes();
    };
    equal(Buffer.from(disguise("ORTM")).toString("latin1", 4, 8), "ORTM");
    refuses(disguise("ORTM"), /ORT format/);
    equal(readGraph(disguise("TFL3")).graph.inputs.length, 1);
  });
});
