import { isUtf8 } from "node:buffer";
import { counted } from "../../core/counted.ts";
import { elementSize, typedArrayOf, type Datatype, type Tensor, type TensorData } from "../../core/tensor.ts";
import { shapeText } from "./read-tensor-data.ts";
import type { ProblemList } from "./problem-list.ts";

/**
 * Elements of a tensor out of its little-endian bytes. The array is a view of the bytes where they are aligned, else one
 * copy (the machines that run Slipway are little-endian, so no element is touched). Null when the length is wrong; every
 * problem is named below `path()`.
 */
export function decodeBinaryData(
  datatype: Datatype,
  shape: readonly number[],
  count: number,
  bytes: Uint8Array,
  problems: ProblemList,
  path: () => string,
): TensorData | null {
  if (datatype === "BYTES") return decodeTexts(shape, count, bytes, problems, path);
  const size = elementSize[datatype];
  if (bytes.byteLength !== count * size) {
    problems.add(
      `${path()}.data`,
      `is ${counted(bytes.byteLength, "byte")}; ${counted(count, "element")} of ${datatype} (shape ${shapeText(shape)}) ${count === 1 ? "is" : "are"} ${counted(count * size, "byte")}`,
    );
    return null;
  }
  const data = viewAs(datatype, count, bytes);
  if (datatype === "BOOL") checkBooleans(data as Uint8Array, problems, path);
  return data;
}

function viewAs(datatype: Exclude<Datatype, "BYTES">, count: number, bytes: Uint8Array): Exclude<TensorData, string[]> {
  const aligned = bytes.byteOffset % elementSize[datatype] === 0;
  const buffer = (aligned ? bytes.buffer : new Uint8Array(bytes).buffer) as ArrayBuffer;
  const offset = aligned ? bytes.byteOffset : 0;
  if (datatype === "FP32") return new Float32Array(buffer, offset, count);
  return new typedArrayOf[datatype](buffer, offset, count);
}

function checkBooleans(data: Uint8Array, problems: ProblemList, path: () => string): void {
  for (let index = 0; index < data.length; index++) {
    if (data[index]! > 1) problems.add(problems.open ? `${path()}.data[${index}]` : "", `is the byte ${data[index]}; a BOOL is 0 or 1`);
  }
}

/** Each element is its length as 32 bits, then so many bytes of UTF-8. */
function decodeTexts(
  shape: readonly number[], count: number, bytes: Uint8Array, problems: ProblemList, path: () => string,
): string[] | null {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (count > buffer.length / 4) {
    problems.add(`${path()}.data`, `is ${counted(buffer.length, "byte")}; ${counted(count, "BYTES element")} (shape ${shapeText(shape)}) ${count === 1 ? "takes" : "take"} at least ${count * 4}`);
    return null;
  }
  const texts = new Array<string>(count);
  let at = 0;
  for (let index = 0; index < count; index++) {
    if (at + 4 > buffer.length) {
      problems.add(`${path()}.data[${index}]`, `has no length: the bytes end after ${index} of ${counted(count, "element")}`);
      return null;
    }
    const length = buffer.readUInt32LE(at);
    const start = at + 4;
    at = start + length;
    if (at > buffer.length) {
      problems.add(`${path()}.data[${index}]`, `says that it has ${counted(length, "byte")}, but only ${buffer.length - start} are left`);
      return null;
    }
    const text = decodeText(buffer, start, at);
    if (text === null) problems.add(problems.open ? `${path()}.data[${index}]` : "", "is not valid UTF-8");
    texts[index] = text ?? "";
  }
  if (at !== buffer.length) {
    problems.add(`${path()}.data`, `has ${counted(buffer.length - at, "byte")} after the last of ${counted(count, "element")}`);
    return null;
  }
  return texts;
}

/** Null when the bytes are not UTF-8; without a second look where the text has no replacement character. */
export function decodeText(buffer: Buffer, start: number, end: number): string | null {
  const text = buffer.toString("utf8", start, end);
  return text.includes("\ufffd") && !isUtf8(buffer.subarray(start, end)) ? null : text;
}

/** A tensor's little-endian bytes: a view of a numeric tensor's own memory, a new buffer for BYTES. */
export function encodeBinaryData(tensor: Tensor): Uint8Array {
  const { data } = tensor;
  if (!Array.isArray(data)) return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  let total = 0;
  for (const text of data) total += 4 + Buffer.byteLength(text);
  const buffer = Buffer.allocUnsafe(total);
  let at = 0;
  for (const text of data) {
    const length = buffer.write(text, at + 4, "utf8");
    buffer.writeUInt32LE(length, at);
    at += 4 + length;
  }
  return buffer;
}
