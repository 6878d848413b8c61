import { isAscii } from "node:buffer";
import { AppError } from "../../../core/errors.ts";

/** How a field's value is laid out: 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes. Groups (3, 4) are refused. */
type WireType = 0 | 1 | 2 | 5;

/** The limit of the reference parser for messages within messages; ONNX Runtime refuses what is deeper. */
const deepestMessage = 100;
/** No name of a real model comes near this; a longer one would only serve to fill the memory. */
const longestText = 1 << 20;

// ignoreBOM keeps a leading U+FEFF: two names that differ only by it must not become one.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The refusal of bytes that are no ONNX model; `reason` completes the sentence. */
export function notAnOnnxModel(reason: string, cause?: unknown): AppError {
  return new AppError("MODEL_FILE_INVALID", `The file is not an ONNX model: ${reason}.`, { cause });
}

/**
 * Walks the fields of one protobuf message in place. It trusts nothing: lengths stay within the message, varints within
 * ten bytes, nesting within 100 levels; anything else throws MODEL_FILE_INVALID. No value is copied until it is asked
 * for, so a message of any size costs as much as it has fields.
 */
export class WireCursor {
  readonly bytes: Uint8Array;
  /** Number of the current field. */
  field = 0;
  wireType: WireType = 0;
  /** Where the current field begins, its tag included. */
  fieldStart = 0;
  /** Where its value begins (after the length of a length-delimited one) and ends. */
  start: number;
  end: number;
  /** The byte after the message. */
  readonly limit: number;
  readonly #depth: number;
  #position: number;
  #low = 0;
  #high = 0;

  constructor(bytes: Uint8Array, start = 0, limit = bytes.length, depth = 0) {
    if (depth > deepestMessage) throw notAnOnnxModel(`its messages are nested deeper than ${deepestMessage} levels`);
    this.bytes = bytes;
    this.start = start;
    this.end = start;
    this.#position = start;
    this.limit = limit;
    this.#depth = depth;
  }

