import type { Datatype, NumericData, Tensor, TensorData } from "../../core/tensor.ts";

// A runner must start in milliseconds, so nothing here may load the schema library that core/tensor.ts brings along:
// types come from there, and the compiler checks that this table has every datatype.
const arrayTypes = {
  BOOL: Uint8Array, UINT8: Uint8Array, UINT16: Uint16Array, UINT32: Uint32Array, UINT64: BigUint64Array,
  INT8: Int8Array, INT16: Int16Array, INT32: Int32Array, INT64: BigInt64Array,
  FP16: Uint16Array, FP32: Float32Array, FP64: Float64Array,
} as const satisfies Record<Exclude<Datatype, "BYTES">, unknown>;

/** One tensor in a frame's header; its elements are a blob behind the header. */
export interface TensorDescriptor {
  name: string;
  datatype: Datatype;
  shape: number[];
  /** Length of the blob. */
  bytes: number;
}

/** The peer broke the protocol: a length that lies, an unknown datatype, a frame beyond the limit. The connection is of no use any more. */
export class FrameError extends Error {
  override readonly name = "FrameError";
}

/** Blobs and frames begin at multiples of this, so that every typed array can be a view on the received bytes. */
const alignment = 8;

export function align(position: number): number {
  return Math.ceil(position / alignment) * alignment;
}

/** Below this a string is encoded character by character, which beats a call into the engine. */
const shortString = 32;

/** Length of a BYTES blob: u32 length + UTF-8 bytes for each element. */
function textBlobBytes(elements: readonly string[]): number {
  let bytes = 4 * elements.length;
  for (const element of elements) bytes += Buffer.byteLength(element);
  return bytes;
}

function writeText(element: string, target: Buffer, position: number): number {
  if (element.length < shortString) {
    let index = 0;
    for (; index < element.length; index++) {
      const code = element.charCodeAt(index);
      if (code >= 0x80) break;
      target[position + index] = code;
    }
    if (index === element.length) return index;
  }
  return target.write(element, position);
}

function writeTextBlob(elements: readonly string[], target: Buffer, position: number): void {
  for (const element of elements) {
    const bytes = writeText(element, target, position + 4);
    target.writeUInt32LE(bytes, position);
    position += 4 + bytes;
  }
}

export function blobBytes(data: TensorData): number {
  return Array.isArray(data) ? textBlobBytes(data) : data.byteLength;
}

export function writeBlob(data: TensorData, target: Buffer, position: number): void {
  if (Array.isArray(data)) writeTextBlob(data, target, position);
  else target.set(bytesOf(data), position);
}

/** The same memory, seen as bytes. */
export function bytesOf(data: NumericData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function readTextBlob(source: Buffer, start: number, end: number, count: number): string[] {
  // The descriptor cannot make this array larger than the bytes that really arrived.
  if (count * 4 > end - start) throw new FrameError("A BYTES blob is shorter than its shape asks for");
  const elements = new Array<string>(count);
  let position = start;
  for (let index = 0; index < count; index++) {
    if (position + 4 > end) throw new FrameError("A BYTES blob ends within a length");
    const from = position + 4;
    position = from + source.readUInt32LE(position);
    if (position > end) throw new FrameError("A BYTES element is longer than its blob");
    elements[index] = source.toString("utf8", from, position);
  }
  if (position !== end) throw new FrameError("A BYTES blob is longer than its elements");
  return elements;
}

function countElements(shape: unknown): number {
  if (!Array.isArray(shape)) throw new FrameError("A tensor has no shape");
  let count = 1;
  for (const dimension of shape) {
    if (!Number.isSafeInteger(dimension) || dimension < 0) throw new FrameError("A dimension is not a whole number");
    count *= dimension as number;
  }
  return count;
}

/**
 * One tensor from `bytes` at `position` of `source`. Numeric data are views on the received memory where it is aligned
 * (always, unless chunks of an odd length came in between), else copies.
 */
export function readBlob(descriptor: TensorDescriptor, source: Buffer, position: number): Tensor {
  const { name, datatype, shape, bytes } = descriptor;
  if (typeof name !== "string") throw new FrameError("A tensor has no name");
  const count = countElements(shape);
  if (datatype === "BYTES") return { name, datatype, shape, data: readTextBlob(source, position, position + bytes, count) };
  if (!Object.hasOwn(arrayTypes, datatype)) throw new FrameError("A tensor has an unknown datatype");
  const arrayType = arrayTypes[datatype];
  if (count * arrayType.BYTES_PER_ELEMENT !== bytes) throw new FrameError("A blob's length contradicts its tensor's shape");
  const offset = source.byteOffset + position;
  if (offset % arrayType.BYTES_PER_ELEMENT === 0) {
    return { name, datatype, shape, data: new arrayType(source.buffer as ArrayBuffer, offset, count) };
  }
  return { name, datatype, shape, data: new arrayType(source.buffer.slice(offset, offset + bytes) as ArrayBuffer) };
}
