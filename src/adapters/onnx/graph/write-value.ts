import { dimensionFields, shapeFields, tensorTypeFields, typeFields } from "./onnx-fields.ts";
import type { OnnxDimension } from "./onnx-graph.ts";
import { WireWriter } from "./protobuf-wire.ts";

/** A TypeProto for a tensor. Texts become symbolic dimensions, -1 an open one. */
export function writeTensorType(elementType: number, shape: readonly OnnxDimension[]): WireWriter {
  const dimensions = new WireWriter();
  for (const dimension of shape) {
    const written = new WireWriter();
    if (typeof dimension === "string") written.text(dimensionFields.parameter, dimension);
    else if (dimension >= 0) written.integer(dimensionFields.value, dimension);
    dimensions.message(shapeFields.dimension, written);
  }
  const tensor = new WireWriter().integer(tensorTypeFields.elementType, elementType).message(tensorTypeFields.shape, dimensions);
  return new WireWriter().message(typeFields.tensor, tensor);
}