  /** Moves to the next field; false at the end of the message. */
  next(): boolean {
    if (this.#position === this.limit) return false;
    this.fieldStart = this.#position;
    this.#readVarint();
    const tag = this.#low;
    if (this.#high !== 0 || tag < 8) throw this.#broken("has an impossible field number");
    this.field = tag >>> 3;
    const wireType = tag & 7;
    switch (wireType) {
      case 0:
        this.start = this.#position;
        this.#readVarint();
        this.end = this.#position;
        break;
      case 1:
        this.#take(8);
        break;
      case 2:
        this.#readVarint();
        if (this.#high !== 0) throw this.#broken("has a length that lies");
        this.#take(this.#low);
        break;
      case 5:
        this.#take(4);
        break;
      default:
        throw this.#broken("is of a kind that ONNX does not use");
    }
    this.wireType = wireType as WireType;
    return true;
  }

  /** The current message field, to be walked in turn. */
  message(): WireCursor {
    this.#expect(2);
    return new WireCursor(this.bytes, this.start, this.end, this.#depth + 1);
  }

  /** The current field's bytes, not copied. */
  view(): Uint8Array {
    this.#expect(2);
    return this.bytes.subarray(this.start, this.end);
  }

  /** The current field with its tag, not copied. */
  wholeField(): Uint8Array {
    return this.bytes.subarray(this.fieldStart, this.end);
  }

  /** The current field as text; bytes that are not UTF-8 are refused. */
  text(): string {
    this.#expect(2);
    const length = this.end - this.start;
    if (length > longestText) throw this.#broken("has a text longer than 1 MiB");
    const view = this.bytes.subarray(this.start, this.end);
    if (length < 48 && isAscii(view)) return String.fromCharCode(...view);
    try {
      return decoder.decode(view);
    } catch (error) {
      throw notAnOnnxModel("it has a name that is not UTF-8 text", error);
    }
  }

  /** The current varint as the signed 64-bit integer that it stands for. */
  bigInteger(): bigint {
    this.#expect(0);
    return BigInt.asIntN(64, (BigInt(this.#high) << 32n) | BigInt(this.#low));
  }

  /** The current varint as a number; refused when a double cannot hold it. */
  integer(): number {
    this.#expect(0);
    if (this.#high === 0) return this.#low;
    const value = Number(this.bigInteger());
    if (!Number.isSafeInteger(value)) throw this.#broken("has an integer beyond 2^53");
    return value;
  }

  /** Adds the integers of a repeated field, packed or not; refused when `target` would hold more than `most`. */
  appendIntegers(target: bigint[], most: number): void {
    if (this.wireType !== 2) {
      if (target.length >= most) throw this.#broken(`brings more than ${most} integers`);
      target.push(this.bigInteger());
      return;
    }
    const packed = new WireCursor(this.bytes, this.start, this.end, this.#depth);
    while (packed.#position < packed.limit) {
      packed.#readVarint();
      packed.wireType = 0;
      if (target.length >= most) throw this.#broken(`brings more than ${most} integers`);
      target.push(packed.bigInteger());
    }
  }

  #expect(wireType: WireType): void {
    if (this.wireType !== wireType) throw this.#broken("has a value of the wrong kind");
  }

  #take(length: number): void {
    if (length > this.limit - this.#position) throw this.#broken("is longer than what is left of the file or of its message");
    this.start = this.#position;
    this.#position += length;
    this.end = this.#position;
  }

  #readVarint(): void {
    if (this.#position < this.limit) {
      const single = this.bytes[this.#position]!;
      if (single < 128) {
        this.#position++;
        this.#low = single;
        this.#high = 0;
        return;
      }
    }
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#position === this.limit) throw this.#broken("breaks off in the middle");
      const byte = this.bytes[this.#position++]!;
      const part = byte & 127;
      if (shift < 28) low |= part << shift;
      else if (shift === 28) {
        low |= part << 28;
        high |= part >>> 4;
      } else high |= part << (shift - 32);
      if (byte < 128) {
        this.#low = low >>> 0;
        this.#high = high >>> 0;
        return;
      }
    }
    throw this.#broken("has a number of more than 64 bits");
  }

  #broken(what: string): AppError {
    return notAnOnnxModel(`the field at byte ${this.fieldStart} ${what}`);
  }
}

const encoder = new TextEncoder();
/** Shorter pieces are copied when they are written; longer ones, weights above all, are kept by reference. */
const longestCopy = 4096;
const longestVarint = 10;

/** Writes one protobuf message. Long byte arrays are kept by reference until `toBytes` joins the whole. */
export class WireWriter {
  readonly #chunks: Uint8Array[] = [];
  #chunkBytes = 0;
  #tail = new Uint8Array(64);
  #tailBytes = 0;

  /** Any integer type, bool or enum; negative numbers become their 64-bit two's complement. */
  integer(field: number, value: number | bigint): this {
    this.#varint(field * 8);
    this.#varint(value);
    return this;
  }

  /** A 32-bit float. */
  float(field: number, value: number): this {
    this.#varint(field * 8 + 5);
    this.#reserve(4);
    new DataView(this.#tail.buffer).setFloat32(this.#tailBytes, value, true);
    this.#tailBytes += 4;
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#varint(field * 8 + 2);
    this.#varint(value.length);
    return this.raw(value);
  }

  text(field: number, value: string): this {
    return this.bytes(field, encoder.encode(value));
  }

  message(field: number, message: WireWriter): this {
    this.#varint(field * 8 + 2);
    this.#varint(message.#chunkBytes + message.#tailBytes);
    for (const chunk of message.#chunks) this.raw(chunk);
    return this.raw(message.#tail.subarray(0, message.#tailBytes));
  }

  /** Bytes as they are: whole fields that were read elsewhere. */
  raw(bytes: Uint8Array): this {
    if (bytes.length <= longestCopy) {
      this.#reserve(bytes.length);
      this.#tail.set(bytes, this.#tailBytes);
      this.#tailBytes += bytes.length;
      return this;
    }
    if (this.#tailBytes > 0) this.#keep(this.#tail.subarray(0, this.#tailBytes));
    this.#keep(bytes);
    this.#tail = new Uint8Array(64);
    this.#tailBytes = 0;
    return this;
  }

  toBytes(): Uint8Array<ArrayBuffer> {
    const joined = new Uint8Array(this.#chunkBytes + this.#tailBytes);
    let position = 0;
    for (const chunk of this.#chunks) {
      joined.set(chunk, position);
      position += chunk.length;
    }
    joined.set(this.#tail.subarray(0, this.#tailBytes), position);
    return joined;
  }

  #keep(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#chunkBytes += chunk.length;
  }

  /** Doubles, so that a million small fields cost a few copies. */
  #reserve(length: number): void {
    if (this.#tailBytes + length <= this.#tail.length) return;
    const grown = new Uint8Array(Math.max(this.#tail.length * 2, this.#tailBytes + length));
    grown.set(this.#tail.subarray(0, this.#tailBytes));
    this.#tail = grown;
  }

  #varint(value: number | bigint): void {
    this.#reserve(longestVarint);
    let rest = value;
    if (typeof rest === "bigint" || rest < 0) {
      let long = BigInt.asUintN(64, BigInt(rest));
      for (; long > 127n; long >>= 7n) this.#tail[this.#tailBytes++] = Number(long & 127n) | 128;
      rest = Number(long);
    }
    for (; rest > 127; rest = Math.floor(rest / 128)) this.#tail[this.#tailBytes++] = (rest % 128) | 128;
    this.#tail[this.#tailBytes++] = rest;
  }
}
