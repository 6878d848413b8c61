import { AppError } from "../../core/errors.ts";
import { decodeText } from "./binary-tensor-data.ts";

export const varintType = 0;
export const fixed64Type = 1;
export const bytesType = 2;
export const fixed32Type = 5;

const twoTo32 = 4_294_967_296;

/**
 * Reads protobuf out of bytes in place. Inference messages are read with this and not with generated code, so that
 * tensors go straight into typed arrays, raw contents stay views, and a hostile message cannot cost more memory than
 * its tensors. Everything malformed throws INVALID_REQUEST.
 */
export class ProtobufReader {
  readonly bytes: Buffer;
  position: number;
  end: number;

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
  }

  get more(): boolean {
    return this.position < this.end;
  }

  /** Field number and wire type: `field << 3 | type`. */
  tag(): number {
    const tag = this.varint();
    if (tag > 0xffff_ffff || tag >>> 3 === 0) this.fail("a field has no valid number");
    return tag;
  }

  /** An unsigned varint as a number; not exact beyond 2^53, which no length or tag may be. */
  varint(): number {
    const { bytes, end } = this;
    let value = 0;
    let factor = 1;
    for (let at = this.position; at < end; at++) {
      const byte = bytes[at]!;
      value += (byte & 127) * factor;
      if (byte < 128) {
        this.position = at + 1;
        return value;
      }
      factor *= 128;
      if (at - this.position === 9) this.fail("a number is longer than 64 bits");
    }
    return this.fail("it ends within a number");
  }

  /** A varint as two's complement, to `halves[2 * index]` (low) and the next (high). */
  long(halves: Uint32Array | Int32Array, index: number): void {
    const { bytes, end } = this;
    let low = 0;
    let high = 0;
    let shift = 0;
    for (let at = this.position; at < end; at++) {
      const byte = bytes[at]!;
      const bits = byte & 127;
      if (shift < 28) {
        low |= bits << shift;
      } else if (shift === 28) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else {
        high |= bits << (shift - 32);
      }
      if (byte < 128) {
        this.position = at + 1;
        halves[2 * index] = low;
        halves[2 * index + 1] = high;
        return;
      }
      shift += 7;
      if (shift > 63) this.fail("a number is longer than 64 bits");
    }
    this.fail("it ends within a number");
  }

  /** A signed varint; exact within 2^53. */
  signed(): number {
    this.long(scratch, 0);
    return scratch[1]! * twoTo32 + (scratch[0]! >>> 0);
  }

  /** The position behind a length-delimited field, whose contents start at `position`. */
  delimitedEnd(): number {
    const length = this.varint();
    const end = this.position + length;
    if (end > this.end) this.fail("a field is longer than the message");
    return end;
  }

  /** A view. */
  view(): Buffer {
    const end = this.delimitedEnd();
    const view = this.bytes.subarray(this.position, end);
    this.position = end;
    return view;
  }

  text(): string {
    const end = this.delimitedEnd();
    const text = decodeText(this.bytes, this.position, end);
    if (text === null) this.fail("a text is not valid UTF-8");
    this.position = end;
    return text;
  }

  double(): number {
    const start = this.position;
    this.advance(8);
    return this.bytes.readDoubleLE(start);
  }

  /** Passes over a field that nobody reads. Groups, which proto3 does not have, are refused. */
  skip(tag: number): void {
    switch (tag & 7) {
      case varintType:
        this.varint();
        return;
      case fixed64Type:
        return this.advance(8);
      case bytesType:
        this.position = this.delimitedEnd();
        return;
      case fixed32Type:
        return this.advance(4);
      default:
        this.fail("a field has no valid type");
    }
  }

  advance(bytes: number): void {
    if (this.position + bytes > this.end) this.fail("it ends within a number");
    this.position += bytes;
  }

  fail(reason: string): never {
    throw new AppError("INVALID_REQUEST", `The message is not valid protobuf of its type: ${reason} (byte ${this.position}).`);
  }
}

const scratch = new Int32Array(2);
