import { AppError } from "../../core/errors.ts";

const maxDepth = 32;
/** Mantissas up to here are exact in a double. */
const maxExact = Number.MAX_SAFE_INTEGER;
/** Ten to the power of the index; exact up to 22, correctly rounded above. */
export const powersOfTen = Float64Array.from({ length: 65 }, (_, exponent) => Number(`1e${exponent}`));
const maxExactPower = 22;
/** A mantissa of at most 20 digits was rounded at most 5 times, its scaling twice: the error is below this. */
const singleMargin = 2 ** -49;

/** What stands next, told by its first byte. */
export type JsonKind = "object" | "array" | "string" | "number" | "boolean" | "null" | "not-a-number" | "infinity";

/**
 * Reads JSON out of bytes in place: numbers go straight into typed arrays, nothing else is built, so that a hostile body
 * cannot cost more memory than its tensors. Stricter than JSON.parse in two ways (depth 32; text must be well-formed
 * Unicode) and laxer in one: Python's bare `NaN`, `Infinity` and `-Infinity` are tokens. The bytes must be valid UTF-8.
 * Everything that is not JSON throws INVALID_JSON with the position.
 */
export class JsonScanner {
  readonly bytes: Buffer;
  readonly end: number;
  position: number;
  #depth = 0;

  constructor(bytes: Buffer, start: number, end: number) {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
  }

