import { counted } from "../../core/counted.ts";
import { AppError } from "../../core/errors.ts";
import { elementCount, type NumericData, type Tensor, type TensorData } from "../../core/tensor.ts";
import type { Signature } from "../../registry/index.ts";

/** Rows of a request: the first dimension that its inputs share, or 1 when the model has no batch dimension. */
export function rowsOf(inputs: readonly Tensor[], batchable: boolean): number {
  return batchable ? (inputs[0]?.shape[0] ?? 1) : 1;
}

/**
 * Requests with equal keys may share a batch: same trailing dimensions in every input. Empty when the signature fixes
 * them all, which spares the work per request.
 */
export function batchKey(inputs: readonly Tensor[], trailingFixed: boolean): string {
  if (trailingFixed) return "";
  let key = "";
  for (const input of inputs) key += `${input.name}:${input.shape.slice(1).join("x")};`;
  return key;
}

export function hasFixedTrailingDimensions(signature: Signature): boolean {
  return signature.inputs.every((input) => input.shape.slice(1).every((dimension) => dimension >= 0));
}

/** Joins the inputs of several requests along the first dimension. Every request has the same inputs; a single one is passed through uncopied. */
export function joinRows(requests: readonly (readonly Tensor[])[]): Tensor[] {
  const first = requests[0]!;
  if (requests.length === 1) return first as Tensor[];
  return first.map((tensor, position) => {
    const parts = requests.map((inputs) => inputs[position]?.name === tensor.name ? inputs[position] : inputs.find((input) => input.name === tensor.name)!);
    const rows = parts.reduce((sum, part) => sum + part.shape[0]!, 0);
    return { ...tensor, shape: [rows, ...tensor.shape.slice(1)], data: joinData(parts.map((part) => part.data)) };
  });
}

function joinData(parts: readonly TensorData[]): TensorData {
  const first = parts[0]!;
  if (Array.isArray(first)) return (parts as string[][]).flat();
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new (first.constructor as new (length: number) => NumericData)(length);
  let offset = 0;
  for (const part of parts) {
    joined.set(part as never, offset);
    offset += part.length;
  }
  return joined;
}

/**
 * Gives each request its own rows of the outputs, as views and not copies. Throws OUTPUT_INVALID when an output's first
 * dimension is not the number of rows that went in: nobody may get rows of somebody else.
 */
export function splitRows(outputs: readonly Tensor[], rowCounts: readonly number[]): Tensor[][] {
  const total = rowCounts.reduce((sum, rows) => sum + rows, 0);
  for (const output of outputs) {
    if (output.shape[0] !== total) {
      throw new AppError("OUTPUT_INVALID", `The model was given ${counted(total, "row")} and returned ${output.shape[0] ?? "a scalar"} in ${output.name}.`);
    }
  }
  if (rowCounts.length === 1) return [outputs as Tensor[]];
  let start = 0;
  return rowCounts.map((rows) => {
    const from = start;
    start += rows;
    return outputs.map((output) => {
      const stride = elementCount(output.shape.slice(1));
      const range = [from * stride, (from + rows) * stride] as const;
      const data = Array.isArray(output.data) ? output.data.slice(...range) : output.data.subarray(...range);
      return { name: output.name, datatype: output.datatype, shape: [rows, ...output.shape.slice(1)], data };
    });
  });
}
