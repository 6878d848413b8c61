import { AppError } from "../../../core/errors.ts";
import { attributeFields, graphFields, modelFields, nodeFields, opsetFields, valueInfoFields } from "./onnx-fields.ts";
import type { OnnxDimension, OnnxGraph, OnnxModel, OnnxNode } from "./onnx-graph.ts";
import { elementTypeOf } from "./element-types.ts";
import { notAnOnnxModel, WireCursor, WireWriter } from "./protobuf-wire.ts";
import { writeTensorType, writeValue } from "./write-value.ts";

const mostLabels = 100_000;

/** A ZipMap that was taken out, and what its output is now. */
export interface RemovedZipMap {
  /** Name of the graph output, as before. */
  output: string;
  /** The classes in the order of the tensor's columns. */
  labels: string[];
  labelKind: "integer" | "text";
}

/**
 * Takes the ZipMap nodes out that end a classifier. skl2onnx adds them by default to return probabilities as a sequence
 * of maps from class to number, which neither the Open Inference Protocol nor onnxruntime-node can carry. The map's
 * tensor of probabilities, FP32 [rows, classes], becomes the graph output under the same name: an Identity takes the
 * node's place (the runtime optimises it away), so other uses of the tensor stay as they are. Every other byte of the
 * file is kept. Undefined when there is nothing to remove; throws MODEL_FILE_INVALID when a ZipMap that feeds an output
 * cannot be removed because other nodes use its maps too.
 */
export function removeZipMaps(bytes: Uint8Array, model: OnnxModel): { bytes: Uint8Array; removed: RemovedZipMap[] } | undefined {
  const outputs = new Set(model.graph.outputs.map((output) => output.name));
  const nodes = new Map<number, OnnxNode>();
  const removed = new Map<string, RemovedZipMap>();
  const shapes = new Map<string, OnnxDimension[]>();
  let uses: Set<string> | undefined;
  for (const node of model.graph.nodes) {
    const output = node.outputs[0];
    if (node.opType !== "ZipMap" || node.domain !== "ai.onnx.ml" || output === undefined || !outputs.has(output)) continue;
    const input = node.inputs[0];
    if (!input) throw new AppError("MODEL_FILE_INVALID", `The ZipMap node of the output ${JSON.stringify(output)} has no input.`);
    uses ??= collectUses(model.graph, new Set());
    if (uses.has(output)) {
      throw new AppError(
        "MODEL_FILE_INVALID",
        `The output ${JSON.stringify(output)} is a sequence of maps made by ZipMap that other nodes use too, ` +
          "so it cannot be turned into a tensor. Export the classifier with the option zipmap=False.",
      );
    }
    const classes = readLabels(bytes, node, output);
    const inferred = model.graph.valueTypes.get(input);
    nodes.set(node.start, node);
    removed.set(output, { output, ...classes });
    shapes.set(output, inferred?.kind === "tensor" && inferred.shape ? inferred.shape : ["batch", classes.labels.length]);
  }
  if (nodes.size === 0) return undefined;
  return { bytes: rewriteModel(bytes, model, nodes, shapes), removed: [...removed.values()] };
}

/** Adds the names of all values that a node, at any depth, takes. */
function collectUses(graph: OnnxGraph, uses: Set<string>): Set<string> {
  for (const node of graph.nodes) {
    for (const input of node.inputs) uses.add(input);
    for (const subgraph of node.subgraphs) {
      collectUses(subgraph, uses);
      for (const output of subgraph.outputs) uses.add(output.name);
    }
  }
  return uses;
}

function readLabels(bytes: Uint8Array, node: OnnxNode, output: string): Pick<RemovedZipMap, "labels" | "labelKind"> {
  const integers: bigint[] = [];
  const texts: string[] = [];
  const fields = new WireCursor(bytes, node.start, node.end);
  while (fields.next()) {
    if (fields.field !== nodeFields.attribute) continue;
    const attribute = fields.message();
    while (attribute.next()) {
      if (attribute.field === attributeFields.ints) attribute.appendIntegers(integers, mostLabels);
      else if (attribute.field === attributeFields.strings) {
        if (texts.length === mostLabels) throw notAnOnnxModel(`a ZipMap node has more than ${mostLabels} class labels`);
        texts.push(attribute.text());
      }
    }
  }
  if ((integers.length === 0) === (texts.length === 0)) {
    throw new AppError(
      "MODEL_FILE_INVALID",
      `The ZipMap node of the output ${JSON.stringify(output)} must have class labels that are either all ` +
        "integers or all text. Export the classifier with the option zipmap=False.",
    );
  }
  return integers.length > 0 ? { labels: integers.map(String), labelKind: "integer" } : { labels: texts, labelKind: "text" };
}

function rewriteModel(
  bytes: Uint8Array,
  model: OnnxModel,
  nodes: ReadonlyMap<number, OnnxNode>,
  shapes: ReadonlyMap<string, OnnxDimension[]>,
): Uint8Array {
  const rewritten = new WireWriter();
  const fields = new WireCursor(bytes);
  while (fields.next()) {
    if (fields.field === modelFields.graph) rewritten.message(modelFields.graph, rewriteGraph(fields.message(), nodes, shapes));
    else rewritten.raw(fields.wholeField());
  }
  // Identity is of the default domain, which a model of ai.onnx.ml operators alone does not import.
  if (!model.opsets.has("ai.onnx")) {
    rewritten.message(modelFields.opsetImport, new WireWriter().text(opsetFields.domain, "").integer(opsetFields.version, 13));
  }
  return rewritten.toBytes();
}

function rewriteGraph(graph: WireCursor, nodes: ReadonlyMap<number, OnnxNode>, shapes: ReadonlyMap<string, OnnxDimension[]>): WireWriter {
  const rewritten = new WireWriter();
  while (graph.next()) {
    const zipMap = graph.field === graphFields.node ? nodes.get(graph.start) : undefined;
    if (zipMap !== undefined) {
      rewritten.message(
        graphFields.node,
        new WireWriter()
          .text(nodeFields.input, zipMap.inputs[0]!)
          .text(nodeFields.output, zipMap.outputs[0]!)
          .text(nodeFields.name, zipMap.name)
          .text(nodeFields.opType, "Identity"),
      );
      continue;
    }
    const name = graph.field === graphFields.output || graph.field === graphFields.valueInfo ? nameOfValue(graph.message()) : "";
    const shape = shapes.get(name);
    if (shape === undefined) rewritten.raw(graph.wholeField());
    else if (graph.field === graphFields.output) {
      rewritten.message(graphFields.output, writeValue(name, writeTensorType(elementTypeOf.FP32, shape)));
    }
    // A note of the value's type among the inner values would still say sequence: it is left out.
  }
  return rewritten;
}

function nameOfValue(value: WireCursor): string {
  let name = "";
  while (value.next()) if (value.field === valueInfoFields.name) name = value.text();
  return name;
}
