import { isUtf8 } from "node:buffer";
import { counted } from "../../core/counted.ts";
import { AppError } from "../../core/errors.ts";
import { halfToNumber, numberToHalf } from "../../core/half-float.ts";
import { elementCount, typedArrayOf, type Datatype, type NumericData, type Tensor } from "../../core/tensor.ts";
import type { TensorSpec, UpstreamMissing } from "../../registry/index.ts";
import type { ExactValue } from "./exact-json.ts";

/** How elements are written. */
export interface ElementStyle {
  missing: UpstreamMissing;
  /** Texts as `{"b64": ...}`, as TF Serving takes bytes. */
  base64?: boolean;
}

/** Nested lists of a tensor from dimension `level` on, the first element at `base`; the element itself for a scalar. Throws MODEL_RUN_FAILED for NaN where it has no word. */
export function tensorJson(tensor: Tensor, style: ElementStyle, level = 0, base = 0): string {
  const { shape } = tensor;
  if (level === shape.length) return elementJson(tensor, base, style);
  const size = shape[level]!;
  const stride = elementCount(shape.slice(level + 1));
  const parts = new Array<string>(size);
  for (let index = 0; index < size; index++) parts[index] = tensorJson(tensor, style, level + 1, base + index * stride);
  return `[${parts.join(",")}]`;
}

/** Elements in row-major order, without nesting. */
export function flatJson(tensor: Tensor, style: ElementStyle): string {
  return `[${Array.from({ length: tensor.data.length }, (_, index) => elementJson(tensor, index, style)).join(",")}]`;
}

function elementJson({ name, datatype, data }: Tensor, index: number, { missing, base64 = false }: ElementStyle): string {
  if (datatype === "BYTES") {
    const text = (data as string[])[index]!;
    return base64 ? `{"b64":"${Buffer.from(text).toString("base64")}"}` : JSON.stringify(text);
  }
  if (datatype === "BOOL") return (data as Uint8Array)[index] === 0 ? "false" : "true";
  const value = datatype === "FP16" ? halfToNumber((data as Uint16Array)[index]!) : (data as NumericData)[index]!;
  if (typeof value === "bigint") return String(value);
  if (Object.is(value, -0)) return "-0.0";
  // A fraction that is whole keeps its point: Python would make an integer of it, and a tensor of integers of a whole row; TF Serving once refused it from 2^24 on.
  if (Number.isFinite(value)) return datatype.startsWith("FP") && Number.isInteger(value) && Math.abs(value) < 1e21 ? `${value}.0` : String(value);
  if (missing === "null") return "null";
  if (missing === "word") return String(value);
  throw new AppError("MODEL_RUN_FAILED", `${name} has the value ${value}, for which the server upstream has no word; deploy the version with --missing null or word where it has one.`);
}

/** A tensor out of nested lists; their nesting is its shape. Throws UPSTREAM_BAD_ANSWER for what the specification does not allow. */
export function tensorOfNested(spec: TensorSpec, value: ExactValue): Tensor {
  const shape: number[] = [];
  for (let at = value; Array.isArray(at) && shape.length <= spec.shape.length; at = at[0]!) {
    shape.push(at.length);
    if (at.length === 0) break;
  }
  // Nothing nested can be told of what is empty.
  if (shape.includes(0)) shape.push(...spec.shape.slice(shape.length).map((dimension) => Math.max(0, dimension)));
  assertShape(spec, shape);
  const elements: ExactValue[] = [];
  flatten(spec, value, shape, 0, elements);
  return tensorOfFlat(spec, shape, elements);
}

function flatten(spec: TensorSpec, value: ExactValue, shape: readonly number[], level: number, elements: ExactValue[]): void {
  if (level === shape.length) {
    if (Array.isArray(value)) throw bad(spec, "is nested deeper than its shape");
    elements.push(value);
    return;
  }
  if (!Array.isArray(value) || value.length !== shape[level]) throw bad(spec, "has lists of different lengths");
  for (const part of value) flatten(spec, part, shape, level + 1, elements);
}

