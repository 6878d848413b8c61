import { elementCount, typedArrayOf, type NumericData, type Tensor } from "../core/tensor.ts";
import type { ExampleTensor, TensorSpec } from "../registry/index.ts";

/** Rows that both models answer: the example and these around it. */
export const comparedRows = 8;

/** One row of plain values for a model that brings no example; BYTES are empty texts. */
export function madeUpRow(inputs: readonly TensorSpec[]): ExampleTensor[] {
  return inputs.map(({ name, datatype, shape }) => {
    const whole = shape.map((dimension, position) => (dimension < 0 ? 1 : position === 0 ? 1 : dimension));
    const value = datatype === "BYTES" ? "" : datatype === "BOOL" ? false : 0;
    return { name, datatype, shape: whole, data: Array.from({ length: elementCount(whole) }, () => value) };
  });
}

/** The row `rows` times. Numbers of the later ones lie around it, each column's own way, so that mixed-up rows and columns show; texts and truth values stay. */
export function rowsAround(row: readonly ExampleTensor[], rows: number): Tensor[] {
  return row.map(({ name, datatype, shape, data }, input) => {
    const whole = [rows * shape[0]!, ...shape.slice(1)];
    const count = rows * data.length;
    if (datatype === "BYTES") return { name, datatype, shape: whole, data: Array.from({ length: count }, (_, index) => String(data[index % data.length])) };
    const values: NumericData = new typedArrayOf[datatype](count);
    for (let index = 0; index < count; index++) {
      const [at, turn] = [index % data.length, Math.floor(index / data.length)];
      const value = shifted(data[at]!, turn, input + at, datatype);
      (values as { [index: number]: number | bigint })[index] = values instanceof BigInt64Array || values instanceof BigUint64Array ? BigInt(value) : Number(value);
    }
    return { name, datatype, shape: whole, data: values };
  });
}

/** By half of its size and a bit, up or down; whole numbers by whole ones and never below zero where they were not. */
function shifted(value: string | number | boolean, turn: number, column: number, datatype: TensorSpec["datatype"]): string | number {
  if (typeof value === "boolean" || datatype === "BOOL") return Number(value);
  if (turn === 0 || datatype === "FP16" || typeof value === "string") return value;
  const direction = (turn + column) % 2 === 0 ? 1 : -1;
  if (!datatype.startsWith("FP")) return Math.abs(value) > 100 ? value : Math.max(Math.min(value, 0), value + direction * Math.ceil(turn / 2));
  return value + (direction * turn * (Math.abs(value) + 0.7)) / comparedRows;
}
