import { longRange } from "./datatype-facts.ts";
import type { JsonScanner } from "./json-scanner.ts";
import { quoted } from "./problem-list.ts";

const twoTo32 = 4_294_967_296;
/** So many digits always fit a double exactly. */
const exactDigits = 15;

/**
 * Reads a 64-bit integer to `halves[2 * index]` (low) and the next (high), as two's complement. Takes numbers and, since
 * JavaScript callers cannot write large ones, texts of digits. Answers with what is wrong with the element, or null.
 */
export function readLong(scanner: JsonScanner, datatype: "INT64" | "UINT64", halves: Uint32Array, index: number): string | null {
  const kind = scanner.kind();
  if (kind === "number") {
    const start = scanner.position;
    const value = scanner.readNumber(true);
    const length = scanner.position - start;
    // Up to 15 characters the double is exact; the minus and a fraction only shorten it.
    if (length <= exactDigits && value === Math.trunc(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER) {
      if (value < 0 && datatype === "UINT64") return `is ${value} and is outside UINT64, which goes from 0 to ${longRange.UINT64[1]}`;
      writeSafe(value, halves, index);
      return null;
    }
    return writeText(scanner.bytes.toString("latin1", start, scanner.position), datatype, halves, index);
  }
  if (kind === "string") {
    const text = scanner.readString();
    if (/[.eE]/.test(text)) return `is the text ${quoted(text)} where ${datatype} wants a whole number`;
    return readLongText(text, datatype, halves, index);
  }
  if (kind === "boolean") return `is ${scanner.readBoolean()} where ${datatype} wants a number`;
  scanner.skipValue();
  if (kind === "array" || kind === "object") return "is nested deeper than the shape says";
  return kind === "infinity" ? `is infinite, which ${datatype} cannot be` : `is missing; ${datatype} has no missing value`;
}

/** The same out of a text, which may have a fraction of zeros. */
export function readLongText(text: string, datatype: "INT64" | "UINT64", halves: Uint32Array, index: number): string | null {
  if (!/^-?[0-9]{1,40}(\.0{1,40})?$/.test(text)) return `is the text ${quoted(text)} where ${datatype} wants a whole number`;
  return writeText(text.replace(/\..*/, ""), datatype, halves, index);
}

/** A whole number within 2^53. */
function writeSafe(value: number, halves: Uint32Array, index: number): void {
  const high = Math.floor(value / twoTo32);
  halves[2 * index] = value - high * twoTo32;
  halves[2 * index + 1] = high; // stored modulo 2^32, which is two's complement
}

/** Whether a JSON number with a fraction or an exponent is whole by its digits, which a double may have rounded away. */
function isWhole(text: string): boolean {
  const [, whole = "", fraction = "", exponent = "0"] = /^-?([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/.exec(text) ?? [];
  const digits = whole + fraction;
  return /^0*$/.test(digits.slice(Math.max(0, whole.length + Number(exponent))));
}

/** The text of a JSON number. */
function writeText(text: string, datatype: "INT64" | "UINT64", halves: Uint32Array, index: number): string | null {
  const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  if (/[.eE]/.test(text)) {
    const value = Number(text);
    if (!Number.isInteger(value) || !isWhole(text)) return `is ${shown} and is not a whole number, which ${datatype} wants`;
    // Clients write large floats rounded, so the digits would not be the value that was meant.
    if (!Number.isSafeInteger(value)) return `is ${shown}, beyond 2^53 in floating notation, and would not be exact; write all digits`;
    return writeText(String(value), datatype, halves, index);
  }
  const [least, greatest] = longRange[datatype];
  const value = text.length > 40 ? null : BigInt(text);
  if (value === null || value < least || value > greatest) {
    return `is ${shown} and is outside ${datatype}, which goes from ${least} to ${greatest}`;
  }
  halves[2 * index] = Number(value & 0xffff_ffffn);
  halves[2 * index + 1] = Number((value >> 32n) & 0xffff_ffffn);
  return null;
}
