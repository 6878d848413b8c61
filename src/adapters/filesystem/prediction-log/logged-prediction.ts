import { halfToNumber } from "../../../core/half-float.ts";
import type { Datatype, TensorData } from "../../../core/tensor.ts";
import type { LoggedTensor, LogTensor, Prediction, PredictionEntry } from "../../../serving/index.ts";

export type JsonElement = number | string | boolean;

/**
 * One element as JSON can carry it: 64-bit integers beyond 2^53 as decimal text; NaN, Infinity and -Infinity as these
 * words, because JSON has no numbers for them and `null` would say something else.
 */
export function jsonElement(value: number | bigint | string | boolean): JsonElement {
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value !== "bigint") return value;
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString();
}

/**
 * Values of a tensor as they mean: booleans for BOOL, numbers for the bit patterns of FP16. Zero has no sign: JSON does not
 * know one, and Parquet writers take both zeros for the same entry of a dictionary.
 */
export function meaningOf(datatype: Datatype, data: TensorData, index: number): number | bigint | string | boolean {
  const value = data[index]!;
  if (datatype === "BOOL") return value === 1;
  const number = datatype === "FP16" ? halfToNumber(value as number) : value;
  return number === 0 ? 0 : number;
}

/** A logged tensor in the shape that callers of the API see. */
function loggedTensor(tensor: LogTensor): LoggedTensor {
  if (tensor.data === null) return { ...tensor };
  const { name, datatype, shape, data } = tensor;
  const values: JsonElement[] = [];
  for (let index = 0; index < data.length; index++) values.push(jsonElement(meaningOf(datatype, data, index)));
  return { name, datatype, shape, data: values };
}

export function loggedPrediction(entry: PredictionEntry): Prediction {
  return { ...entry, assignment: entry.assignment ?? null, traceId: entry.traceId ?? null, inputs: entry.inputs.map(loggedTensor), outputs: entry.outputs.map(loggedTensor) };
}
