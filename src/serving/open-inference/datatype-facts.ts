import type { Datatype } from "../../core/tensor.ts";

/** Least and greatest value of the integer datatypes that a double holds exactly. */
export const integerRange: Partial<Record<Datatype, readonly [number, number]>> = {
  UINT8: [0, 255], UINT16: [0, 65_535], UINT32: [0, 4_294_967_295],
  INT8: [-128, 127], INT16: [-32_768, 32_767], INT32: [-2_147_483_648, 2_147_483_647],
};

export const longRange = {
  INT64: [-(2n ** 63n), 2n ** 63n - 1n],
  UINT64: [0n, 2n ** 64n - 1n],
} as const;

export const isFloat = (datatype: Datatype): boolean => datatype === "FP32" || datatype === "FP64" || datatype === "FP16";
export const isLong = (datatype: Datatype): datatype is "INT64" | "UINT64" => datatype === "INT64" || datatype === "UINT64";

const largestSingle = 3.4028234663852886e38;

/**
 * Why a number cannot be a value of the datatype, or null when it can. NaN and the infinities pass for the float
 * datatypes; whether a model takes them is another question.
 */
export function whyNotInDatatype(value: number, datatype: Datatype): string | null {
  if (datatype === "FP32") {
    const fits = Number.isFinite(Math.fround(value)) || !Number.isFinite(value);
    return fits ? null : `does not fit FP32, which ends at ${largestSingle}`;
  }
  if (datatype === "FP64") return null;
  if (datatype === "BOOL") return value === 0 || value === 1 ? null : "is not a BOOL; send true, false, 1 or 0";
  if (Number.isNaN(value)) return `is missing; ${datatype} has no missing value`;
  const [least, greatest] = integerRange[datatype] ?? longRange[datatype as "INT64"].map(Number);
  if (value < least! || value > greatest!) return `is outside ${datatype}, which goes from ${least} to ${greatest}`;
  return Number.isInteger(value) ? null : `is not a whole number, which ${datatype} wants`;
}
