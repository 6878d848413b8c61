import { counted } from "../../core/counted.ts";
import { typedArrayOf, type Datatype, type Tensor, type TensorData } from "../../core/tensor.ts";
import { decodeText, encodeBinaryData } from "./binary-tensor-data.ts";
import { isFloat, isLong, whyNotInDatatype } from "./datatype-facts.ts";
import type { ProblemList } from "./problem-list.ts";
import { bytesType, fixed32Type, fixed64Type, ProtobufReader, varintType } from "./protobuf-reader.ts";
import type { ProtobufWriter } from "./protobuf-writer.ts";

/** Field names of InferTensorContents by number. */
const fieldNames = ["", "bool_contents", "int_contents", "int64_contents", "uint_contents", "uint64_contents", "fp32_contents", "fp64_contents", "bytes_contents"];

/** The field that carries a datatype; FP16 has none. */
const fieldOf: Partial<Record<Datatype, number>> = {
  BOOL: 1, INT8: 2, INT16: 2, INT32: 2, INT64: 3, UINT8: 4, UINT16: 4, UINT32: 4, UINT64: 5, FP32: 6, FP64: 7, BYTES: 8,
};

/** Part of a message that holds an InferTensorContents; a message may bring it in several parts. */
export interface ContentsRange {
  start: number;
  end: number;
}

/**
 * Elements out of InferTensorContents, packed or not. Null when there are too few or too many, or in another field than
 * the datatype's; every problem is named below `path()`.
 */
export function readContents(
  bytes: Buffer,
  ranges: readonly ContentsRange[],
  datatype: Datatype,
  count: number,
  problems: ProblemList,
  path: () => string,
): TensorData | null {
  const wanted = fieldOf[datatype];
  if (wanted === undefined) {
    problems.add(`${path()}.contents`, `cannot carry ${datatype}; send it in raw_input_contents`);
    return null;
  }
  let size = 0;
  for (const { start, end } of ranges) size += end - start;
  // Every element takes a byte: a shape that promises more than the message holds makes no array.
  const sink = new ElementSink(datatype, count <= size ? count : 0, problems, path);
  for (const { start, end } of ranges) {
    const reader = new ProtobufReader(bytes, start, end);
    while (reader.more) {
      const tag = reader.tag();
      const field = tag >>> 3;
      if (field === wanted) {
        sink.read(reader, tag & 7);
      } else {
        const fieldStart = reader.position;
        reader.skip(tag);
        const empty = (tag & 7) === bytesType && reader.position === fieldStart + 1 && field !== fieldOf.BYTES;
        if (fieldNames[field] !== undefined && !empty) {
          problems.add(`${path()}.contents`, `has ${fieldNames[field]}; ${datatype} goes into ${fieldNames[wanted]}`);
          return null;
        }
      }
    }
  }
  if (sink.found !== count) {
    problems.add(`${path()}.contents`, `has ${counted(sink.found, "element")}, the shape needs ${count}`);
    return null;
  }
  return sink.finish();
}

/** Takes elements of one datatype as they come; those beyond the expected number are counted only. */
class ElementSink {
  found = 0;
  readonly #datatype: Datatype;
  readonly #capacity: number;
  readonly #problems: ProblemList;
  readonly #path: () => string;
  readonly #texts: string[] | undefined;
  readonly #numbers: Float64Array | undefined;
  /** FP32, FP64 and 64-bit integers, as they lie in memory. */
  readonly #memory: Uint8Array | undefined;
  readonly #elementBytes: 4 | 8;

  constructor(datatype: Datatype, capacity: number, problems: ProblemList, path: () => string) {
    this.#datatype = datatype;
    this.#capacity = capacity;
    this.#problems = problems;
    this.#path = path;
    this.#elementBytes = datatype === "FP32" ? 4 : 8;
    if (datatype === "BYTES") this.#texts = new Array<string>(capacity).fill("");
    else if (isFloat(datatype) || isLong(datatype)) this.#memory = new Uint8Array(capacity * this.#elementBytes);
    else this.#numbers = new Float64Array(capacity);
  }

