import { caseVariants, classRanges, negated, type Ranges, union } from "./character-ranges.ts";

/** A regular expression as a tree. */
export type PatternNode =
  | { type: "set"; ranges: Ranges }
  | { type: "sequence"; items: readonly PatternNode[] }
  | { type: "choice"; items: readonly PatternNode[] }
  | { type: "repeat"; item: PatternNode; least: number; most: number }
  | { type: "start" }
  | { type: "end" }
  | { type: "boundary"; isOne: boolean };

/** What a pattern has that this engine does not: the message is for the one who wrote it. */
export class PatternError extends Error {}

const deepest = 50;
const mostRepeats = 1000;
const lineEnds: Ranges = [[10, 10], [13, 13], [0x2028, 0x2029]];

/**
 * Reads a regular expression in JavaScript's syntax, case-insensitive as a whole. Groups of all kinds count as plain groups; lazy marks change nothing where only "does it match" is asked. Throws PatternError for what
 * cannot be matched in linear time (back-references, looking ahead and behind) and for what is malformed.
 */
export function parsePattern(source: string): PatternNode {
  const characters = Array.from(source, (character) => character.codePointAt(0) ?? 0);
  let at = 0;
  const peek = (offset = 0): string => (at + offset < characters.length ? String.fromCodePoint(characters[at + offset] ?? 0) : "");
  const fail = (problem: string): never => {
    throw new PatternError(`${problem} at character ${at + 1}`);
  };

  function choice(depth: number): PatternNode {
    if (depth > deepest) fail(`more than ${deepest} groups in each other`);
    const items = [sequence(depth)];
    while (peek() === "|") {
      at++;
      items.push(sequence(depth));
    }
    return items.length === 1 ? (items[0] as PatternNode) : { type: "choice", items };
  }

  function sequence(depth: number): PatternNode {
    const items: PatternNode[] = [];
    while (at < characters.length && peek() !== "|" && peek() !== ")") items.push(repeated(atom(depth)));
    return items.length === 1 ? (items[0] as PatternNode) : { type: "sequence", items };
  }

  function repeated(item: PatternNode): PatternNode {
    const bounds = quantifier();
    if (bounds === null) return item;
    if (peek() === "?") at++;
    if (quantifier() !== null) fail("nothing to repeat");
    return { type: "repeat", item, ...bounds };
  }

  function quantifier(): { least: number; most: number } | null {
    switch (peek()) {
      case "*":
        at++;
        return { least: 0, most: Infinity };
      case "+":
        at++;
        return { least: 1, most: Infinity };
      case "?":
        at++;
        return { least: 0, most: 1 };
      case "{": {
        const [text, least, comma, most] = /^\{(\d{1,9})(,?)(\d{0,9})\}/.exec(String.fromCodePoint(...characters.slice(at, at + 24))) ?? [];
        // A brace that counts nothing is a brace.
        if (text === undefined || least === undefined || (comma === "" && most !== "")) return null;
        at += text.length;
        const bounds = { least: Number(least), most: comma === "" ? Number(least) : most === "" ? Infinity : Number(most) };
        if (bounds.least > mostRepeats || (bounds.most !== Infinity && bounds.most > mostRepeats)) fail(`more than ${mostRepeats} repetitions`);
        if (bounds.most < bounds.least) fail("a repetition that ends before it begins");
        return bounds;
      }
      default:
        return null;
    }
  }

  function atom(depth: number): PatternNode {
    const character = peek();
    switch (character) {
      case "(":
        return group(depth);
      case "[":
        return { type: "set", ranges: set() };
      case ".":
        at++;
        return { type: "set", ranges: negated(lineEnds) };
      case "^":
        at++;
        return { type: "start" };
      case "$":
        at++;
        return { type: "end" };
      case "*":
      case "+":
      case "?":
        return fail("nothing to repeat");
      case "\\":
        if (peek(1) === "b" || peek(1) === "B") {
          at += 2;
          return { type: "boundary", isOne: characters[at - 1] === 0x62 };
        }
        if (/[1-9]/.test(peek(1)) || peek(1) === "k") fail("back-references are not supported");
        return { type: "set", ranges: caseVariants(escape()) };
      default: {
        const code = characters[at++] ?? 0;
        return { type: "set", ranges: caseVariants([[code, code]]) };
      }
    }
  }

  function group(depth: number): PatternNode {
    at++;
    if (peek() === "?") {
      if (peek(1) === "=" || peek(1) === "!" || (peek(1) === "<" && (peek(2) === "=" || peek(2) === "!"))) fail("looking ahead and behind is not supported");
      at++;
      if (peek() === ":") at++;
      else if (peek() === "<") {
        while (at < characters.length && peek() !== ">") at++;
        at++;
      } else fail("an unknown kind of group");
    }
    const inner = choice(depth + 1);
    if (peek() !== ")") fail("a group that is not closed");
    at++;
    return inner;
  }

  function set(): Ranges {
    at++;
    const isNegated = peek() === "^";
    if (isNegated) at++;
    let ranges: Ranges = [];
    while (peek() !== "]") {
      if (at >= characters.length) fail("a set that is not closed");
      const first = member();
      if (peek() === "-" && peek(1) !== "]" && peek(1) !== "" && isOne(first)) {
        const dash = at++;
        const last = member();
        if (!isOne(last)) {
          ranges = union(union(ranges, first), union(last, [[0x2d, 0x2d]]));
          continue;
        }
        const [from, to] = [first[0]?.[0] ?? 0, last[0]?.[0] ?? 0];
        if (to < from) {
          at = dash;
          fail("a range that ends before it begins");
        }
        ranges = union(ranges, [[from, to]]);
      } else ranges = union(ranges, first);
    }
    at++;
    const all = caseVariants(ranges);
    return isNegated ? negated(all) : all;
  }

  function member(): Ranges {
    if (peek() === "\\") {
      if (peek(1) === "b") {
        at += 2;
        return [[8, 8]];
      }
      return escape();
    }
    const code = characters[at++] ?? 0;
    return [[code, code]];
  }

  /** What stands for one character or a class of them. */
  function escape(): Ranges {
    at++;
    const letter = peek();
    if (letter === "") fail("a backslash at the end");
    at++;
    switch (letter) {
      case "d": case "D": case "w": case "W": case "s": case "S":
        return classRanges(`\\${letter}`);
      case "p": case "P": {
        const [text] = /^\{[A-Za-z_=]{1,60}\}/.exec(String.fromCodePoint(...characters.slice(at, at + 62))) ?? [];
        if (text === undefined) return fail("a property without a name");
        at += text.length;
        try {
          return classRanges(`\\${letter}${text}`);
        } catch {
          return fail("an unknown property");
        }
      }
      case "n": return one(10);
      case "r": return one(13);
      case "t": return one(9);
      case "v": return one(11);
      case "f": return one(12);
      case "0": return one(0);
      case "c": {
        const code = characters[at++] ?? 0;
        return one(code % 32);
      }
      case "x": return one(hex(2));
      case "u": {
        if (peek() !== "{") {
          const high = hex(4);
          if (high < 0xd800 || high > 0xdbff || peek() !== "\\" || peek(1) !== "u") return one(high);
          at += 2;
          return one(0x10000 + ((high - 0xd800) << 10) + (hex(4) - 0xdc00));
        }
        const [text, digits] = /^\{([0-9a-fA-F]{1,6})\}/.exec(String.fromCodePoint(...characters.slice(at, at + 8))) ?? [];
        if (text === undefined || digits === undefined || Number.parseInt(digits, 16) > 0x10ffff) return fail("a code that is none");
        at += text.length;
        return one(Number.parseInt(digits, 16));
      }
      default:
        if (/[A-Za-z0-9]/.test(letter)) fail(`an unknown escape \\${letter}`);
        return one(letter.codePointAt(0) ?? 0);
    }
  }

  function hex(length: number): number {
    const digits = String.fromCodePoint(...characters.slice(at, at + length));
    if (digits.length !== length || !/^[0-9a-fA-F]+$/.test(digits)) fail("a code that is none");
    at += length;
    return Number.parseInt(digits, 16);
  }

  const tree = choice(0);
  if (at < characters.length) fail("a bracket that closes nothing");
  return tree;
}

function one(code: number): Ranges {
  return [[code, code]];
}

function isOne(ranges: Ranges): boolean {
  return ranges.length === 1 && ranges[0]?.[0] === ranges[0]?.[1];
}
