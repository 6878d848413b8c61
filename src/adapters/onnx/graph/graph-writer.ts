import { AppError } from "../../../core/errors.ts";
import type { Datatype } from "../../../core/tensor.ts";
import { elementTypeOf } from "./element-types.ts";
import { attributeFields, attributeTypes, graphFields, nodeFields } from "./onnx-fields.ts";
import type { OnnxDimension } from "./onnx-graph.ts";
import { WireWriter } from "./protobuf-wire.ts";
import { writeTensor, type OnnxData, type OnnxTensor } from "./tensor-writer.ts";
import { writeSequenceOfMapsType, writeTensorType, writeValue } from "./write-value.ts";

/** A node's attributes by their ONNX type, which JavaScript numbers do not tell: one value, or a list where it is a list. */
export interface OnnxAttributes {
  ints?: Readonly<Record<string, number | bigint | readonly (number | bigint)[]>>;
  floats?: Readonly<Record<string, number | readonly number[]>>;
  strings?: Readonly<Record<string, string | readonly string[]>>;
  tensors?: Readonly<Record<string, OnnxTensor>>;
  /** Bodies of loops and branches of conditions; they see the values of the graphs around them. */
  graphs?: Readonly<Record<string, OnnxGraphWriter>>;
}

interface WrittenNode {
  name: string;
  domain: string;
  inputs: readonly string[];
  outputs: readonly string[];
  subgraphs: readonly OnnxGraphWriter[];
  message: WireWriter;
}

/**
 * Builds a graph: the body of a loop or the branch of a condition; `OnnxModelWriter` is the outermost one. Nodes run in
 * the order in which they are added. Sizes of dimensions are whole numbers, names such as "batch", or -1 for open ones.
 */
export class OnnxGraphWriter {
  readonly #name: string;
  readonly #inputs = new Map<string, WireWriter>();
  readonly #outputs = new Map<string, WireWriter>();
  readonly #initializers = new Map<string, WireWriter>();
  readonly #nodes: WrittenNode[] = [];

  constructor(name = "graph") {
    this.#name = name;
  }

  input(name: string, datatype: Datatype, shape?: readonly OnnxDimension[]): this {
    this.#refuseTaken(name);
    this.#inputs.set(name, writeTensorType(elementTypeOf[datatype], shape));
    return this;
  }

  /** Declares a value, made by a node, to be an output. */
  output(name: string, datatype: Datatype, shape?: readonly OnnxDimension[]): this {
    this.#outputs.set(name, writeTensorType(elementTypeOf[datatype], shape));
    return this;
  }

  /** Declares what a ZipMap node makes to be an output: for each row a map from class to number. */
  classMapsOutput(name: string, keys: "INT64" | "BYTES"): this {
    this.#outputs.set(name, writeSequenceOfMapsType(elementTypeOf[keys], elementTypeOf.FP32));
    return this;
  }

  /** A constant, such as weights. A large typed array is not copied until the model is written: leave it as it is. */
  initializer(name: string, datatype: Datatype, shape: readonly number[], data: OnnxData): this {
    this.#refuseTaken(name);
    this.#initializers.set(name, writeTensor(name, { datatype, shape, data }));
    return this;
  }

  /** Adds an operator; its subgraphs must be complete. An empty name among the inputs or outputs leaves an optional one out. */
  node(opType: string, inputs: readonly string[], outputs: readonly string[], attributes: OnnxAttributes = {}, domain = ""): this {
    const node: WrittenNode = {
      name: `${opType}_${this.#nodes.length}`,
      domain: domain === "ai.onnx" ? "" : domain,
      inputs,
      outputs,
      subgraphs: Object.values(attributes.graphs ?? {}),
      message: new WireWriter(),
    };
    for (const input of inputs) node.message.text(nodeFields.input, input);
    for (const output of outputs) node.message.text(nodeFields.output, output);
    node.message.text(nodeFields.name, node.name).text(nodeFields.opType, opType);
    for (const attribute of writeAttributes(attributes, (graph) => graph.toMessage())) {
      node.message.message(nodeFields.attribute, attribute);
    }
    if (node.domain !== "") node.message.text(nodeFields.domain, node.domain);
    this.#nodes.push(node);
    return this;
  }

