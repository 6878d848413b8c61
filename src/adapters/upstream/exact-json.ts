import { AppError } from "../../core/errors.ts";

/** A value of JSON with its whole numbers exact: those beyond 2^53 are bigints. */
export type ExactValue = null | boolean | number | bigint | string | ExactValue[] | { [name: string]: ExactValue };

/** Deeper nesting is no answer of a model. */
const maxDepth = 64;
/** What JSON.parse would read wrongly or not at all: long digits, and the words NaN and Infinity. Inside of a text they do no harm but cost time. */
const needsCare = /[0-9]{16}|NaN|Infinity/;
const wholeNumber = /^-?(?:0|[1-9][0-9]*)$/;
const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const text = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const space = /[ \t\r\n]*/y;
const words: readonly [string, ExactValue][] = [["null", null], ["true", true], ["false", false], ["NaN", NaN], ["Infinity", Infinity], ["-Infinity", -Infinity]];

/**
 * Reads JSON as servers of models write it: with NaN, Infinity and -Infinity, and with whole numbers of 64 bits. Throws UPSTREAM_BAD_ANSWER for what
 * is none. Names are to be asked for with `Object.hasOwn` alone.
 */
export function parseExactJson(bytes: Uint8Array): ExactValue {
  let source: string;
  try {
    source = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new AppError("UPSTREAM_BAD_ANSWER", "The answer is not in UTF-8.", { cause });
  }
  try {
    return needsCare.test(source) ? new ExactParser(source).whole() : (JSON.parse(source) as ExactValue);
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError("UPSTREAM_BAD_ANSWER", source.trim() === "" ? "The answer is empty." : "The answer is not JSON.", { cause });
  }
}

class ExactParser {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  whole(): ExactValue {
    const value = this.#value(0);
    this.#skip();
    if (this.#at !== this.#source.length) throw new SyntaxError("more than one value");
    return value;
  }

  #value(depth: number): ExactValue {
    if (depth > maxDepth) throw new SyntaxError("too deep");
    this.#skip();
    const character = this.#source[this.#at];
    if (character === "[") return this.#array(depth);
    if (character === "{") return this.#object(depth);
    if (character === '"') return JSON.parse(this.#take(text)) as string;
    for (const [word, value] of words) {
      if (!this.#source.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return value;
    }
    const digits = this.#take(number);
    const value = Number(digits);
    return !Number.isSafeInteger(value) && wholeNumber.test(digits) ? BigInt(digits) : value;
  }

  #array(depth: number): ExactValue[] {
    const values: ExactValue[] = [];
    this.#at++;
    if (this.#next("]")) return values;
    for (;;) {
      values.push(this.#value(depth + 1));
      if (this.#next("]")) return values;
      this.#expect(",");
    }
  }

  #object(depth: number): { [name: string]: ExactValue } {
    const values = Object.create(null) as { [name: string]: ExactValue };
    this.#at++;
    if (this.#next("}")) return values;
    for (;;) {
      this.#skip();
      const name = JSON.parse(this.#take(text)) as string;
      this.#expect(":");
      values[name] = this.#value(depth + 1);
      if (this.#next("}")) return values;
      this.#expect(",");
    }
  }

  #next(character: string): boolean {
    this.#skip();
    if (this.#source[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #expect(character: string): void {
    if (!this.#next(character)) throw new SyntaxError(`no ${character}`);
  }

  #skip(): void {
    this.#take(space);
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source);
    if (found === null) throw new SyntaxError("no value");
    this.#at = pattern.lastIndex;
    return found[0];
  }
}
