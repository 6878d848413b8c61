import { counted } from "../../core/counted.ts";
import type { Datatype, TensorData } from "../../core/tensor.ts";
import { elementRows, type ElementRows } from "./json-element-rows.ts";
import type { JsonScanner } from "./json-scanner.ts";
import type { ProblemList } from "./problem-list.ts";

/**
 * Reads the JSON `data` of a tensor whose datatype and shape are known: flat, or nested exactly as the shape says. The
 * scanner stands before the list and is left behind it. Null when the number of elements is wrong; every problem is
 * named below `path()`.
 */
export function readTensorData(
  scanner: JsonScanner,
  datatype: Datatype,
  shape: readonly number[],
  count: number,
  problems: ProblemList,
  path: () => string,
): TensorData | null {
  const kind = scanner.kind();
  if (datatype === "FP16") {
    scanner.skipValue();
    problems.add(`${path()}.data`, "is FP16, which JSON cannot carry; send it as binary data");
    return null;
  }
  if (kind !== "array" && shape.length > 0) {
    scanner.skipValue();
    problems.add(`${path()}.data`, `is a ${kind} where a list belongs`);
    return null;
  }
  // Every element takes a character and a separator: a shape that promises more than the body holds makes no array.
  if (count > (scanner.end - scanner.position + 1) / 2) {
    scanner.skipValue();
    problems.add(`${path()}.data`, `is too short: the shape ${shapeText(shape)} needs ${counted(count, "element")}`);
    return null;
  }
  const nested = shape.length > 1 && startsNested(scanner);
  const describe = (index: number): string => `${path()}.data${nested ? indices(index, shape) : `[${index}]`}`;
  const rows = elementRows(datatype, count, problems, describe);
  if (nested) {
    readLevel({ scanner, shape, rows, problems, place: (list) => `${path()}.data${list}` }, 0, 0, count);
  } else if (kind !== "array") {
    rows.readElement(scanner, 0);
  } else {
    const found = rows.readRow(scanner, 0, count);
    if (found !== count) {
      problems.add(`${path()}.data`, `has ${counted(found, "element")}, the shape ${shapeText(shape)} needs ${count}`);
      return null;
    }
  }
  return rows.finish();
}

export function shapeText(shape: readonly number[]): string {
  return `[${shape.join(",")}]`;
}

export interface NestedRead {
  scanner: JsonScanner;
  shape: readonly number[];
  rows: ElementRows;
  problems: ProblemList;
  /** The path of a list within the tensor, given its indices such as `[0][2]`. */
  place: (indices: string) => string;
}

/** One list at `level`, whose elements start at `base` and number `size`. A wrong length is named and reading goes on. */
export function readLevel(read: NestedRead, level: number, base: number, size: number): void {
  const { scanner, shape, problems } = read;
  const expected = shape[level]!;
  if (scanner.peek() !== 0x5b) {
    scanner.skipValue();
    problems.add(placeOf(read, level, base, size), `is not a list; the shape ${shapeText(shape)} wants ${counted(expected, "element")} here`);
    return;
  }
  let found = 0;
  if (level === shape.length - 1) {
    found = read.rows.readRow(scanner, base, expected);
  } else if (scanner.enter(0x5b)) {
    const step = expected === 0 ? 0 : size / expected;
    do {
      if (found < expected) readLevel(read, level + 1, base + found * step, step);
      else scanner.skipValue();
      found++;
    } while (scanner.next(0x5b));
  }
  if (found !== expected) {
    problems.add(
      placeOf(read, level, base, size),
      `has ${counted(found, "element")}, the shape ${shapeText(shape)} wants ${expected} here`,
    );
  }
}

/** The path of the list at `level` that starts at element `base`. */
function placeOf(read: NestedRead, level: number, base: number, size: number): string {
  return read.place(size === 0 ? "" : indices(base / size, read.shape.slice(0, level)));
}

/** Whether the list's first element is a list; the scanner stays before it. */
function startsNested(scanner: JsonScanner): boolean {
  const start = scanner.position;
  scanner.position++;
  const nested = scanner.peek() === 0x5b;
  scanner.position = start;
  return nested;
}

/** Row-major position as indices, such as `[0][2]`. */
export function indices(index: number, shape: readonly number[]): string {
  let text = "";
  for (let level = shape.length - 1; level >= 0; level--) {
    text = `[${index % shape[level]!}]${text}`;
    index = Math.floor(index / shape[level]!);
  }
  return text;
}
