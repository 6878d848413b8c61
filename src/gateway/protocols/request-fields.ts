import { AppError, type Problem } from "../../core/errors.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** As many as an answer lists: a body of a few bytes for each must not make an answer many times its size. */
const mostNamed = 64;
const nothing: Fields = {};

/**
 * Reads one body of a caller by hand: each reader gives a value of its type, whatever stands there, and keeps a problem where it was another. Paths are put together by callers only where they are short; a
 * null is the same as nothing, as the protocols have it.
 */
export class RequestFields {
  readonly #problems: Problem[] = [];
  readonly #nativeOnly: Problem[] = [];
  readonly #nativeValues: Record<string, unknown> = {};
  readonly #uncarried: string[] = [];

  problem(path: string, message: string): void {
    if (this.#problems.length < mostNamed) this.#problems.push({ path, message });
  }

  /**
   * The canonical form cannot say this: see `ChatRequest.nativeOnly`. What does not stand in its messages as text goes to `extra` under its path, so that two requests that differ in it are not taken for
   * the same.
   */
  native(path: string, message: string, value?: unknown): void {
    if (this.#nativeOnly.length < mostNamed) this.#nativeOnly.push({ path, message });
    if (value !== undefined) this.#nativeValues[path] = value;
  }

  /** See `ChatRequest.uncarried`. */
  leave(path: string): void {
    if (this.#uncarried.length < mostNamed) this.#uncarried.push(path);
  }

  /** A text that must be there. */
  text(value: unknown, path: string): string {
    if (typeof value === "string") return value;
    this.problem(path, wrong("a string", value));
    return "";
  }

  /** A text that must be there and say something. */
  name(value: unknown, path: string): string {
    if (value === "") this.problem(path, "must not be empty");
    return this.text(value, path);
  }

  optionalText(value: unknown, path: string): string | undefined {
    return value === undefined || value === null ? undefined : this.text(value, path);
  }

  flag(value: unknown, path: string): boolean | null {
    if (typeof value === "boolean") return value;
    if (value !== undefined && value !== null) this.problem(path, wrong("true or false", value));
    return null;
  }

  number(value: unknown, path: string, least: number, most: number): number | null {
    if (value === undefined || value === null) return null;
    if (typeof value !== "number") this.problem(path, wrong("a number", value));
    // A NaN cannot come out of JSON, an infinity can (1e999).
    else if (value < least || value > most || !Number.isFinite(value)) this.problem(path, most === Infinity ? `must be at least ${least}` : `must be from ${least} to ${most}`);
    else return value;
    return null;
  }

  count(value: unknown, path: string, least: number): number | null {
    if (value === undefined || value === null) return null;
    if (typeof value !== "number") this.problem(path, wrong("a whole number", value));
    else if (!Number.isSafeInteger(value) || value < least) this.problem(path, `must be a whole number of at least ${least}`);
    else return value;
    return null;
  }

  oneOf<Word extends string>(value: unknown, path: string, words: readonly Word[]): Word | undefined {
    if (value === undefined || value === null) return undefined;
    if (words.includes(value as Word)) return value as Word;
    this.problem(path, `must be ${listed(words)}, but is ${shown(value)}`);
    return undefined;
  }

  /** An object of the protocol, in which no field stands in two spellings. */
  record(value: unknown, path: string): Fields {
    const fields = this.document(value, path);
    for (const key in fields) {
      const plain = plainSpelling(key);
      if (plain !== key && Object.hasOwn(fields, plain)) this.#misspelled(key, plain, path);
    }
    return fields;
  }

  /** An object whose fields are the caller's own, such as a schema. */
  document(value: unknown, path: string): Fields {
    if (isFields(value)) return value;
    this.problem(path, wrong("an object", value));
    return nothing;
  }

  optionalRecord(value: unknown, path: string): Fields | undefined {
    return value === undefined || value === null ? undefined : this.record(value, path);
  }

  optionalDocument(value: unknown, path: string): Fields | undefined {
    return value === undefined || value === null ? undefined : this.document(value, path);
  }

  list(value: unknown, path: string): readonly unknown[] {
    if (Array.isArray(value)) return value as unknown[];
    this.problem(path, wrong("an array", value));
    return [];
  }

  optionalList(value: unknown, path: string): readonly unknown[] {
    return value === undefined || value === null ? [] : this.list(value, path);
  }

  /** A text or texts that say something, as stop sequences come. */
  texts(value: unknown, path: string): readonly string[] {
    if (value === undefined || value === null) return [];
    if (typeof value === "string") return [this.name(value, path)];
    return this.list(value, path).map((text, index) => this.name(text, `${path}[${index}]`));
  }

  /** Names what else stands in an object that is not carried over whole. What says nothing (null, false, empty) is not lost. */
  leaveRest(fields: Fields, known: ReadonlySet<string>, path: string): void {
    for (const key in fields) {
      if (known.has(key)) continue;
      const plain = plainSpelling(key);
      if (plain !== key && known.has(plain)) this.#misspelled(key, plain, path);
      else if (says(fields[key])) this.leave(`${path}.${key}`);
    }
  }

  /** Servers written in Go take a field in any case of its letters, and the last of several: there it would stand for what was read, limited and guarded here. */
  #misspelled(key: string, plain: string, path: string): void {
    this.problem(path === "" ? shown(key) : `${path}.${shown(key)}`, `is not a field; ${plain} is`);
  }

  /** Fields of the body that the canonical form has no place for. */
  extra(body: Fields, known: ReadonlySet<string>): Record<string, unknown> {
    const extra: Record<string, unknown> = {};
    for (const key in body) {
      if (known.has(key) || body[key] === null) continue;
      const plain = plainSpelling(key);
      // An assignment would set the prototype instead.
      if (key === "__proto__") this.problem(key, "is not a field");
      else if (plain !== key && (known.has(plain) || Object.hasOwn(body, plain))) this.#misspelled(key, plain, "");
      else extra[key] = body[key];
    }
    return extra;
  }

  /** What the canonical form keeps of `extra`, `native` and `leave`. Throws INVALID_REQUEST where there was a problem. */
  finish(extra: Record<string, unknown>): { extra: Record<string, unknown>; nativeOnly?: readonly Problem[]; uncarried?: readonly string[] } {
    if (this.#problems.length > 0) throw new AppError("INVALID_REQUEST", "The request is not valid.", { problems: this.#problems });
    Object.assign(extra, this.#nativeValues);
    return { extra, ...(this.#nativeOnly.length === 0 ? {} : { nativeOnly: this.#nativeOnly }), ...(this.#uncarried.length === 0 ? {} : { uncarried: this.#uncarried }) };
  }
}

const unusual = /[^\0-@[-\x7f]/;

/** In small letters; the long s and the sign for Kelvin too, which are an s and a k in another case. */
function plainSpelling(key: string): string {
  return unusual.test(key) ? key.toUpperCase().toLowerCase() : key;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function says(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== "" && !(Array.isArray(value) && value.length === 0);
}

function wrong(expected: string, value: unknown): string {
  return value === undefined ? "is missing" : `must be ${expected}, but is ${kindOf(value)}`;
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** A value of the caller, as a message may repeat it. */
export function shown(value: unknown): string {
  if (value === undefined) return "missing";
  return typeof value === "string" ? JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}...` : value) : kindOf(value);
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)!}`;
}
