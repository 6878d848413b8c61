import type { Datatype } from "../../../core/tensor.ts";

/** TensorProto.DataType of each datatype of the Open Inference Protocol. */
export const elementTypeOf: Readonly<Record<Datatype, number>> = {
  FP32: 1, UINT8: 2, INT8: 3, UINT16: 4, INT16: 5, INT32: 6, INT64: 7, BYTES: 8, BOOL: 9, FP16: 10, FP64: 11, UINT32: 12, UINT64: 13,
};

const datatypes = new Map<number, Datatype>(Object.entries(elementTypeOf).map(([datatype, number]) => [number, datatype as Datatype]));

/** The datatype of an ONNX element type, or undefined when the Open Inference Protocol has none for it. */
export function datatypeOf(elementType: number): Datatype | undefined {
  return datatypes.get(elementType);
}

/** ONNX element types that no datatype stands for, by the names that people know them by. */
const unservedElementTypes = new Map<number, string>([
  [14, "complex64"],
  [15, "complex128"],
  [16, "bfloat16"],
  [17, "float8e4m3fn"],
  [18, "float8e4m3fnuz"],
  [19, "float8e5m2"],
  [20, "float8e5m2fnuz"],
  [21, "uint4"],
  [22, "int4"],
  [23, "float4e2m1"],
  [24, "float8e8m0"],
  [25, "uint2"],
  [26, "int2"],
  [27, "float6e2m3"],
  [28, "float6e3m2"],
]);

/** Name of an element type for messages. */
export function elementTypeName(elementType: number): string {
  return datatypes.get(elementType) ?? unservedElementTypes.get(elementType) ?? `number ${elementType}`;
}
