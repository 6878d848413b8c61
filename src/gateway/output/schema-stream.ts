import type { Problem } from "../../core/errors.ts";
import { SchemaReader, type Alternative, type Alternatives } from "./schema-alternatives.ts";
import { allowsConstant, allowsCount, allowsNumber, allowsString, allowsType, missingProperties, schemaOfItem, schemaOfProperty, type JsonType } from "./schema-conditions.ts";
import type { Schema } from "./schema-limits.ts";

/** A value that has begun and not ended. */
interface Frame {
  type: JsonType;
  /** Those still possible; null for all. */
  alternatives: Alternatives;
  step: string;
  names: Set<string>;
  count: number;
  /** Of an object: the name whose value comes. */
  name: string;
}

type Expecting = "value" | "value-or-end" | "name" | "name-or-end" | "colon" | "comma-or-end" | "nothing";

const deepest = 200;
/** Of a string that is compared with fixed values; longer ones are none of them, or are left to the check of the whole. */
const mostKept = 4096;
const numberForm = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const numberBeginning = /^-?(?:(?:0|[1-9]\d*)(?:\.\d*)?(?:[eE][+-]?\d*)?)?$/;

/**
 * Reads a JSON text as it comes and tells as early as it can that it can no longer become a value of the schema: by type, fixed values, names, counts and lengths, through `anyOf`, `oneOf`, `allOf` and `$ref`. Never trips
 * on the beginning of a valid text; what it lets pass (patterns, `not`, `if`, items that must differ) the check of the whole decides. Time is linear: at most 64 alternatives are followed, and 200 levels.
 */
export class SchemaStream {
  readonly #reader: SchemaReader;
  readonly #root: Schema;
  readonly #frames: Frame[] = [];
  #expecting: Expecting = "value";
  #problem: Problem | null = null;
  /** Inside of a string, number or word: its text so far. */
  #token: "string" | "number" | "word" | null = null;
  #text = "";
  #length = 0;
  #escape: string | null = null;
  #high = false;
  #isName = false;

  constructor(schema: Schema) {
    this.#root = schema;
    this.#reader = new SchemaReader(schema);
  }

