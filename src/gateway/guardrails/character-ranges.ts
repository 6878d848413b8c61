/** Code points as ranges, ends included, in order and apart from each other. */
export type Ranges = readonly (readonly [number, number])[];

const last = 0x10ffff;

export function union(one: Ranges, other: Ranges): Ranges {
  const sorted = [...one, ...other].sort(([a], [b]) => a - b);
  const merged: [number, number][] = [];
  for (const [from, to] of sorted) {
    const before = merged.at(-1);
    if (before !== undefined && from <= before[1] + 1) before[1] = Math.max(before[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

export function negated(ranges: Ranges): Ranges {
  const rest: [number, number][] = [];
  let next = 0;
  for (const [from, to] of ranges) {
    if (from > next) rest.push([next, from - 1]);
    next = to + 1;
  }
  if (next <= last) rest.push([next, last]);
  return rest;
}

const decimals: Ranges = [[0x30, 0x39]];
const wordCharacters: Ranges = [[0x30, 0x39], [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]];
const blanks: Ranges = [[9, 13], [32, 32], [0xa0, 0xa0], [0x1680, 0x1680], [0x2000, 0x200a], [0x2028, 0x2029], [0x202f, 0x202f], [0x205f, 0x205f], [0x3000, 0x3000], [0xfeff, 0xfeff]];
const known = new Map<string, Ranges>([["\\d", decimals], ["\\D", negated(decimals)], ["\\w", wordCharacters], ["\\W", negated(wordCharacters)], ["\\s", blanks], ["\\S", negated(blanks)]]);
/** All of Unicode's scalar values, by which a property is read; made once, when the first pattern has one: that takes a quarter of a second, where settings are made. */
let everything: string | null = null;

/** Members of a class of the language itself, such as `\d` or `\p{Lu}`. Throws SyntaxError for one that it does not know. */
export function classRanges(source: string): Ranges {
  const found = known.get(source);
  if (found !== undefined) return found;
  const expression = new RegExp(`${source}+`, "gu");
  everything ??= Array.from({ length: 0x110 }, (_, block) => {
    const codes = Array.from({ length: 0x1000 }, (__, offset) => block * 0x1000 + offset).filter((code) => code < 0xd800 || code > 0xdfff);
    return String.fromCodePoint(...codes);
  }).join("");
  const parts: [number, number][] = [];
  for (const { 0: run } of everything.matchAll(expression)) {
    const first = run.codePointAt(0) ?? 0;
    const lastUnit = run.charCodeAt(run.length - 1);
    parts.push([first, run.codePointAt(run.length - (lastUnit >= 0xdc00 && lastUnit <= 0xdfff ? 2 : 1)) ?? 0]);
  }
  const ranges = union(parts, []);
  known.set(source, ranges);
  return ranges;
}

/** Where Unicode 16 has letters of two cases. */
const blocksWithCases: Ranges = [
  [0x40, 0x2bf], [0x340, 0x5bf], [0x1080, 0x10ff], [0x1380, 0x13ff], [0x1c80, 0x1cbf], [0x1d40, 0x1dbf], [0x1e00, 0x1fff],
  [0x2100, 0x21bf], [0x2480, 0x24ff], [0x2c00, 0x2d3f], [0xa640, 0xa6bf], [0xa700, 0xa7ff], [0xab40, 0xabbf], [0xff00, 0xff7f],
  [0x10400, 0x104ff], [0x10540, 0x105bf], [0x10c80, 0x10cff], [0x10d40, 0x10dbf], [0x11880, 0x118ff], [0x16e40, 0x16eff], [0x1e900, 0x1e97f],
];
/** Letters by those that differ from them in case alone, both ways; read once. */
let cases: Map<number, number[]> | null = null;

function readCases(): Map<number, number[]> {
  const found = new Map<number, number[]>();
  const add = (code: number, other: number): void => void found.set(code, [...(found.get(code) ?? []), other]);
  for (const [from, to] of blocksWithCases) {
    for (let code = from; code <= to; code++) {
      const character = String.fromCodePoint(code);
      for (const other of [character.toLowerCase(), character.toUpperCase()]) {
        if (other === character || other.length !== character.length) continue;
        add(code, other.codePointAt(0) ?? code);
        add(other.codePointAt(0) ?? code, code);
      }
    }
  }
  return found;
}

/** The ranges with the other case of every letter in them. */
export function caseVariants(ranges: Ranges): Ranges {
  cases ??= readCases();
  const added: [number, number][] = [];
  const size = ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0);
  if (size <= 256) {
    for (const [from, to] of ranges) for (let code = from; code <= to; code++) for (const other of cases.get(code) ?? []) added.push([other, other]);
  } else for (const [code, others] of cases) if (includes(ranges, code)) for (const other of others) added.push([other, other]);
  return added.length === 0 ? ranges : union(ranges, added);
}

/** By halving: ranges of a Unicode class are several hundred. */
export function includes(ranges: Ranges, code: number): boolean {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const [from, to] = ranges[middle] as readonly [number, number];
    if (code < from) high = middle - 1;
    else if (code > to) low = middle + 1;
    else return true;
  }
  return false;
}
