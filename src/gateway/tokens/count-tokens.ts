import { estimateTokens } from "./estimate-tokens.ts";
import type { CountPiece } from "./token-encoding.ts";

export interface TokenCount {
  tokens: number;
  /** False where a run was cut, or a part was estimated. */
  exact: boolean;
}

/** A word of more characters is counted in parts: the merge of byte pairs takes the square of a word's length. */
const longestRun = 64;
/** Pieces are cut where the vocabulary cuts too, so their size changes no count. */
const pieceSize = 4096;
/** Squares of the bytes of runs that one text may cost, about half a second of a thread. What is left then is estimated. */
const mostWork = 40_000_000;

/**
 * Tokens of one text, in time linear to it: exact for writing and code; runs of more than 64 characters of one kind are counted in parts (off by less than a token for each), and what would cost more than
 * half a second is estimated in the proportion that the counted part had to its own estimate.
 */
export function countTokens(text: string, countPiece: CountPiece, workLimit = mostWork): TokenCount {
  let tokens = 0;
  let exact = true;
  let work = 0;
  let start = 0;
  let runStart = 0;
  let previous = -1;
  let wide = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const kind = kindOf(code);
    if (kind !== previous && !(previous === capital && kind === small)) {
      work += squareOf(at - runStart, wide);
      // Between a word and a space every vocabulary cuts.
      if (at - start >= pieceSize && code === 0x20 && previous <= number) {
        tokens += countPiece(text.slice(start, at));
        start = at;
        if (work > workLimit) return extrapolate(text, start, tokens);
      }
      runStart = at;
      wide = false;
    } else if (at - runStart >= longestRun && !isLowSurrogate(code)) {
      tokens += countPiece(text.slice(start, at));
      exact = false;
      work += squareOf(at - runStart, wide);
      start = at;
      runStart = at;
      if (work > workLimit) return extrapolate(text, start, tokens);
    }
    if (code > 127) wide = true;
    previous = kind;
  }
  if (start < text.length) tokens += countPiece(text.slice(start));
  return { tokens, exact };
}

function extrapolate(text: string, counted: number, tokens: number): TokenCount {
  const ratio = tokens / Math.max(1, estimateTokens(text.slice(0, counted)));
  return { tokens: Math.ceil(tokens + estimateTokens(text.slice(counted)) * ratio), exact: false };
}

const small = 0;
const capital = 1;
const number = 2;
const blank = 3;
const mark = 4;

/** Coarser than the vocabularies' own classes: a run here is at least as long as theirs. */
function kindOf(code: number): number {
  if (code >= 128) return (code >= 0x2000 && code < 0x2070) || (code >= 0x3000 && code < 0x3040) || (code >= 0xff00 && code < 0xff10) ? mark : small;
  if (code >= 0x61 && code <= 0x7a) return small;
  if (code >= 0x41 && code <= 0x5a) return capital;
  if (code >= 0x30 && code <= 0x39) return number;
  return code === 0x20 || (code >= 0x09 && code <= 0x0d) ? blank : mark;
}

function squareOf(length: number, wide: boolean): number {
  const bytes = wide ? length * 3 : length;
  return bytes * bytes + 20;
}

function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff;
}
