/** A text as a reader sees it, for comparison only: characters without width are gone, digits and Latin letters of all widths are ASCII, spaces and dashes of all kinds are one. */
export interface FoldedText {
  text: string;
  /** Where a character of the folded text stands in the original, and at the end the original's length. Null where nothing was folded. */
  places: Uint32Array | null;
  original: string;
}

const beyondAscii = /[^\0-\x7f]/;

/** The zeros of all scripts (general category Nd, Unicode 16); the other nine digits follow each. Written down, because to search all of Unicode takes a quarter of a second. */
const zeros = [
  0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810,
  0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x10d40, 0x11066,
  0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x116d0, 0x116da, 0x11730, 0x118e0, 0x11950, 0x11bf0, 0x11c50, 0x11d50, 0x11da0, 0x11de0, 0x11f50, 0x16130,
  0x16a60, 0x16ac0, 0x16b50, 0x16d70, 0x1ccf0, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e4f0, 0x1e5f1, 0x1e950, 0x1fbf0,
];
/** By code point: the ASCII digit that it is, else 0. */
const digits = new Uint8Array(0x1fc00);
for (const zero of zeros) for (let value = 0; value < 10; value++) digits[zero + value] = 0x30 + value;

/** Linear, and free for ASCII. */
export function foldText(text: string): FoldedText {
  return foldInSteps(text, text.length).next().value as FoldedText;
}

/** The same, with a pause after each so many characters. */
export function* foldInSteps(text: string, step: number): Generator<undefined, FoldedText> {
  if (!beyondAscii.test(text)) return { text, places: null, original: text };
  const places = new Uint32Array(text.length + 1);
  const folded: string[] = [];
  let length = 0;
  /** Where what stays as it is begins. */
  let kept = 0;
  for (let at = 0, stop = step; at < text.length; at++) {
    if (at >= stop) {
      yield;
      stop = at + step;
    }
    let code = text.charCodeAt(at);
    if (code < 128) {
      places[length++] = at;
      continue;
    }
    code = text.codePointAt(at)!;
    const replacement = replacementOf(code);
    const first = at;
    if (code > 0xffff) at++;
    if (replacement === null) {
      for (let unit = first; unit <= at; unit++) places[length++] = unit;
      continue;
    }
    folded.push(text.slice(kept, first), replacement);
    if (replacement !== "") places[length++] = first;
    kept = at + 1;
  }
  places[length] = text.length;
  folded.push(text.slice(kept));
  return { text: folded.join(""), places: places.subarray(0, length + 1), original: text };
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

/** At most one character; null where it stays as it is. */
function replacementOf(code: number): string | null {
  // Most of what is written in other scripts: CJK, Hangul.
  if (code >= 0x3001 && code < 0xa620) return null;
  if (isInvisible(code)) return "";
  if (code >= 0xff01 && code <= 0xff5e) return String.fromCharCode(code - 0xfee0);
  if (code === 0xa0 || (code >= 0x2000 && code <= 0x200a) || code === 0x202f || code === 0x205f || code === 0x3000) return " ";
  if ((code >= 0x2010 && code <= 0x2015) || code === 0x2212 || code === 0xfe63) return "-";
  const digit = digits[code] ?? 0;
  return digit === 0 ? null : String.fromCharCode(digit);
}

/** Soft hyphens, joiners, marks of direction, variation selectors and tags. */
function isInvisible(code: number): boolean {
  return code === 0xad || code === 0x34f || code === 0x61c || code === 0x180e || (code >= 0x200b && code <= 0x200f) || (code >= 0x202a && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) || (code >= 0xfe00 && code <= 0xfe0f) || code === 0xfeff || (code >= 0xe0000 && code <= 0xe007f);
}