  /** The next byte that is not white space, unconsumed; -1 at the end. */
  peek(): number {
    const { bytes, end } = this;
    let at = this.position;
    while (at < end) {
      const byte = bytes[at]!;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) {
        this.position = at;
        return byte;
      }
      at++;
    }
    this.position = at;
    return -1;
  }

  kind(): JsonKind {
    const byte = this.peek();
    switch (byte) {
      case 0x7b: return "object";
      case 0x5b: return "array";
      case 0x22: return "string";
      case 0x74:
      case 0x66: return "boolean";
      case 0x6e: return "null";
      case 0x4e: return "not-a-number";
      case 0x49: return "infinity";
      case 0x2d: return this.bytes[this.position + 1] === 0x49 ? "infinity" : "number";
      default:
        if (byte >= 0x30 && byte <= 0x39) return "number";
        return this.fail("a value");
    }
  }

  /** Consumes the opening bracket; true when there is a first member or element. */
  enter(open: 0x7b | 0x5b): boolean {
    if (this.peek() !== open) this.fail(open === 0x7b ? "an object" : "a list");
    this.position++;
    if (++this.#depth > maxDepth) throw new AppError("INVALID_JSON", `The body is nested deeper than ${maxDepth} levels.`);
    if (this.peek() !== open + 2) return true; // "]" and "}" lie two above their openings
    this.position++;
    this.#depth--;
    return false;
  }

  /** After a member or element: true when another follows, false when the bracket closed. */
  next(open: 0x7b | 0x5b): boolean {
    const byte = this.peek();
    if (byte === 0x2c) {
      this.position++;
      return true;
    }
    if (byte !== open + 2) this.fail(open === 0x7b ? '"," or "}"' : '"," or "]"');
    this.position++;
    this.#depth--;
    return false;
  }

  /** A member's name and the colon after it. */
  readKey(): string {
    if (this.peek() !== 0x22) this.fail("a name in double quotes");
    const key = this.readString();
    if (this.peek() !== 0x3a) this.fail('":"');
    this.position++;
    return key;
  }

  readString(): string {
    if (this.peek() !== 0x22) this.fail("a text in double quotes");
    const { bytes, end } = this;
    const start = this.position + 1;
    let at = start;
    let seen = 0;
    let escaped = false;
    for (;;) {
      if (at >= end) this.failAt(end, "the end of a text");
      const byte = bytes[at]!;
      if (byte === 0x22) break;
      if (byte < 0x20) this.failAt(at, "a text without control characters");
      if (byte === 0x5c) {
        escaped = true;
        at++; // whatever follows belongs to the escape, a quote too
      }
      seen |= byte;
      at++;
    }
    if (at >= end) this.failAt(end, "the end of a text");
    this.position = at + 1;
    if (!escaped) return seen < 0x80 ? asciiText(bytes, start, at) : bytes.toString("utf8", start, at);
    let text: string;
    try {
      text = JSON.parse(bytes.toString("utf8", start - 1, at + 1)) as string;
    } catch {
      return this.failAt(start, "a text with valid escapes");
    }
    if (!text.isWellFormed()) this.failAt(start, "a text of whole Unicode characters");
    return text;
  }

  /** `true` or `false`. */
  readBoolean(): boolean {
    const value = this.peek() === 0x74;
    this.#literal(value ? "true" : "false");
    return value;
  }

  /** `null`, `NaN`, `Infinity` and `-Infinity`, as the number that each stands for; null is NaN. */
  readSpecialNumber(): number {
    const byte = this.peek();
    if (byte === 0x6e) return this.#literal("null"), NaN;
    if (byte === 0x4e) return this.#literal("NaN"), NaN;
    if (byte === 0x2d) return this.#literal("-Infinity"), -Infinity;
    return this.#literal("Infinity"), Infinity;
  }

  /**
   * A number, correctly rounded to a double; with `single`, to a double that rounds to the correct 32-bit float, which
   * is faster for the long decimals that clients make of such floats.
   */
  readNumber(single = false): number {
    const { bytes } = this;
    const start = this.position;
    let at = start;
    let byte = bytes[at];
    const negative = byte === 0x2d;
    if (negative) byte = bytes[++at];
    let mantissa = 0;
    if (byte === 0x30) {
      byte = bytes[++at];
    } else if (byte !== undefined && byte > 0x30 && byte <= 0x39) {
      do {
        mantissa = mantissa * 10 + (byte - 0x30);
        byte = bytes[++at];
      } while (byte !== undefined && byte >= 0x30 && byte <= 0x39);
    } else {
      this.failAt(at, "a digit");
    }
    let exponent = 0;
    if (byte === 0x2e) {
      const fraction = ++at;
      byte = bytes[at];
      while (byte !== undefined && byte >= 0x30 && byte <= 0x39) {
        mantissa = mantissa * 10 + (byte - 0x30);
        byte = bytes[++at];
      }
      if (at === fraction) this.failAt(at, "a digit after the point");
      exponent = fraction - at;
    }
    if (byte === 0x65 || byte === 0x45) {
      byte = bytes[++at];
      const below = byte === 0x2d;
      if (below || byte === 0x2b) byte = bytes[++at];
      const first = at;
      let power = 0;
      while (byte !== undefined && byte >= 0x30 && byte <= 0x39) {
        if (power < 100_000) power = power * 10 + (byte - 0x30);
        byte = bytes[++at];
      }
      if (at === first) this.failAt(at, "a digit in the exponent");
      exponent += below ? -power : power;
    }
    this.position = at; // beyond the end when the document ends within the number; whatever is read next says so
    if (mantissa <= maxExact) {
      if (exponent === 0) return negative ? -mantissa : mantissa;
      if (exponent < 0 && exponent >= -maxExactPower) {
        const value = mantissa / powersOfTen[-exponent]!;
        return negative ? -value : value;
      }
      if (exponent > 0 && exponent <= maxExactPower) {
        const value = mantissa * powersOfTen[exponent]!;
        return negative ? -value : value;
      }
    }
    if (single && mantissa < 1e20 && exponent > -65 && exponent < 65) {
      const value = exponent < 0 ? mantissa / powersOfTen[-exponent]! : mantissa * powersOfTen[exponent]!;
      if (Math.fround(value - value * singleMargin) === Math.fround(value + value * singleMargin)) return negative ? -value : value;
    }
    return Number(bytes.toString("latin1", start, at));
  }

  /** Passes over one value of any kind, checking its grammar. */
  skipValue(): void {
    const byte = this.peek();
    if (byte === 0x22) {
      this.#skipString();
    } else if (byte === 0x7b) {
      if (!this.enter(0x7b)) return;
      do {
        if (this.peek() !== 0x22) this.fail("a name in double quotes");
        this.#skipString();
        if (this.peek() !== 0x3a) this.fail('":"');
        this.position++;
        this.skipValue();
      } while (this.next(0x7b));
    } else if (byte === 0x5b) {
      if (!this.enter(0x5b)) return;
      do this.skipValue();
      while (this.next(0x5b));
    } else if (byte === 0x74 || byte === 0x66) {
      this.readBoolean();
    } else if (this.kind() === "number") {
      this.readNumber(true);
    } else {
      this.readSpecialNumber();
    }
  }

  /** Throws unless nothing but white space is left. */
  finish(): void {
    if (this.peek() !== -1) this.fail("the end of the document");
  }

  fail(expected: string): never {
    return this.failAt(this.position, expected);
  }

  failAt(position: number, expected: string): never {
    const found = position >= this.end ? "the end" : describeByte(this.bytes[position]!);
    throw new AppError("INVALID_JSON", `The JSON is broken at byte ${position}: expected ${expected}, found ${found}.`);
  }

  #skipString(): void {
    const { bytes, end } = this;
    let at = this.position + 1;
    while (at < end) {
      const byte = bytes[at]!;
      if (byte === 0x22) {
        this.position = at + 1;
        return;
      }
      if (byte < 0x20) this.failAt(at, "a text without control characters");
      if (byte === 0x5c) return void this.readString(); // the escapes are checked there
      at++;
    }
    this.failAt(end, "the end of a text");
  }

  #literal(word: string): void {
    const { bytes, position } = this;
    for (let index = 0; index < word.length; index++) {
      if (position + index >= this.end || bytes[position + index] !== word.charCodeAt(index)) this.fail(word);
    }
    this.position = position + word.length;
  }
}

const longestRemembered = 24;
/** Short texts seen before, at a place that their length and outer bytes give: member names, tensor names, datatypes. */
const remembered: string[] = new Array<string>(256).fill("");

/** Making a string out of bytes costs more than comparing it with the one that was there the last time. */
function asciiText(bytes: Buffer, start: number, end: number): string {
  const length = end - start;
  if (length === 0 || length > longestRemembered) return bytes.toString("latin1", start, end);
  const place = (length * 37 + bytes[start]! * 5 + bytes[end - 1]!) & 255;
  const known = remembered[place]!;
  if (known.length === length) {
    let index = 0;
    while (index < length && known.charCodeAt(index) === bytes[start + index]) index++;
    if (index === length) return known;
  }
  return (remembered[place] = bytes.toString("latin1", start, end));
}

function describeByte(byte: number): string {
  return byte > 0x20 && byte < 0x7f ? `"${String.fromCharCode(byte)}"` : `the byte 0x${byte.toString(16).padStart(2, "0")}`;
}
