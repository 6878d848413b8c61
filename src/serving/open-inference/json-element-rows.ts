import type { Datatype, TensorData } from "../../core/tensor.ts";
import { typedArrayOf } from "../../core/tensor.ts";
import { integerRange, isFloat, isLong, whyNotInDatatype } from "./datatype-facts.ts";
import type { JsonScanner } from "./json-scanner.ts";
import { quoted, type ProblemList } from "./problem-list.ts";
import { readLong, readLongText } from "./read-long.ts";

/** Tells a caller where an element stands, in the notation of the body; called only for elements with a problem. */
export type DescribeElement = (index: number) => string;

/**
 * Reads elements of one datatype into a place made for `count` of them. Problems are named and the element becomes a
 * placeholder, so that reading goes on and finds the next one.
 */
export interface ElementRows {
  /** Reads one element to `index`; the scanner stands before it. */
  readElement(scanner: JsonScanner, index: number): void;
  /** Reads a whole list to `start` and on; elements beyond `limit` are counted but not kept. Answers with their number. */
  readRow(scanner: JsonScanner, start: number, limit: number): number;
  /** Puts the missing value, or a problem where the datatype has none. */
  setMissing(index: number): void;
  /** Puts what a text outside JSON says, such as a cell of CSV; an empty one or `nan` is missing for numbers. */
  setText(index: number, text: string): void;
  /** What was read; further problems may be named. */
  finish(): TensorData;
}

export function elementRows(datatype: Datatype, count: number, problems: ProblemList, describe: DescribeElement): ElementRows {
  if (datatype === "BYTES") return new TextRows(count, problems, describe);
  if (isLong(datatype)) return new LongRows(datatype, count, problems, describe);
  return new NumberRows(datatype, count, problems, describe);
}

/** `readRow` for datatypes whose elements are all read alike. */
function readEach(rows: ElementRows, scanner: JsonScanner, start: number, limit: number): number {
  if (!scanner.enter(0x5b)) return 0;
  let found = 0;
  do {
    if (found < limit) rows.readElement(scanner, start + found);
    else scanner.skipValue();
    found++;
  } while (scanner.next(0x5b));
  return found;
}

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;

/** No double up to here, in either direction, becomes infinite as a single. */
const surelySingle = 3.4e38;

/** Numbers that a double holds: all but 64-bit integers. Range and wholeness are judged for all at once, at the end. */
class NumberRows implements ElementRows {
  readonly #datatype: Datatype;
  /** Singles are kept as such at once: to convert them at the end would take three times the memory. */
  readonly #values: Float64Array | Float32Array;
  /** What the elements that became infinite as singles were; made for the first of them. */
  #large: Float64Array | undefined;
  readonly #problems: ProblemList;
  readonly #describe: DescribeElement;
  readonly #single: boolean;

  constructor(datatype: Datatype, count: number, problems: ProblemList, describe: DescribeElement) {
    this.#datatype = datatype;
    this.#single = datatype === "FP32";
    this.#values = this.#single ? new Float32Array(count) : new Float64Array(count);
    this.#problems = problems;
    this.#describe = describe;
  }

  readRow(scanner: JsonScanner, start: number, limit: number): number {
    if (!scanner.enter(0x5b)) return 0;
    const values = this.#values;
    const single = this.#single;
    let found = 0;
    do {
      const byte = scanner.peek();
      if (isDigit(byte) || (byte === 0x2d && isDigit(scanner.bytes[scanner.position + 1]!))) {
        const value = scanner.readNumber(single);
        if (found < limit) {
          values[start + found] = value;
          if (single && (value > surelySingle || value < -surelySingle)) this.#put(start + found, value);
        }
      } else if (found < limit) {
        this.readElement(scanner, start + found);
      } else {
        scanner.skipValue();
      }
      found++;
    } while (scanner.next(0x5b));
    return found;
  }

