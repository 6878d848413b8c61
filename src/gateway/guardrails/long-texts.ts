import { setImmediate as nextTurn } from "node:timers/promises";
import { bareText } from "./bare-text.ts";
import { findPersonalData, type PersonalData, type PersonalDataType } from "./find-personal-data.ts";
import { foldInSteps, type FoldedText } from "./fold-text.ts";
import type { LinearPattern } from "./linear-pattern.ts";
import { PatternReading } from "./pattern-reading.ts";

/** Characters that are read at once: some 5 ms of the slowest texts. */
export const charactersAtOnce = 4096;
/** Milliseconds after which others have their turn. */
const longestTurnMs = 8;

/** Work in steps, with a turn for everything else that the process does after each few milliseconds. Throws what the work throws. */
export async function inTurns<Result>(steps: Generator<undefined, Result>, monotonic: () => number): Promise<Result> {
  let since = monotonic();
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    if (monotonic() - since < longestTurnMs) continue;
    await nextTurn();
    since = monotonic();
  }
}

/** All of the work at once. */
export function atOnce<Result>(steps: Generator<undefined, Result>): Result {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** Personal data in a text, with places in its folded form; nothing before `from` is looked for. */
export function* personalDataInSteps(text: string, types: ReadonlySet<PersonalDataType>, from = 0): Generator<undefined, { folded: FoldedText; found: PersonalData[] }> {
  const folded = yield* foldInSteps(text, charactersAtOnce);
  const found: PersonalData[] = [];
  for (let at = from; at < folded.text.length; ) {
    const until = Math.min(folded.text.length, at + charactersAtOnce);
    for (const data of findPersonalData(folded.text, types, at, until)) found.push(data);
    at = Math.max(until, found.at(-1)?.end ?? 0);
    yield;
  }
  return { folded, found };
}

/** How many of the patterns refuse a text. */
export function* refusalsInSteps(text: string, patterns: readonly LinearPattern[]): Generator<undefined, number> {
  const folded = (yield* foldInSteps(text, charactersAtOnce)).text;
  const pieces: { written: string; bare: string }[] = [];
  for (let at = 0; at < folded.length; ) {
    let until = at + charactersAtOnce;
    // Both halves of a pair of surrogates are one character to a pattern.
    const last = folded.charCodeAt(until - 1);
    if (last >= 0xd800 && last <= 0xdbff) until++;
    const written = folded.slice(at, until);
    pieces.push({ written, bare: bareText(written) });
    at = until;
    yield;
  }
  let count = 0;
  for (const pattern of patterns) {
    const run = new PatternReading(pattern);
    let isRefused = false;
    for (const { written, bare } of pieces) {
      isRefused = run.push(written, bare);
      yield;
      if (isRefused) break;
    }
    if (isRefused || run.end()) count++;
  }
  return count;
}