/** Throws UPSTREAM_BAD_ANSWER for a shape that the contract does not allow. */
export function assertShape(spec: TensorSpec, shape: readonly number[]): void {
  const fits = shape.length === spec.shape.length && spec.shape.every((dimension, position) => dimension === -1 || dimension === shape[position]);
  if (!fits) throw bad(spec, `has the shape [${shape.slice(0, 16).join(", ")}], and [${spec.shape.join(", ")}] in the version's signature`);
}

/** A tensor out of its elements. Throws UPSTREAM_BAD_ANSWER for a value that its datatype cannot hold exactly (FP32 and FP16 take the nearest). */
export function tensorOfFlat(spec: Pick<TensorSpec, "name" | "datatype">, shape: readonly number[], elements: readonly ExactValue[]): Tensor {
  const { name, datatype } = spec;
  const count = elementCount(shape);
  if (elements.length !== count) throw bad(spec, `has ${counted(elements.length, "element")}, and ${count} by its shape`);
  if (datatype === "BYTES") return { name, datatype, shape: [...shape], data: elements.map((value, index) => textOf(spec, value, index)) };
  const data: NumericData = new typedArrayOf[datatype](count);
  const isBigInt = data instanceof BigInt64Array || data instanceof BigUint64Array;
  for (let index = 0; index < count; index++) {
    const number = numberOf(spec, elements[index]!, index);
    (data as { [index: number]: number | bigint })[index] = isBigInt ? BigInt(number) : datatype === "FP16" ? numberToHalf(Number(number)) : Number(number);
  }
  return { name, datatype, shape: [...shape], data };
}

const ranges: Partial<Record<Datatype, readonly [bigint, bigint]>> = {
  UINT8: [0n, 255n], UINT16: [0n, 65_535n], UINT32: [0n, 4_294_967_295n], UINT64: [0n, 2n ** 64n - 1n],
  INT8: [-128n, 127n], INT16: [-32_768n, 32_767n], INT32: [-2_147_483_648n, 2_147_483_647n], INT64: [-(2n ** 63n), 2n ** 63n - 1n],
};

function numberOf(spec: Pick<TensorSpec, "name" | "datatype">, value: ExactValue, index: number): number | bigint {
  const { datatype } = spec;
  const wrong = (): AppError => bad(spec, `has at ${index} what is no ${datatype}`);
  if (datatype === "BOOL") {
    if (typeof value !== "boolean" && value !== 0 && value !== 1) throw wrong();
    return Number(value);
  }
  const range = ranges[datatype];
  if (range === undefined) {
    // Servers whose JSON has no word for NaN write null.
    if (value === null) return NaN;
    if (typeof value !== "number" && typeof value !== "bigint") throw wrong();
    return Number(value);
  }
  if (typeof value !== "bigint" && !(typeof value === "number" && Number.isSafeInteger(value))) throw wrong();
  if (value < range[0] || value > range[1]) throw wrong();
  return value;
}

function textOf(spec: Pick<TensorSpec, "name" | "datatype">, value: ExactValue, index: number): string {
  if (typeof value === "string") return value;
  if (value !== null && typeof value === "object" && !Array.isArray(value) && typeof value.b64 === "string" && Object.keys(value).length === 1) {
    const bytes = Buffer.from(value.b64, "base64");
    if (isUtf8(bytes)) return bytes.toString("utf8");
    throw bad(spec, `has at ${index} bytes that are no text in UTF-8`);
  }
  throw bad(spec, `has at ${index} what is no text`);
}

function bad({ name }: Pick<TensorSpec, "name">, what: string): AppError {
  return new AppError("UPSTREAM_BAD_ANSWER", `${JSON.stringify(name)} in the answer of the server upstream ${what}.`);
}
