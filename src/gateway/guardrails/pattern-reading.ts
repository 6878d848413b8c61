import { bareText } from "./bare-text.ts";
import type { LinearPattern, PatternRun } from "./linear-pattern.ts";

/** Characters that are held at most for a pattern: one with longer matches may show their beginning. */
const mostHeld = 256;

/** One pattern over one folded text, in as many pieces as it comes in: as it is written, and from the first character on that looks like another one, as it looks. */
export class PatternReading {
  readonly #pattern: LinearPattern;
  readonly #written: PatternRun;
  #bare: PatternRun | null = null;

  constructor(pattern: LinearPattern) {
    this.#pattern = pattern;
    this.#written = pattern.begin();
  }

  /** Whether the text is refused: a match is in it, or it takes too much work to tell. */
  push(folded: string, bare = bareText(folded)): boolean {
    if (bare !== folded) this.#bare ??= this.#written.copy();
    const isRefused = this.#written.push(folded) || this.#written.isExhausted;
    return this.#bare === null ? isRefused : this.#bare.push(bare) || this.#bare.isExhausted || isRefused;
  }

  end(): boolean {
    return this.#written.end() || this.#bare?.end() === true;
  }

  /** Whether no match has begun. */
  get isResting(): boolean {
    return this.#written.isResting && this.#bare?.isResting !== false;
  }

  /** Characters in which a match may stand; marks on letters make it longer than the pattern says. */
  get longest(): number {
    return this.#bare === null ? Math.min(this.#pattern.longestMatch, mostHeld) : mostHeld;
  }
}

/** Whether a pattern refuses a folded text. */
export function refusesText(pattern: LinearPattern, folded: string): boolean {
  const reading = new PatternReading(pattern);
  return reading.push(folded) || reading.end();
}
