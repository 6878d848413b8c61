import {
  attributeFields, entryFields, functionFields, graphFields, modelFields, nodeFields, opsetFields, sparseTensorFields, tensorFields,
  trainingInfoFields,
} from "./onnx-fields.ts";
import { recogniseForeignFile } from "./foreign-file.ts";
import type { OnnxFunction, OnnxGraph, OnnxInitializer, OnnxModel, OnnxNode, OnnxType, OnnxValue } from "./onnx-graph.ts";
import { notAnOnnxModel, WireCursor } from "./protobuf-wire.ts";
import { countEntry, mostDimensions, readValue, startReading, type Reading } from "./read-value.ts";

const longestMetadata = 1 << 16;

/**
 * Reads the structure of an ONNX file and skips the weights by their lengths. Pure; throws MODEL_FILE_INVALID when the
 * bytes are not a ModelProto, and says what they are where it can tell. Where a message that can occur once occurs twice
 * it refuses too: the reference parser would merge the two, and a reader that does not must not be made to see another
 * model than the runtime does.
 */
export function readGraph(bytes: Uint8Array): OnnxModel {
  const foreign = recogniseForeignFile(bytes);
  if (foreign?.conclusive) throw notAnOnnxModel(foreign.phrase);
  try {
    return readModel(bytes);
  } catch (error) {
    if (foreign === undefined) throw error;
    throw notAnOnnxModel(foreign.phrase, error);
  }
}

function readModel(bytes: Uint8Array): OnnxModel {
  const reading = startReading();
  const opsets = new Map<string, number>();
  const metadata = new Map<string, string>();
  const functions: OnnxFunction[] = [];
  let irVersion: number | undefined;
  let producerName = "";
  let producerVersion = "";
  let graph: OnnxGraph | undefined;
  const cursor = new WireCursor(bytes);
  while (cursor.next()) {
    switch (cursor.field) {
      case modelFields.irVersion:
        irVersion = cursor.integer();
        break;
      case modelFields.producerName:
        producerName = cursor.text();
        break;
      case modelFields.producerVersion:
        producerVersion = cursor.text();
        break;
      case modelFields.graph:
        if (graph !== undefined) throw notAnOnnxModel("it has more than one graph");
        graph = readGraphMessage(cursor.message(), reading);
        break;
      case modelFields.opsetImport:
        readOpset(cursor.message(), opsets, reading);
        break;
      case modelFields.metadataProps:
        readMetadata(cursor.message(), metadata, reading);
        break;
      case modelFields.trainingInfo:
        readTrainingInfo(cursor.message(), reading);
        break;
      case modelFields.functions:
        functions.push(readFunction(cursor.message(), reading));
        break;
    }
  }
  if (graph === undefined) throw notAnOnnxModel("it has no graph");
  return { irVersion, opsets, producerName, producerVersion, graph, functions, metadata, externalTensors: reading.externalTensors };
}

function readGraphMessage(cursor: WireCursor, reading: Reading): OnnxGraph {
  const declared: OnnxValue[] = [];
  const outputs: OnnxValue[] = [];
  const initializers: OnnxInitializer[] = [];
  const nodes: OnnxNode[] = [];
  const valueTypes = new Map<string, OnnxType>();
  while (cursor.next()) {
    switch (cursor.field) {
      case graphFields.node:
        nodes.push(readNode(cursor.message(), reading));
        break;
      case graphFields.initializer:
        initializers.push(readTensor(cursor.message(), reading));
        break;
      case graphFields.sparseInitializer:
        initializers.push(readSparseTensor(cursor.message(), reading));
        break;
      case graphFields.input:
        declared.push(readValue(cursor.message(), reading));
        break;
      case graphFields.output:
        outputs.push(readValue(cursor.message(), reading));
        break;
      case graphFields.valueInfo: {
        const value = readValue(cursor.message(), reading);
        valueTypes.set(value.name, value.type);
        break;
      }
    }
  }
  // Exporters of the first years list the weights among the inputs; a caller need not, and here cannot, give them.
  const filled = new Set(initializers.map((initializer) => initializer.name));
  return { inputs: declared.filter((input) => !filled.has(input.name)), outputs, valueTypes, initializers, nodes };
}

function blankNode({ start, limit: end }: WireCursor): OnnxNode {
  return { name: "", opType: "", domain: "", inputs: [], outputs: [], subgraphs: [], elementType: undefined, start, end };
}

function readNode(cursor: WireCursor, reading: Reading): OnnxNode {
  countEntry(reading);
  const node = blankNode(cursor);
  while (cursor.next()) {
    switch (cursor.field) {
      case nodeFields.input:
        countEntry(reading);
        node.inputs.push(cursor.text());
        break;
      case nodeFields.output:
        countEntry(reading);
        node.outputs.push(cursor.text());
        break;
      case nodeFields.name:
        node.name = cursor.text();
        break;
      case nodeFields.opType:
        node.opType = cursor.text();
        break;
      case nodeFields.domain:
        node.domain = cursor.text();
        break;
      case nodeFields.attribute:
        readAttribute(cursor.message(), node, reading);
        break;
    }
  }
  if (node.opType === "") throw notAnOnnxModel("it has a node without an operator");
  if (node.domain === "ai.onnx") node.domain = "";
  return node;
}

