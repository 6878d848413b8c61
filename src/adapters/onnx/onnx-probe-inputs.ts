import { elementCount, typedArrayOf, type NumericData, type Tensor, type TensorData } from "../../core/tensor.ts";
import type { TensorSpec } from "../../registry/schemas.ts";

/** How one attempt makes up its values. */
export interface ProbeAttempt {
  /** Size of every variable dimension but the first. */
  dimension: number;
  /** `spread` tells rows apart best; `small` fits indices and categories of few values; `zero` fits almost everything. */
  values: "spread" | "small" | "zero";
}

/**
 * Tried in this order until the model runs. Variable dimensions of 1 come first as they cost least; the others are for
 * images and sequences, whose operators ask for a least size.
 */
export const probeAttempts: readonly ProbeAttempt[] = [
  { dimension: 1, values: "spread" },
  { dimension: 1, values: "small" },
  { dimension: 1, values: "zero" },
  { dimension: 8, values: "small" },
  { dimension: 32, values: "small" },
  { dimension: 64, values: "small" },
  { dimension: 224, values: "small" },
];

/** Larger inputs are not made up: 64 MB of FP32. */
const mostElements = 16 * 1024 * 1024;
/** So many elements are random; longer tensors repeat them, so that making them up takes no time. */
const randomElements = 4096;

/** Random numbers in [0, 1) that are the same for the same seed: a file is judged alike each time (mulberry32, by Tommy Ettinger). */
function seededRandom(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The inputs of one request with one row, or null when they would be too large. Equal seeds give equal values. */
export function madeUpInputs(inputs: readonly TensorSpec[], attempt: ProbeAttempt, seed: number): Tensor[] | null {
  const random = seededRandom(seed);
  const tensors: Tensor[] = [];
  for (const input of inputs) {
    const shape = input.shape.map((size, position) => (size >= 0 ? size : position === 0 ? 1 : attempt.dimension));
    const count = elementCount(shape);
    if (count > mostElements) return null;
    tensors.push({ name: input.name, datatype: input.datatype, shape, data: madeUpData(input, count, attempt.values, random) });
  }
  return tensors;
}

function madeUpData(input: TensorSpec, count: number, values: ProbeAttempt["values"], random: () => number): TensorData {
  const { datatype, allowedValues } = input;
  const distinct = Math.min(count, randomElements);
  if (datatype === "BYTES") {
    const texts = Array.from({ length: distinct }, () => madeUpText(allowedValues, values, random));
    return Array.from({ length: count }, (_, index) => texts[index % distinct]!);
  }
  const data: NumericData = new typedArrayOf[datatype](count);
  for (let index = 0; index < distinct; index++) {
    const value = datatype === "FP16" ? madeUpHalf(values, random) : madeUpNumber(input, values, random);
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[index] = BigInt(Math.trunc(value));
    else data[index] = value;
  }
  for (let filled = distinct; filled < count; filled *= 2) data.copyWithin(filled, 0, Math.min(filled, count - filled));
  return data;
}

function oneOf<Element>(elements: ArrayLike<Element>, random: () => number): Element {
  return elements[Math.floor(random() * elements.length)]!;
}

function madeUpText(allowedValues: TensorSpec["allowedValues"], values: ProbeAttempt["values"], random: () => number): string {
  if (allowedValues?.length) return String(oneOf(allowedValues, random));
  return values === "zero" ? "" : oneOf("abcdefghij", random);
}

function madeUpNumber({ datatype, allowedValues }: TensorSpec, values: ProbeAttempt["values"], random: () => number): number {
  if (allowedValues?.length) return Number(oneOf(allowedValues, random));
  if (values === "zero") return 0;
  if (datatype === "FP32" || datatype === "FP64") return values === "spread" ? random() * 4 - 2 : random();
  return Math.floor(random() * (datatype === "BOOL" || values === "small" ? 2 : 10));
}

/** Bits of a half-precision number: its size is 0.25 to 2 when spread, 0.5 to 1 when small. */
function madeUpHalf(values: ProbeAttempt["values"], random: () => number): number {
  if (values === "zero") return 0;
  const mantissa = Math.floor(random() * 1024);
  const exponent = values === "small" ? 14 : 13 + Math.floor(random() * 3);
  const sign = values === "spread" && random() < 0.5 ? 0x8000 : 0;
  return sign | (exponent << 10) | mantissa;
}

/** Joins requests of one row each along the first dimension. */
export function joinRows(requests: readonly Tensor[][]): Tensor[] {
  return requests[0]!.map((first, index) => {
    const parts = requests.map((request) => request[index]!);
    const shape = [parts.reduce((rows, part) => rows + part.shape[0]!, 0), ...first.shape.slice(1)];
    if (Array.isArray(first.data)) return { ...first, shape, data: parts.flatMap((part) => part.data as string[]) };
    const joined: NumericData = new typedArrayOf[first.datatype as Exclude<typeof first.datatype, "BYTES">](elementCount(shape));
    let offset = 0;
    for (const part of parts) {
      (joined as { set(source: TensorData, offset: number): void }).set(part.data, offset);
      offset += part.data.length;
    }
    return { ...first, shape, data: joined };
  });
}
