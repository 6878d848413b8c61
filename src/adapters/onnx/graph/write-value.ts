import {
  dimensionFields,
  mapTypeFields,
  sequenceTypeFields,
  shapeFields,
  tensorTypeFields,
  typeFields,
  valueInfoFields,
} from "./onnx-fields.ts";
import type { OnnxDimension } from "./onnx-graph.ts";
import { WireWriter } from "./protobuf-wire.ts";

/** A ValueInfoProto. */
export function writeValue(name: string, type: WireWriter): WireWriter {
  return new WireWriter().text(valueInfoFields.name, name).message(valueInfoFields.type, type);
}

/** A TypeProto for a tensor. Texts become symbolic dimensions, -1 an open one; without a shape even their number is open. */
export function writeTensorType(elementType: number, shape: readonly OnnxDimension[] | undefined): WireWriter {
  const tensor = new WireWriter().integer(tensorTypeFields.elementType, elementType);
  if (shape !== undefined) {
    const dimensions = new WireWriter();
    for (const dimension of shape) {
      const written = new WireWriter();
      if (typeof dimension === "string") written.text(dimensionFields.parameter, dimension);
      else if (dimension >= 0) written.integer(dimensionFields.value, dimension);
      dimensions.message(shapeFields.dimension, written);
    }
    tensor.message(tensorTypeFields.shape, dimensions);
  }
  return new WireWriter().message(typeFields.tensor, tensor);
}

/** A TypeProto for what ZipMap returns: a sequence of maps from class to FP32 scalar. */
export function writeSequenceOfMapsType(keyElementType: number, valueElementType: number): WireWriter {
  const map = new WireWriter()
    .integer(mapTypeFields.keyType, keyElementType)
    .message(mapTypeFields.valueType, writeTensorType(valueElementType, undefined));
  const element = new WireWriter().message(typeFields.map, map);
  return new WireWriter().message(typeFields.sequence, new WireWriter().message(sequenceTypeFields.elementType, element));
}