  read(reader: ProtobufReader, type: number): void {
    const datatype = this.#datatype;
    if (datatype === "BYTES") {
      if (type !== bytesType) reader.fail("bytes_contents has another type");
      return this.#readText(reader);
    }
    const single = isFloat(datatype) ? (datatype === "FP32" ? fixed32Type : fixed64Type) : varintType;
    if (type === single) return this.#readOne(reader);
    if (type !== bytesType) reader.fail("contents have another type");
    const end = reader.delimitedEnd();
    if (isFloat(datatype)) {
      this.#readPackedFloats(reader, end);
      return;
    }
    const outer = reader.end;
    reader.end = end;
    while (reader.more) this.#readOne(reader);
    reader.end = outer;
  }

  finish(): TensorData {
    const datatype = this.#datatype;
    if (datatype === "BYTES") return this.#texts!;
    if (this.#memory !== undefined) return new typedArrayOf[datatype as "FP32"](this.#memory.buffer as ArrayBuffer);
    const numbers = this.#numbers!;
    for (let index = 0; index < numbers.length; index++) {
      const reason = whyNotInDatatype(numbers[index]!, datatype);
      if (reason !== null) this.#problems.add(this.#place(index), `is ${numbers[index]} and ${reason}`);
    }
    return new typedArrayOf[datatype as "INT32"](numbers);
  }

  #readPackedFloats(reader: ProtobufReader, end: number): void {
    const length = end - reader.position;
    if (length % this.#elementBytes !== 0) reader.fail("packed floats end within a number");
    const offset = this.found * this.#elementBytes;
    const room = Math.max(0, Math.min(length, this.#memory!.length - offset));
    this.#memory!.set(reader.bytes.subarray(reader.position, reader.position + room), Math.min(offset, this.#memory!.length));
    this.found += length / this.#elementBytes;
    reader.position = end;
  }

  #readOne(reader: ProtobufReader): void {
    const index = this.found++;
    const datatype = this.#datatype;
    const kept = index < this.#capacity;
    if (isFloat(datatype)) {
      const start = reader.position;
      reader.advance(this.#elementBytes);
      if (kept) this.#memory!.set(reader.bytes.subarray(start, reader.position), index * this.#elementBytes);
    } else if (isLong(datatype)) {
      reader.long(kept ? new Uint32Array(this.#memory!.buffer, index * 8, 2) : ignored, 0);
    } else {
      const value = datatype === "BOOL" ? Number(reader.varint() !== 0) : reader.signed();
      if (kept) this.#numbers![index] = value;
    }
  }

  #readText(reader: ProtobufReader): void {
    const index = this.found++;
    const end = reader.delimitedEnd();
    const text = decodeText(reader.bytes, reader.position, end);
    reader.position = end;
    if (text === null) this.#problems.add(this.#place(index), "is not valid UTF-8");
    else if (index < this.#capacity) this.#texts![index] = text;
  }

  #place(index: number): string {
    return this.#problems.open ? `${this.#path()}.contents[${index}]` : "";
  }
}

const ignored = new Uint32Array(2);

/** Whether the tensor's datatype has a field of its own; the answer must else go raw. */
export function fitsContents({ datatype }: Tensor): boolean {
  return fieldOf[datatype] !== undefined;
}

/** Writes InferTensorContents without its tag and length. */
export function writeContents(writer: ProtobufWriter, tensor: Tensor): void {
  const { datatype, data } = tensor;
  const field = fieldOf[datatype]!;
  if (data.length === 0) return;
  if (datatype === "BYTES") {
    for (const text of data as string[]) writer.element(field, text);
  } else if (isFloat(datatype)) {
    writer.bytes(field, encodeBinaryData(tensor));
  } else {
    const start = writer.open(field);
    if (isLong(datatype)) {
      const longs = data as BigInt64Array;
      for (const value of longs) writer.long(Number(value & 0xffff_ffffn), Number((value >> 32n) & 0xffff_ffffn));
    } else {
      for (const value of data as Int32Array) writer.long(value, value < 0 ? -1 : 0);
    }
    writer.close(start);
  }
}
