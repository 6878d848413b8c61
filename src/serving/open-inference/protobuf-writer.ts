/** Builds a protobuf message in one growing buffer. */
export class ProtobufWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(expectedBytes: number) {
    this.#buffer = Buffer.allocUnsafe(expectedBytes);
  }

  /** What was written; the writer must not be used after it. */
  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** A whole number from 0 to 2^53. */
  varint(value: number): void {
    this.reserve(10);
    while (value > 127) {
      this.#buffer[this.#length++] = (value % 128) | 128;
      value = Math.floor(value / 128);
    }
    this.#buffer[this.#length++] = value;
  }

  /** 64 bits in two's complement. */
  long(low: number, high: number): void {
    this.reserve(10);
    low >>>= 0;
    high >>>= 0;
    while (high > 0 || low > 127) {
      this.#buffer[this.#length++] = (low & 127) | 128;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.#buffer[this.#length++] = low;
  }

  /** A length-delimited text; left out when empty, as proto3 does. */
  text(field: number, text: string): void {
    if (text !== "") this.element(field, text);
  }

  /** One text of a repeated field. */
  element(field: number, text: string): void {
    const start = this.open(field);
    this.reserve(text.length * 3);
    this.#length += this.#buffer.write(text, this.#length, "utf8");
    this.close(start);
  }

  bytes(field: number, bytes: Uint8Array): void {
    this.varint((field << 3) | 2);
    this.varint(bytes.byteLength);
    this.raw(bytes);
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.byteLength);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.byteLength;
  }

  /** Starts a length-delimited field; what is written until `close` is its content. */
  open(field: number): number {
    this.varint((field << 3) | 2);
    this.reserve(1);
    return ++this.#length;
  }

  /** One byte was kept for the length; longer contents move up. */
  close(start: number): void {
    const length = this.#length - start;
    let extra = 0;
    for (let rest = length; rest > 127; rest = Math.floor(rest / 128)) extra++;
    if (extra > 0) {
      this.reserve(extra);
      this.#buffer.copyWithin(start + extra, start, this.#length);
    }
    this.#length = start - 1;
    this.varint(length);
    this.#length += length;
  }

  reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + bytes));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}
