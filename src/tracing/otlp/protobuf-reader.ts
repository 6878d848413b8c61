import { AppError } from "../../core/errors.ts";

/** Messages within a request at most: many times what spans come to in as many bytes as one may have. Each is an object while it is read, and two bytes are one. */
const mostMessages = 2_000_000;

/** A field of a message: its number in the upper bits and how it is written in the lower three, as on the wire. */
type Tag = number;

/**
 * Reads protobuf's wire format in place. Spans come by the thousand in one request, and a reader that knows what it wants makes no objects for what it passes over.
 * Everything throws TRACE_INVALID where the bytes end early or cannot be read.
 */
export class ProtobufReader {
  readonly #bytes: Buffer;
  /** Of all readers of one request. */
  readonly #messages: { read: number };
  #at: number;
  #end: number;

  constructor(bytes: Buffer, from = 0, to = bytes.length, messages = { read: 0 }) {
    this.#bytes = bytes;
    this.#messages = messages;
    this.#at = from;
    this.#end = to;
  }

  /** 0 at the end. */
  tag(): Tag {
    return this.#at < this.#end ? this.uint32() : 0;
  }

  /** The low 32 bits of a varint, without a sign. */
  uint32(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#byte();
      if (shift < 32) value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
    throw broken();
  }

  int64(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asIntN(64, value);
    }
    throw broken();
  }

  fixed64(): bigint {
    return this.#bytes.readBigUInt64LE(this.#take(8));
  }

  double(): number {
    return this.#bytes.readDoubleLE(this.#take(8));
  }

  text(): string {
    const length = this.uint32();
    const from = this.#take(length);
    return this.#bytes.toString("utf8", from, from + length);
  }

  bytes(): Buffer {
    const length = this.uint32();
    const from = this.#take(length);
    return this.#bytes.subarray(from, from + length);
  }

  /** A reader of the message that stands here; this one goes on behind it. */
  message(): ProtobufReader {
    const length = this.uint32();
    const from = this.#take(length);
    if (++this.#messages.read > mostMessages) throw new AppError("TRACE_INVALID", `The body has more than ${mostMessages} protobuf messages within each other.`);
    return new ProtobufReader(this.#bytes, from, from + length, this.#messages);
  }

  /** Passes over the value of a field that nobody wants. */
  skip(tag: Tag): void {
    if (tag < 8) throw broken();
    switch (tag & 7) {
      case 0: this.int64(); return;
      case 1: this.#take(8); return;
      case 2: this.#take(this.uint32()); return;
      case 5: this.#take(4); return;
      // Groups were never part of OTLP.
      default: throw broken();
    }
  }

  #byte(): number {
    if (this.#at >= this.#end) throw broken();
    return this.#bytes[this.#at++]!;
  }

  /** Where the next bytes begin. */
  #take(length: number): number {
    const from = this.#at;
    if (length > this.#end - from) throw broken();
    this.#at = from + length;
    return from;
  }
}

function broken(): AppError {
  return new AppError("TRACE_INVALID", "The body is no protobuf message of OTLP traces.");
}
