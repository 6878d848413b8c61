import { z } from "zod";

export const Datatype = z
  .enum(["BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64", "BYTES"])
  .meta({ id: "Datatype", description: "Datatype of the Open Inference Protocol" });
export type Datatype = z.infer<typeof Datatype>;

export type NumericData =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

/**
 * Elements in row-major order. BOOL is Uint8Array of 0 and 1, FP16 is Uint16Array of bit patterns, BYTES is an array of
 * strings (UTF-8 on every wire).
 */
export type TensorData = NumericData | string[];

export interface Tensor {
  name: string;
  datatype: Datatype;
  /** Every dimension known; the first is the number of rows when the model batches. */
  shape: number[];
  data: TensorData;
}

/** Bytes of one element on the binary wire; 0 for BYTES, whose elements carry their own length. */
export const elementSize: Record<Datatype, number> = {
  BOOL: 1, UINT8: 1, UINT16: 2, UINT32: 4, UINT64: 8, INT8: 1, INT16: 2, INT32: 4, INT64: 8, FP16: 2, FP32: 4, FP64: 8, BYTES: 0,
};

/** The typed array in which a numeric datatype is held. */
export const typedArrayOf = {
  BOOL: Uint8Array, UINT8: Uint8Array, UINT16: Uint16Array, UINT32: Uint32Array, UINT64: BigUint64Array,
  INT8: Int8Array, INT16: Int16Array, INT32: Int32Array, INT64: BigInt64Array,
  FP16: Uint16Array, FP32: Float32Array, FP64: Float64Array,
} as const;

/** Number of elements of a shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const dimension of shape) count *= dimension;
  return count;
}