  readElement(scanner: JsonScanner, index: number): void {
    switch (scanner.kind()) {
      case "number":
        this.#put(index, scanner.readNumber(this.#single));
        return;
      case "boolean":
        if (this.#datatype === "BOOL") this.#put(index, scanner.readBoolean() ? 1 : 0);
        else this.#refuse(index, `is ${scanner.readBoolean()} where ${this.#datatype} wants a number`);
        return;
      case "not-a-number":
      case "infinity":
        this.#put(index, scanner.readSpecialNumber());
        return;
      case "null":
        scanner.readSpecialNumber();
        this.setMissing(index);
        return;
      case "string": {
        const text = scanner.readString();
        const value = isFloat(this.#datatype) ? specialNumbers.get(text) : undefined;
        if (value === undefined) this.#refuse(index, `is the text ${quoted(text)} where ${this.#datatype} wants a number`);
        else this.#put(index, value);
        return;
      }
      case "array":
      case "object":
        scanner.skipValue();
        this.#refuse(index, "is nested deeper than the shape says");
    }
  }

  setMissing(index: number): void {
    if (isFloat(this.#datatype)) this.#put(index, NaN);
    else this.#refuse(index, `is missing; ${this.#datatype} has no missing value`);
  }

  setText(index: number, text: string): void {
    const trimmed = text.trim();
    if (/^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$/.test(trimmed)) {
      this.#put(index, Number(trimmed));
      return;
    }
    const lower = trimmed.toLowerCase();
    if (missingTexts.has(lower)) return this.setMissing(index);
    const boolean = this.#datatype === "BOOL" ? booleanTexts.get(lower) : undefined;
    const special = isFloat(this.#datatype) ? specialNumbers.get(trimmed.replace(/^(-?)inf$/i, "$1Infinity")) : undefined;
    const value = boolean ?? special;
    if (value === undefined) this.#refuse(index, `is the text ${quoted(text)} where ${this.#datatype} wants a number`);
    else this.#put(index, value);
  }

  finish(): TensorData {
    const values = this.#values;
    const datatype = this.#datatype;
    if (datatype === "FP64") return values;
    if (datatype === "FP32") {
      const large = this.#large;
      for (let index = 0; large !== undefined && index < large.length; index++) {
        if (!Number.isFinite(values[index])) this.#refused(index);
      }
      return values;
    }
    const [least, greatest] = integerRange[datatype] ?? [0, 1];
    for (let index = 0; index < values.length; index++) {
      const value = values[index]!;
      if (!(value >= least && value <= greatest && value === Math.trunc(value))) this.#refused(index);
    }
    return new typedArrayOf[datatype as "INT32"](values);
  }

  #put(index: number, value: number): void {
    this.#values[index] = value;
    if (!this.#single || Math.abs(value) <= surelySingle || Number.isNaN(value)) return;
    this.#large ??= new Float64Array(this.#values.length);
    this.#large[index] = value;
  }

  #refused(index: number): void {
    const stored = this.#values[index]!;
    const value = this.#large !== undefined && Math.abs(stored) === Infinity ? this.#large[index]! : stored;
    const reason = whyNotInDatatype(value, this.#datatype);
    if (reason !== null) this.#refuse(index, Number.isNaN(value) ? reason : `is ${value} and ${reason}`);
  }

  #refuse(index: number, message: string): void {
    this.#problems.add(this.#problems.open ? this.#describe(index) : "", message);
    this.#values[index] = 0;
  }
}

/** What pandas takes for missing, in lower case. */
const missingTexts: ReadonlySet<string> = new Set(["", "nan", "-nan", "na", "n/a", "null", "none", "<na>", "#n/a", "#na"]);
const booleanTexts: ReadonlyMap<string, number> = new Map([["true", 1], ["false", 0]]);

/** The texts that the proto3 JSON mapping, and Slipway's own answers, write for floats that JSON has no number for. */
const specialNumbers: ReadonlyMap<string, number> = new Map([["NaN", NaN], ["Infinity", Infinity], ["-Infinity", -Infinity]]);

/** 64-bit integers, exact: digits are read as they stand, never through a double. */
class LongRows implements ElementRows {
  readonly #datatype: "INT64" | "UINT64";
  /** Pairs of low and high 32 bits. */
  readonly #halves: Uint32Array;
  readonly #problems: ProblemList;
  readonly #describe: DescribeElement;

  constructor(datatype: "INT64" | "UINT64", count: number, problems: ProblemList, describe: DescribeElement) {
    this.#datatype = datatype;
    this.#halves = new Uint32Array(count * 2);
    this.#problems = problems;
    this.#describe = describe;
  }

  readRow(scanner: JsonScanner, start: number, limit: number): number {
    return readEach(this, scanner, start, limit);
  }

  readElement(scanner: JsonScanner, index: number): void {
    const reason = readLong(scanner, this.#datatype, this.#halves, index);
    if (reason !== null) this.#refuse(index, reason);
  }

  setMissing(index: number): void {
    this.#refuse(index, `is missing; ${this.#datatype} has no missing value`);
  }

  setText(index: number, text: string): void {
    const trimmed = text.trim();
    if (missingTexts.has(trimmed.toLowerCase())) return this.setMissing(index);
    const reason = readLongText(trimmed, this.#datatype, this.#halves, index);
    if (reason !== null) this.#refuse(index, reason);
  }

  finish(): TensorData {
    return new typedArrayOf[this.#datatype](this.#halves.buffer as ArrayBuffer);
  }

  #refuse(index: number, reason: string): void {
    this.#problems.add(this.#problems.open ? this.#describe(index) : "", reason);
  }
}

/** BYTES: texts in UTF-8. */
class TextRows implements ElementRows {
  readonly #texts: string[];
  readonly #problems: ProblemList;
  readonly #describe: DescribeElement;

  constructor(count: number, problems: ProblemList, describe: DescribeElement) {
    this.#texts = new Array<string>(count).fill("");
    this.#problems = problems;
    this.#describe = describe;
  }

  readRow(scanner: JsonScanner, start: number, limit: number): number {
    return readEach(this, scanner, start, limit);
  }

  readElement(scanner: JsonScanner, index: number): void {
    const kind = scanner.kind();
    if (kind === "string") {
      this.#texts[index] = scanner.readString();
      return;
    }
    scanner.skipValue();
    if (kind === "null") this.setMissing(index);
    else this.#refuse(index, kind === "array" || kind === "object" ? "is nested deeper than the shape says" : `is a ${kind} where BYTES wants a text`);
  }

  setMissing(index: number): void {
    this.#refuse(index, "is missing; BYTES has no missing value");
  }

  setText(index: number, text: string): void {
    this.#texts[index] = text;
  }

  finish(): TensorData {
    return this.#texts;
  }

  #refuse(index: number, reason: string): void {
    this.#problems.add(this.#problems.open ? this.#describe(index) : "", reason);
  }
}
