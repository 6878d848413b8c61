import { findPersonalData, isPersonalDataCharacter, isDigit, longestNumber, type PersonalDataType } from "./find-personal-data.ts";
import { endIn, foldText } from "./fold-text.ts";
import type { Guard } from "./guard.ts";
import { PatternReading } from "./pattern-reading.ts";

/** Characters that are held at most for personal data; the longest email address has 320. */
const mostHeld = 600;
const keptWhenForced = 330;

export interface FreedText {
  /** What can be given: no match begins in it and ends behind it. */
  text: string;
  /** The two characters before it as they are seen, as far as there are any. */
  before: string;
  /** What is held still. */
  after: string;
  /** Findings of guards that block. */
  matched: ReadonlyMap<Guard, number>;
}

/** One text in pieces: gives back each piece as soon as no match can reach over its end. */
export class HeldText {
  readonly #runs: { guard: Guard; run: PatternReading }[] = [];
  readonly #blocking: { guard: Guard; types: ReadonlySet<PersonalDataType> }[] = [];
  readonly #types = new Set<PersonalDataType>();
  #before = "";
  #held = "";
  /** The first half of a pair of surrogates whose second half has not come. */
  #half = "";

  constructor(guards: readonly Guard[]) {
    for (const guard of guards) {
      if (guard.kind === "patterns") for (const pattern of guard.patterns) this.#runs.push({ guard, run: new PatternReading(pattern) });
      if (guard.kind !== "pii") continue;
      if (guard.action === "block") this.#blocking.push({ guard, types: guard.types });
      for (const type of guard.types) this.#types.add(type);
    }
  }

  push(piece: string): FreedText {
    let added = this.#half + piece;
    this.#half = "";
    const last = added.charCodeAt(added.length - 1);
    if (last >= 0xd800 && last <= 0xdbff) {
      this.#half = added.slice(-1);
      added = added.slice(0, -1);
    }
    return this.#free(added, false);
  }

  end(): FreedText {
    const added = this.#half;
    this.#half = "";
    return this.#free(added, true);
  }

  #free(added: string, isEnd: boolean): FreedText {
    const matched = new Map<Guard, number>();
    const find = (guard: Guard, count: number): void => void (count > 0 && matched.set(guard, (matched.get(guard) ?? 0) + count));
    if (this.#runs.length > 0) {
      const piece = foldText(added).text;
      for (const { guard, run } of this.#runs) find(guard, run.push(piece) || (isEnd && run.end()) ? 1 : 0);
    }
    this.#held += added;
    const folded = foldText(this.#before + this.#held);
    const from = this.#before.length;
    let end = folded.text.length;
    if (!isEnd) {
      if (this.#types.size > 0) end = this.#endForPersonalData(folded.text, from);
      for (const { run } of this.#runs) if (!run.isResting) end = Math.min(end, Math.max(from, folded.text.length - run.longest));
    }
    const place = Math.max(this.#before.length, isEnd ? this.#before.length + this.#held.length : endIn(folded, end));
    const text = this.#held.slice(0, place - this.#before.length);
    for (const { guard, types } of this.#blocking) find(guard, findPersonalData(folded.text, types, from).filter(({ start }) => start < end).length);
    this.#held = this.#held.slice(text.length);
    const freed = { text, before: this.#before, after: this.#held, matched };
    if (text !== "") this.#before = folded.text.slice(Math.max(0, end - 2), end);
    return freed;
  }

  /** Up to where no number or address can reach over. Every match of several words has a digit in its first; an email address is one word. */
  #endForPersonalData(text: string, from: number): number {
    let hard = text.length;
    while (hard > from && text.length - hard < mostHeld) {
      const code = text.charCodeAt(hard - 1);
      if (code !== 0x20 && !isPersonalDataCharacter(code)) break;
      hard--;
    }
    let end = text.length;
    while (end > hard && isPersonalDataCharacter(text.charCodeAt(end - 1))) end--;
    for (let at = end - 1; at >= hard && text.length - at <= longestNumber + 2; at--) {
      if (!isDigit(text.charCodeAt(at))) continue;
      while (at > hard && isPersonalDataCharacter(text.charCodeAt(at - 1))) at--;
      end = at;
    }
    if (text.length - end > mostHeld - 1) end = text.length - keptWhenForced;
    end = Math.max(from, end);
    for (const match of findPersonalData(text, this.#types, from)) if (match.start < end && match.end > end) return match.start;
    return end;
  }
}