  /** The next piece. What is wrong, once and for all; null where the text can still become valid. */
  push(text: string): Problem | null {
    for (let at = 0; at < text.length && this.#problem === null; at++) this.#take(text.charAt(at));
    return this.#problem;
  }

  /** No more comes. */
  end(): Problem | null {
    if (this.#problem === null && this.#token === "number") this.#endNumber();
    if (this.#problem === null && this.#expecting !== "nothing") this.#fail("ends in the middle");
    return this.#problem;
  }

  #take(character: string): void {
    if (this.#token === "string") this.#takeInString(character);
    else if (this.#token === "word") this.#takeInWord(character);
    else if (this.#token === "number" && /[-+.eE\d]/.test(character)) {
      this.#text += character;
      if (this.#text.length > 1000 || !numberBeginning.test(this.#text)) this.#fail("is not JSON");
    } else {
      if (this.#token === "number") this.#endNumber();
      if (this.#problem === null && character !== " " && character !== "\n" && character !== "\r" && character !== "\t") this.#takeMark(character);
    }
  }

  #takeMark(character: string): void {
    const frame = this.#frames.at(-1);
    switch (this.#expecting) {
      case "nothing":
        return this.#fail("goes on after the end of the JSON");
      case "colon":
        if (character !== ":") return this.#fail("is not JSON");
        this.#expecting = "value";
        return;
      case "comma-or-end":
        if (character === "," && frame !== undefined) this.#expecting = frame.type === "object" ? "name" : "value";
        else this.#close(character);
        return;
      case "name":
      case "name-or-end":
        if (character === '"') this.#beginString(true);
        else if (this.#expecting === "name-or-end") this.#close(character);
        else this.#fail("is not JSON");
        return;
      case "value-or-end":
        if (character === "]") return this.#close(character);
        return this.#begin(character);
      case "value":
        return this.#begin(character);
    }
  }

  #begin(character: string): void {
    const type: JsonType | null =
      character === "{" ? "object" : character === "[" ? "array" : character === '"' ? "string" : character === "t" || character === "f" ? "boolean" : character === "n" ? "null" : /[-\d]/.test(character) ? "number" : null;
    if (type === null) return this.#fail("is not JSON");
    const parent = this.#frames.at(-1);
    let step = "$";
    if (parent?.type === "array") {
      step = `[${parent.count}]`;
      parent.count++;
      this.#filter(parent, (schema) => allowsCount(schema, "Items", parent.count, false), "has too many items");
      if (this.#problem !== null) return;
    } else if (parent !== undefined) step = `.${parent.name}`;
    if (this.#frames.length >= deepest) return this.#fail(`has more than ${deepest} levels`);
    const frame: Frame = { type, alternatives: this.#alternativesIn(parent), step, names: new Set(), count: 0, name: "" };
    this.#frames.push(frame);
    if (frame.alternatives?.length === 0) return this.#fail("is not allowed");
    this.#filter(frame, (schema) => allowsType(schema, type), `must not be of type ${type}`);
    if (this.#problem !== null) return;
    if (type === "object") this.#expecting = "name-or-end";
    else if (type === "array") this.#expecting = "value-or-end";
    else if (type === "string") this.#beginString(false);
    else {
      this.#token = type === "number" ? "number" : "word";
      this.#text = character;
    }
  }

  /** What the value that begins now may be, for each way in which the value around it may be valid. */
  #alternativesIn(parent: Frame | undefined): Alternatives {
    if (parent === undefined) return this.#reader.read(this.#root)?.map((schemas) => ({ schemas, parent: 0 })) ?? null;
    if (parent.alternatives === null) return null;
    const found: Alternative[] = [];
    for (const [index, { schemas }] of parent.alternatives.entries()) {
      let ways: readonly (readonly Schema[])[] = [[]];
      for (const schema of schemas) {
        const inner = parent.type === "array" ? schemaOfItem(schema, parent.count - 1) : schemaOfProperty(schema, parent.name);
        const more = inner === undefined ? null : this.#reader.read(inner);
        if (more === null) continue;
        if (ways.length * more.length > 64) return null;
        ways = ways.flatMap((way) => more.map((other) => [...way, ...other]));
      }
      for (const way of ways) found.push({ schemas: way, parent: index });
      if (found.length > 64) return null;
    }
    return found;
  }

  #beginString(isName: boolean): void {
    this.#token = "string";
    this.#isName = isName;
    this.#text = "";
    this.#length = 0;
    this.#escape = null;
    this.#high = false;
  }

  #takeInString(character: string): void {
    if (this.#escape !== null) {
      this.#escape += character;
      const { length } = this.#escape;
      if (this.#escape[0] === "u") {
        if (length > 1 && !/[0-9a-fA-F]/.test(character)) return this.#fail("is not JSON");
        if (length === 5) this.#append(String.fromCharCode(Number.parseInt(this.#escape.slice(1), 16)));
        if (length === 5) this.#escape = null;
        return;
      }
      const meaning = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" }[character];
      if (meaning === undefined) return this.#fail("is not JSON");
      this.#escape = null;
      return this.#append(meaning);
    }
    if (character === "\\") this.#escape = "";
    else if (character === '"') this.#endString();
    else if (character < " ") this.#fail("is not JSON");
    else this.#append(character);
  }

  #append(unit: string): void {
    // Length is counted in code points, as JSON Schema has it.
    const code = unit.charCodeAt(0);
    if (!(this.#high && code >= 0xdc00 && code <= 0xdfff)) this.#length++;
    this.#high = code >= 0xd800 && code <= 0xdbff;
    if (this.#text.length < mostKept) this.#text += unit;
    const frame = this.#frames.at(-1);
    if (this.#isName || frame === undefined || this.#text.length >= mostKept) return;
    this.#filter(frame, (schema) => allowsString(schema, this.#text, this.#length, false), "is none of the values that are allowed, or too long");
  }

  #endString(): void {
    this.#token = null;
    const frame = this.#frames.at(-1);
    if (frame === undefined) return;
    if (!this.#isName) {
      if (this.#text.length < mostKept) this.#filter(frame, (schema) => allowsString(schema, this.#text, this.#length, true), "is none of the values that are allowed, or too short");
      return this.#endValue();
    }
    frame.name = this.#text;
    frame.names.add(this.#text);
    this.#filter(frame, (schema) => schemaOfProperty(schema, frame.name) !== false && allowsCount(schema, "Properties", frame.names.size, false), `has the property ${JSON.stringify(frame.name.slice(0, 100))}, which is not allowed`);
    this.#expecting = "colon";
  }

  #endNumber(): void {
    this.#token = null;
    if (!numberForm.test(this.#text)) return this.#fail("is not JSON");
    const frame = this.#frames.at(-1);
    const value = Number(this.#text);
    if (frame !== undefined) this.#filter(frame, (schema) => allowsNumber(schema, value), "is none of the numbers that are allowed");
    this.#endValue();
  }

  #takeInWord(character: string): void {
    this.#text += character;
    const word = this.#text[0] === "t" ? "true" : this.#text[0] === "f" ? "false" : "null";
    if (!word.startsWith(this.#text)) return this.#fail("is not JSON");
    if (word !== this.#text) return;
    this.#token = null;
    const frame = this.#frames.at(-1);
    if (frame !== undefined) this.#filter(frame, (schema) => allowsConstant(schema, word === "null" ? null : word === "true"), "is none of the values that are allowed");
    this.#endValue();
  }

  #close(character: string): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined || character !== (frame.type === "object" ? "}" : "]")) return this.#fail("is not JSON");
    if (frame.type === "object") {
      let missing = "";
      this.#filter(frame, (schema) => {
        const [first] = missingProperties(schema, frame.names);
        if (first !== undefined) missing = first;
        return first === undefined;
      }, () => `lacks the property ${JSON.stringify(missing)}`);
      this.#filter(frame, (schema) => allowsCount(schema, "Properties", frame.names.size, true), "has too few properties");
    } else this.#filter(frame, (schema) => allowsCount(schema, "Items", frame.count, true), "has too few items");
    this.#endValue();
  }

  /** What the value turned out to be decides in which ways the value around it can still be valid. */
  #endValue(): void {
    if (this.#problem !== null) return;
    const frame = this.#frames.pop();
    const parent = this.#frames.at(-1);
    if (parent === undefined) {
      this.#expecting = "nothing";
      return;
    }
    this.#expecting = "comma-or-end";
    if (frame === undefined || frame.alternatives === null || parent.alternatives === null) return;
    const living = new Set(frame.alternatives.map(({ parent: index }) => index));
    if (living.size < parent.alternatives.length) parent.alternatives = parent.alternatives.filter((_, index) => living.has(index));
  }

  /** Keeps the alternatives all of whose schemas allow it; none left is the problem. */
  #filter(frame: Frame, allows: (schema: Schema) => boolean, message: string | (() => string)): void {
    if (this.#problem !== null || frame.alternatives === null) return;
    let isLess = false;
    for (const { schemas } of frame.alternatives) if (!schemas.every(allows)) isLess = true;
    if (!isLess) return;
    frame.alternatives = frame.alternatives.filter(({ schemas }) => schemas.every(allows));
    if (frame.alternatives.length === 0) this.#fail(typeof message === "string" ? message : message());
  }

  #fail(message: string): void {
    this.#problem ??= { path: this.#frames.map(({ step }) => step).join("") || "$", message };
  }
}
