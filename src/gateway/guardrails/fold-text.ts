import { classRanges } from "./character-ranges.ts";

/** A text as a reader sees it, for comparison only: characters without width are gone, digits and Latin letters of all widths are ASCII, spaces and dashes of all kinds are one. */
export interface FoldedText {
  text: string;
  /** Where a character of the folded text stands in the original, and at the end the original's length. Null where nothing was folded. */
  places: Uint32Array | null;
  original: string;
}

const beyondAscii = /[^\0-\x7f]/;

/** Decimal digits of all scripts by their value; read once. */
let digits: Map<number, string> | null = null;

/** Linear, and free for ASCII. */
export function foldText(text: string): FoldedText {
  if (!beyondAscii.test(text)) return { text, places: null, original: text };
  const places = new Uint32Array(text.length + 1);
  let folded = "";
  for (let at = 0; at < text.length; at++) {
    const code = text.codePointAt(at) ?? 0;
    const width = code > 0xffff ? 2 : 1;
    const character = code < 128 ? text.charAt(at) : foldCharacter(code, text, at, width);
    for (let unit = 0; unit < character.length; unit++) places[folded.length + unit] = at + Math.min(unit, width - 1);
    folded += character;
    at += width - 1;
  }
  places[folded.length] = text.length;
  return { text: folded, places: places.subarray(0, folded.length + 1), original: text };
}

/** Where a place of the folded text is in the original. */
export function placeIn(folded: FoldedText, at: number): number {
  return folded.places === null ? at : (folded.places[at] ?? 0);
}

/** Where in the original a part of the folded text ends: behind its last character, so that what has no width after it stays outside. */
export function endIn(folded: FoldedText, end: number): number {
  if (end === 0 || folded.places === null) return end;
  const last = folded.places[end - 1] ?? 0;
  const unit = folded.original.charCodeAt(last);
  return last + (unit >= 0xd800 && unit <= 0xdbff ? 2 : 1);
}

function foldCharacter(code: number, text: string, at: number, width: number): string {
  if (isInvisible(code)) return "";
  if (code >= 0xff01 && code <= 0xff5e) return String.fromCharCode(code - 0xfee0);
  if (code === 0xa0 || (code >= 0x2000 && code <= 0x200a) || code === 0x202f || code === 0x205f || code === 0x3000) return " ";
  if ((code >= 0x2010 && code <= 0x2015) || code === 0x2212 || code === 0xfe63) return "-";
  digits ??= readDigits();
  return digits.get(code) ?? text.slice(at, at + width);
}

/** Soft hyphens, joiners, marks of direction, variation selectors and tags. */
function isInvisible(code: number): boolean {
  return code === 0xad || code === 0x34f || code === 0x61c || code === 0x180e || (code >= 0x200b && code <= 0x200f) || (code >= 0x202a && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) || (code >= 0xfe00 && code <= 0xfe0f) || code === 0xfeff || (code >= 0xe0000 && code <= 0xe007f);
}

/** Unicode keeps the ten digits of a script together, from 0 on. */
function readDigits(): Map<number, string> {
  const found = new Map<number, string>();
  for (const [from, to] of classRanges("\\p{Nd}")) for (let code = from; code <= to; code++) found.set(code, String((code - from) % 10));
  return found;
}
