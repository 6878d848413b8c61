/** Longest text that is copied character by character; a call into the runtime costs more than 40 of them. */
const shortText = 48;

/** Appends numbers and texts to one growing buffer that is used again and again. Little-endian. */
export class ByteWriter {
  #buffer: Buffer;
  #view: DataView;
  length = 0;

  constructor(capacity: number) {
    this.#buffer = Buffer.allocUnsafeSlow(capacity);
    this.#view = new DataView(this.#buffer.buffer);
  }

  get capacity(): number {
    return this.#buffer.length;
  }

  /** The bytes from `start` on, without a copy; valid until the next call. */
  slice(start = 0, end = this.length): Buffer {
    return this.#buffer.subarray(start, end);
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#buffer[this.length++] = value;
  }

  /** Throws RangeError for what is not a whole number below 2^16. */
  uint16(value: number): void {
    if (!(value >= 0 && value <= 0xffff && Number.isInteger(value))) throw new RangeError(`${value} is not a 16-bit number`);
    this.#reserve(2);
    this.#view.setUint16(this.length, value, true);
    this.length += 2;
  }

  /** Throws RangeError for what is not a whole number below 2^32. */
  uint32(value: number): void {
    if (!(value >= 0 && value <= 0xffffffff && Number.isInteger(value))) throw new RangeError(`${value} is not a 32-bit number`);
    this.#reserve(4);
    this.#view.setUint32(this.length, value, true);
    this.length += 4;
  }

  /** Overwrites four bytes that were written before. */
  setUint32(position: number, value: number): void {
    this.#view.setUint32(position, value, true);
  }

  float64(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.length, value, true);
    this.length += 8;
  }

  /** UTF-8 behind its length in bytes; a lone surrogate becomes U+FFFD. */
  text(value: string): void {
    this.#reserve(4 + value.length * 3);
    const start = this.length + 4;
    const written = value.length <= shortText ? this.#writeAscii(value, start) : -1;
    const bytes = written === value.length ? written : this.#buffer.write(value, start, "utf8");
    this.#view.setUint32(this.length, bytes, true);
    this.length = start + bytes;
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#buffer.set(value, this.length);
    this.length += value.length;
  }

  /** Answers how many characters were ASCII before the first that was not. */
  #writeAscii(value: string, start: number): number {
    const buffer = this.#buffer;
    for (let index = 0; index < value.length; index++) {
      const code = value.charCodeAt(index);
      if (code > 0x7f) return index;
      buffer[start + index] = code;
    }
    return value.length;
  }

  #reserve(bytes: number): void {
    if (this.length + bytes <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.length + bytes));
    this.#buffer.copy(grown, 0, 0, this.length);
    this.#buffer = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** Reads what a ByteWriter wrote; throws RangeError past the end. */
export class ByteReader {
  readonly #buffer: Buffer;
  #position = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  byte(): number {
    return this.#buffer.readUInt8(this.#advance(1));
  }

  uint16(): number {
    return this.#buffer.readUInt16LE(this.#advance(2));
  }

  uint32(): number {
    return this.#buffer.readUInt32LE(this.#advance(4));
  }

  float64(): number {
    return this.#buffer.readDoubleLE(this.#advance(8));
  }

  text(): string {
    const bytes = this.uint32();
    const start = this.#advance(bytes);
    return this.#buffer.toString("utf8", start, start + bytes);
  }

  /** A copy with a buffer of its own. */
  copy(bytes: number): Uint8Array<ArrayBuffer> {
    const start = this.#advance(bytes);
    return new Uint8Array(this.#buffer.subarray(start, start + bytes));
  }

  #advance(bytes: number): number {
    const start = this.#position;
    if (start + bytes > this.#buffer.length) throw new RangeError("the bytes end too early");
    this.#position = start + bytes;
    return start;
  }
}
