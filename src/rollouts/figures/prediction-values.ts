import { halfToNumber } from "../../core/half-float.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { TensorSpec } from "../../registry/index.ts";

/**
 * What was predicted, row by row: labels as text (whole numbers in decimal digits, `true` and `false`), or numbers. A number that is NaN or infinite stands
 * for no prediction.
 */
export type PredictionValues = { readonly kind: "label"; readonly labels: readonly string[] } | { readonly kind: "number"; readonly numbers: Float64Array };

/**
 * Reads the prediction of each of `rows` rows out of the outputs of one answer. Whole numbers, texts and booleans of shape [N] or [N, 1] are labels; floats of
 * shape [N, k] with k of 2 and more are labels by the greatest of each row (its column's name where `specs` have one, else its index; the first of several that are
 * equally great); floats of shape [N] or [N, 1] are numbers. Of several outputs the first with labels of its own counts, then the first that can be read at all;
 * `output` names the only one that is looked at. Null where there is none.
 */
export function predictionValuesOf(
  outputs: readonly Tensor[], rows: number, { output = null, specs = [] }: { output?: string | null; specs?: readonly TensorSpec[] } = {},
): PredictionValues | null {
  if (rows === 0) return null;
  const fitting = output === null ? outputs : outputs.filter(({ name }) => name === output);
  const labels = fitting.find((tensor) => !isFloat(tensor) && widthOf(tensor, rows) === 1);
  if (labels !== undefined) return { kind: "label", labels: ownLabels(labels) };
  for (const tensor of fitting) {
    if (!isFloat(tensor)) continue;
    const width = widthOf(tensor, rows);
    if (width === 1) return { kind: "number", numbers: numbersOf(tensor) };
    if (width > 1) return { kind: "label", labels: greatestColumns(tensor, rows, width, specs.find(({ name }) => name === tensor.name)?.columns) };
  }
  return null;
}

/** Values for each row; 0 where the shape has no row for each of the request, or a row is more than a list. */
function widthOf({ shape }: Tensor, rows: number): number {
  if (shape[0] !== rows || shape.length > 2) return 0;
  return shape.length === 1 ? 1 : shape[1]!;
}

function isFloat({ datatype }: Tensor): boolean {
  return datatype === "FP32" || datatype === "FP64" || datatype === "FP16";
}

function ownLabels({ datatype, data }: Tensor): string[] {
  if (Array.isArray(data)) return data.slice();
  if (datatype === "BOOL") return Array.from(data as Uint8Array, (value) => (value === 0 ? "false" : "true"));
  return Array.from(data as Int32Array | BigInt64Array, (value: number | bigint) => String(value));
}

function numbersOf({ datatype, data }: Tensor): Float64Array {
  return datatype === "FP16" ? Float64Array.from(data as Uint16Array, halfToNumber) : new Float64Array(data as Float32Array | Float64Array);
}

/** A row of which every value is NaN has no greatest: its label is the empty text, which no truth is compared with. */
function greatestColumns(tensor: Tensor, rows: number, width: number, names: readonly string[] | undefined): string[] {
  const values = tensor.datatype === "FP16" ? numbersOf(tensor) : (tensor.data as Float32Array | Float64Array);
  const named = names?.length === width ? names : null;
  const labels = new Array<string>(rows);
  for (let row = 0; row < rows; row++) {
    let greatest = -1;
    for (let column = 0; column < width; column++) {
      const value = values[row * width + column]!;
      if (!Number.isNaN(value) && (greatest < 0 || value > values[row * width + greatest]!)) greatest = column;
    }
    labels[row] = greatest < 0 ? "" : (named?.[greatest] ?? String(greatest));
  }
  return labels;
}