/** Looks into an attribute for what matters here: subgraphs, data that lies elsewhere, the type of a constant or Cast. */
function readAttribute(cursor: WireCursor, node: OnnxNode, reading: Reading): void {
  let name = "";
  let integer: number | undefined;
  let tensor: OnnxInitializer | undefined;
  while (cursor.next()) {
    switch (cursor.field) {
      case attributeFields.name:
        name = cursor.text();
        break;
      case attributeFields.int:
        integer = Number(cursor.bigInteger());
        break;
      case attributeFields.tensor:
      case attributeFields.tensors:
        tensor = readTensor(cursor.message(), reading);
        break;
      case attributeFields.sparseTensor:
      case attributeFields.sparseTensors:
        readSparseTensor(cursor.message(), reading);
        break;
      case attributeFields.graph:
      case attributeFields.graphs:
        countEntry(reading);
        node.subgraphs.push(readGraphMessage(cursor.message(), reading));
        break;
    }
  }
  if (name === "to") node.elementType = integer;
  else if (name === "value") node.elementType = tensor?.elementType;
}

function readTensor(cursor: WireCursor, reading: Reading): OnnxInitializer {
  countEntry(reading);
  const dimensions: bigint[] = [];
  const tensor: OnnxInitializer = { name: "", elementType: 0, dimensions: [], external: false };
  while (cursor.next()) {
    switch (cursor.field) {
      case tensorFields.dims:
        cursor.appendIntegers(dimensions, mostDimensions);
        break;
      case tensorFields.dataType:
        tensor.elementType = cursor.integer();
        break;
      case tensorFields.name:
        tensor.name = cursor.text();
        break;
      case tensorFields.externalData:
        tensor.external = true;
        break;
      case tensorFields.dataLocation:
        if (cursor.integer() !== 0) tensor.external = true;
        break;
    }
  }
  tensor.dimensions = dimensions.map(Number);
  if (tensor.external && reading.externalTensors.length < 20) reading.externalTensors.push(tensor.name);
  return tensor;
}

/** A sparse tensor goes by the name of its values. */
function readSparseTensor(cursor: WireCursor, reading: Reading): OnnxInitializer {
  let values: OnnxInitializer | undefined;
  while (cursor.next()) {
    if (cursor.field === sparseTensorFields.values) values = readTensor(cursor.message(), reading);
    else if (cursor.field === sparseTensorFields.indices) readTensor(cursor.message(), reading);
  }
  if (values === undefined) throw notAnOnnxModel("it has a sparse tensor without values");
  return values;
}

function readOpset(cursor: WireCursor, opsets: Map<string, number>, reading: Reading): void {
  countEntry(reading);
  let domain = "";
  let version = 0;
  while (cursor.next()) {
    if (cursor.field === opsetFields.domain) domain = cursor.text();
    else if (cursor.field === opsetFields.version) version = cursor.integer();
  }
  const key = domain || "ai.onnx";
  opsets.set(key, Math.max(version, opsets.get(key) ?? version));
}

function readMetadata(cursor: WireCursor, metadata: Map<string, string>, reading: Reading): void {
  countEntry(reading);
  let key = "";
  let value: string | undefined;
  while (cursor.next()) {
    if (cursor.field === entryFields.key) key = cursor.text();
    else if (cursor.field === entryFields.value) {
      value = cursor.end - cursor.start > longestMetadata ? undefined : cursor.text();
    }
  }
  if (value !== undefined) metadata.set(key, value);
}

/** Training graphs are not run, but their constants must not point to other files either. */
function readTrainingInfo(cursor: WireCursor, reading: Reading): void {
  while (cursor.next()) {
    if (cursor.field === trainingInfoFields.initialization || cursor.field === trainingInfoFields.algorithm) {
      readGraphMessage(cursor.message(), reading);
    }
  }
}

function readFunction(cursor: WireCursor, reading: Reading): OnnxFunction {
  countEntry(reading);
  const declared: OnnxFunction = { domain: "", name: "", nodes: [] };
  // Defaults of attributes may hold subgraphs and constants; they are read as if they were attributes of a node.
  const defaults = blankNode(cursor);
  while (cursor.next()) {
    switch (cursor.field) {
      case functionFields.name:
        declared.name = cursor.text();
        break;
      case functionFields.domain:
        declared.domain = cursor.text();
        break;
      case functionFields.node:
        declared.nodes.push(readNode(cursor.message(), reading));
        break;
      case functionFields.attributeDefaults:
        readAttribute(cursor.message(), defaults, reading);
        break;
    }
  }
  if (defaults.subgraphs.length > 0) declared.nodes.push(defaults);
  if (declared.domain === "ai.onnx") declared.domain = "";
  return declared;
}
