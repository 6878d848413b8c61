import { halfToNumber } from "../../core/half-float.ts";
import type { Datatype, Tensor, TensorData } from "../../core/tensor.ts";

/** Relative difference that the order of summation explains; half precision keeps 11 bits. */
const tolerances: Partial<Record<Datatype, number>> = { FP16: 1e-2, FP32: 1e-4, FP64: 1e-4 };
/** The same for results near zero, as a share of the tensor's largest value: cancellation leaves an absolute error. */
const cancellation = 0.1;

function floats(data: TensorData, datatype: Datatype): ArrayLike<number> {
  return datatype === "FP16" ? Float32Array.from(data as Uint16Array, halfToNumber) : (data as Float32Array | Float64Array);
}

function largest(values: ArrayLike<number>): number {
  let largestSoFar = 0;
  for (let index = 0; index < values.length; index++) {
    const size = Math.abs(values[index]!);
    if (size > largestSoFar && size < Infinity) largestSoFar = size;
  }
  return largestSoFar;
}

/**
 * Whether `row` says the same as the elements of `batch` from `offset` on: within 1e-4 for floating point (1e-2 for
 * FP16), NaN and infinities alike; exactly for all else.
 */
export function sameRow(batch: Tensor, offset: number, row: Tensor): boolean {
  const { datatype } = row;
  const tolerance = tolerances[datatype];
  if (batch.datatype !== datatype || offset + row.data.length > batch.data.length) return false;
  if (tolerance === undefined) {
    for (let index = 0; index < row.data.length; index++) if (batch.data[offset + index] !== row.data[index]) return false;
    return true;
  }
  const together = floats(batch.data, datatype);
  const alone = floats(row.data, datatype);
  const floor = tolerance * cancellation * largest(alone);
  for (let index = 0; index < alone.length; index++) {
    const left = together[offset + index]!;
    const right = alone[index]!;
    if (Object.is(left, right) || left === right) continue;
    if (!Number.isFinite(left) || !Number.isFinite(right)) return false;
    if (Math.abs(left - right) > Math.max(floor, tolerance * Math.max(Math.abs(left), Math.abs(right)))) return false;
  }
  return true;
}

/**
 * Why the outputs of requests that ran together are not those of the requests alone, in words for people; null when
 * they are. Each of `alone` holds one row in every output.
 */
export function whyNotSeparable(together: readonly Tensor[], alone: readonly (readonly Tensor[])[]): string | null {
  for (const [index, batch] of together.entries()) {
    const name = JSON.stringify(batch.name);
    if (batch.shape[0] !== alone.length) return `the output ${name} does not have one row for each row of the inputs`;
    let offset = 0;
    for (const outputs of alone) {
      const row = outputs[index]!;
      if (row.shape[0] !== 1 || row.shape.length !== batch.shape.length || row.shape.slice(1).some((size, axis) => size !== batch.shape[axis + 1])) {
        return `the shape of the output ${name} depends on how many rows run together`;
      }
      if (!sameRow(batch, offset, row)) return `the output ${name} of a row depends on the other rows that run with it`;
      offset += row.data.length;
    }
  }
  return null;
}
