import { dimensionFields, shapeFields, tensorTypeFields, typeFields, valueInfoFields } from "./onnx-fields.ts";
import type { OnnxDimension, OnnxType, OnnxValue } from "./onnx-graph.ts";
import { notAnOnnxModel, type WireCursor } from "./protobuf-wire.ts";

/** Two bytes of a file can ask for an object of hundreds; the largest public graphs have some 100,000 entries. */
const mostEntries = 1_000_000;
/** Of tensors; more than any operator takes. */
export const mostDimensions = 32;

/** What all parts of one file share while it is read. */
export interface Reading {
  entriesLeft: number;
  externalTensors: string[];
}

export function startReading(): Reading {
  return { entriesLeft: mostEntries, externalTensors: [] };
}

/** Called before anything is kept for a part of the file, so that a small file cannot fill the memory. */
export function countEntry(reading: Reading): void {
  if (--reading.entriesLeft < 0) throw notAnOnnxModel(`it has more than ${mostEntries} nodes, values and names`);
}

/** Reads a ValueInfoProto. */
export function readValue(cursor: WireCursor, reading: Reading): OnnxValue {
  countEntry(reading);
  let name = "";
  let type: OnnxType | undefined;
  while (cursor.next()) {
    if (cursor.field === valueInfoFields.name) name = cursor.text();
    else if (cursor.field === valueInfoFields.type) {
      if (type !== undefined) throw notAnOnnxModel("it has a value with two types");
      type = readType(cursor.message(), reading);
    }
  }
  return { name, type: type ?? { kind: "value without a type" } };
}

function readType(cursor: WireCursor, reading: Reading): OnnxType {
  let type: OnnxType | undefined;
  while (cursor.next()) {
    const read = readTypeCase(cursor, reading);
    if (read === undefined) continue;
    if (type !== undefined) throw notAnOnnxModel("it has a value with two types");
    type = read;
  }
  return type ?? { kind: "value without a type" };
}

function readTypeCase(cursor: WireCursor, reading: Reading): OnnxType | undefined {
  switch (cursor.field) {
    case typeFields.tensor:
      return readTensorType(cursor.message(), reading);
    case typeFields.sequence:
      return { kind: "sequence" };
    case typeFields.map:
      return { kind: "map" };
    case typeFields.opaque:
      return { kind: "opaque value" };
    case typeFields.sparseTensor:
      return { kind: "sparse tensor" };
    case typeFields.optional:
      return { kind: "optional" };
  }
  return undefined;
}

function readTensorType(cursor: WireCursor, reading: Reading): OnnxType {
  let elementType = 0;
  let shape: OnnxDimension[] | undefined;
  while (cursor.next()) {
    if (cursor.field === tensorTypeFields.elementType) elementType = cursor.integer();
    else if (cursor.field === tensorTypeFields.shape) {
      if (shape !== undefined) throw notAnOnnxModel("it has a value with two shapes");
      shape = readShape(cursor.message(), reading);
    }
  }
  return { kind: "tensor", elementType, shape };
}

function readShape(cursor: WireCursor, reading: Reading): OnnxDimension[] {
  const shape: OnnxDimension[] = [];
  while (cursor.next()) {
    if (cursor.field !== shapeFields.dimension) continue;
    if (shape.length === mostDimensions) throw notAnOnnxModel(`it has a tensor of more than ${mostDimensions} dimensions`);
    countEntry(reading);
    shape.push(readDimension(cursor.message()));
  }
  return shape;
}

/** Of several values the last counts, as in the reference parser. */
function readDimension(cursor: WireCursor): OnnxDimension {
  let dimension: OnnxDimension = -1;
  while (cursor.next()) {
    if (cursor.field === dimensionFields.value) dimension = Math.max(-1, cursor.integer());
    else if (cursor.field === dimensionFields.parameter) dimension = cursor.text() || -1;
  }
  return dimension;
}
