import { writeDigits, writeSingle } from "./write-single.ts";

/** Builds a JSON document as bytes, in place: large answers never become one text. */
export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(expectedBytes: number) {
    this.#buffer = Buffer.allocUnsafe(expectedBytes);
  }

  /** What was written; the writer must not be used after it. */
  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Characters below 0x80 only. */
  ascii(text: string): void {
    const length = text.length;
    this.#reserve(length);
    const buffer = this.#buffer;
    const at = this.#length;
    if (length < 48) {
      for (let index = 0; index < length; index++) buffer[at + index] = text.charCodeAt(index);
    } else {
      buffer.write(text, at, "latin1");
    }
    this.#length = at + length;
  }

  byte(code: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = code;
  }

  /** A JSON string, quotes included. */
  text(text: string): void {
    if (isPlain(text)) {
      this.byte(0x22);
      this.ascii(text);
      this.byte(0x22);
      return;
    }
    const json = JSON.stringify(text);
    this.#reserve(json.length * 3);
    this.#length += this.#buffer.write(json, this.#length, "utf8");
  }

  /** A whole number within 2^53. */
  integer(value: number): void {
    if (value < 0) {
      this.byte(0x2d);
      value = -value;
    }
    if (value > 0x3fff_ffff) return this.ascii(String(value));
    this.#reserve(10);
    this.#length = writeDigits(this.#buffer, this.#length, value);
  }

  /** A 64-bit float, in the fewest digits that read back the same; what JSON has no number for becomes a text. */
  double(value: number): void {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) this.integer(value);
    else if (Number.isFinite(value)) this.ascii(Object.is(value, -0) ? "-0.0" : String(value));
    else this.text(String(value));
  }

  /** A 32-bit float, in few digits that read back the same: 0.1 and not 0.10000000149011612. */
  single(value: number): void {
    this.#reserve(32);
    const end = writeSingle(this.#buffer, this.#length, value);
    if (end < 0) this.double(value);
    else this.#length = end;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + bytes));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

/** Needs no escape and no UTF-8. */
function isPlain(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) return false;
  }
  return true;
}
