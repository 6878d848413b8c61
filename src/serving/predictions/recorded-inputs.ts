import { elementCount, typedArrayOf, type NumericData, type Tensor } from "../../core/tensor.ts";
import type { Signature } from "../../registry/index.ts";
import { batchKey, hasFixedTrailingDimensions, joinRows } from "../batching/batch.ts";
import type { PredictionLog } from "./prediction-log.ts";
import type { Prediction } from "../schemas.ts";
import { tensorOfExample } from "../versions/smoke-test.ts";

/** Predictions that are looked at; the newest say best what callers send. */
const lookedAt = 32;

/**
 * Inputs of the newest predictions of a version that were answered, as one request; null where none were logged whole. Redacted and
 * shortened ones are passed over, and so is what another signature was asked for.
 */
export async function recordedInputs(log: PredictionLog, model: string, version: string, signature: Signature): Promise<readonly Tensor[] | null> {
  const predictions = await log.list({ model, version, outcome: "ok", limit: lookedAt });
  const requests = predictions.map((prediction) => inputsOf(prediction, signature)).filter((inputs) => inputs !== null);
  const [first] = requests;
  if (first === undefined || !signature.batchable) return first ?? null;
  const fixed = hasFixedTrailingDimensions(signature);
  return joinRows(requests.filter((inputs) => batchKey(inputs, fixed) === batchKey(first, fixed)));
}

/** So many rows of what is there, again from the beginning when it is at its end. Dimensions but the first stay. */
export function repeatRows(tensors: readonly Tensor[], rows: number): Tensor[] {
  return tensors.map((tensor) => {
    const there = tensor.shape[0];
    if (there === undefined || there === rows || there === 0) return tensor;
    const shape = [rows, ...tensor.shape.slice(1)];
    const count = elementCount(shape);
    const { data, datatype } = tensor;
    if (Array.isArray(data)) return { ...tensor, shape, data: Array.from({ length: count }, (_, index) => data[index % data.length]!) };
    const repeated: NumericData = new typedArrayOf[datatype as Exclude<Tensor["datatype"], "BYTES">](count);
    for (let index = 0; index < count; index++) (repeated as { [index: number]: number | bigint })[index] = data[index % data.length]!;
    return { ...tensor, shape, data: repeated };
  });
}

function inputsOf({ inputs, rows }: Prediction, signature: Signature): Tensor[] | null {
  const tensors: Tensor[] = [];
  for (const spec of signature.inputs) {
    const logged = inputs.find(({ name, datatype }) => name === spec.name && datatype === spec.datatype);
    if (logged?.data === null || logged === undefined || rows === 0 || logged.shape.length !== spec.shape.length) return null;
    if (spec.shape.some((dimension, index) => index > 0 && dimension >= 0 && logged.shape[index] !== dimension)) return null;
    tensors.push(tensorOfExample({ ...logged, data: logged.data }));
  }
  return tensors;
}