  /** Domains of the operators that are used here and in subgraphs; the default one is the empty text. */
  protected domains(): Set<string> {
    const domains = new Set(this.#nodes.map((node) => node.domain));
    for (const node of this.#nodes) for (const subgraph of node.subgraphs) for (const domain of subgraph.domains()) domains.add(domain);
    return domains;
  }

  /** A GraphProto, as the graph is now. */
  protected toMessage(): WireWriter {
    const graph = new WireWriter();
    for (const node of this.#nodes) graph.message(graphFields.node, node.message);
    graph.text(graphFields.name, this.#name);
    for (const initializer of this.#initializers.values()) graph.message(graphFields.initializer, initializer);
    for (const [name, type] of this.#inputs) graph.message(graphFields.input, writeValue(name, type));
    for (const [name, type] of this.#outputs) graph.message(graphFields.output, writeValue(name, type));
    return graph;
  }

  #refuseTaken(name: string): void {
    if (this.#inputs.has(name) || this.#initializers.has(name)) {
      throw new AppError(
        "MODEL_FILE_INVALID",
        `The graph ${this.#name} already has an input or initializer named ${JSON.stringify(name)}.`,
      );
    }
  }

  /** Throws MODEL_FILE_INVALID when a value is used that nothing makes before, or is made twice. */
  protected checkValues(outerValues: ReadonlySet<string>): void {
    const known = new Set([...outerValues, ...this.#inputs.keys(), ...this.#initializers.keys()]);
    for (const node of this.#nodes) {
      for (const input of node.inputs) {
        if (input !== "" && !known.has(input)) throw unknownValue(`The node ${node.name} takes`, input);
      }
      for (const subgraph of node.subgraphs) subgraph.checkValues(known);
      for (const output of node.outputs) {
        if (output === "") continue;
        if (known.has(output)) {
          throw new AppError("MODEL_FILE_INVALID", `The node ${node.name} makes ${JSON.stringify(output)}, which is there already.`);
        }
        known.add(output);
      }
    }
    for (const output of this.#outputs.keys()) if (!known.has(output)) throw unknownValue(`The graph ${this.#name} returns`, output);
  }
}

function unknownValue(who: string, name: string): AppError {
  return new AppError("MODEL_FILE_INVALID", `${who} ${JSON.stringify(name)}, which no input, initializer or earlier node makes.`);
}

function* writeAttributes(
  { ints = {}, floats = {}, strings = {}, tensors = {}, graphs = {} }: OnnxAttributes,
  writeGraph: (graph: OnnxGraphWriter) => WireWriter,
): Generator<WireWriter> {
  const start = (name: string, type: number): WireWriter =>
    new WireWriter().text(attributeFields.name, name).integer(attributeFields.type, type);
  for (const [name, value] of Object.entries(ints)) {
    const attribute = start(name, Array.isArray(value) ? attributeTypes.ints : attributeTypes.int);
    if (Array.isArray(value)) for (const element of value) attribute.integer(attributeFields.ints, element as number | bigint);
    else attribute.integer(attributeFields.int, value as number | bigint);
    yield attribute;
  }
  for (const [name, value] of Object.entries(floats)) {
    const attribute = start(name, typeof value === "number" ? attributeTypes.float : attributeTypes.floats);
    if (typeof value === "number") attribute.float(attributeFields.float, value);
    else for (const element of value) attribute.float(attributeFields.floats, element);
    yield attribute;
  }
  for (const [name, value] of Object.entries(strings)) {
    const attribute = start(name, typeof value === "string" ? attributeTypes.string : attributeTypes.strings);
    if (typeof value === "string") attribute.text(attributeFields.string, value);
    else for (const element of value) attribute.text(attributeFields.strings, element);
    yield attribute;
  }
  for (const [name, tensor] of Object.entries(tensors)) {
    yield start(name, attributeTypes.tensor).message(attributeFields.tensor, writeTensor("", tensor));
  }
  for (const [name, graph] of Object.entries(graphs)) {
    yield start(name, attributeTypes.graph).message(attributeFields.graph, writeGraph(graph));
  }
}
