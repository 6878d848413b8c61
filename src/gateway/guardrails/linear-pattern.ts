import { includes, type Ranges } from "./character-ranges.ts";
import { parsePattern, PatternError, type PatternNode } from "./parse-pattern.ts";

type Instruction =
  | { does: "set"; ranges: Ranges }
  | { does: "split"; one: number; other: number }
  | { does: "jump"; to: number }
  | { does: "assert"; what: "start" | "end" | "boundary" | "no-boundary" }
  | { does: "match" };

/** What stands before the next character. */
type Before = "start" | "word" | "other";

interface State {
  /** Instructions that wait for the next character, in order. */
  waiting: readonly number[];
  before: Before;
  /** By class of characters; null where the pattern has matched. */
  next: (State | null | undefined)[];
  matchesAtEnd: boolean | undefined;
}

const mostInstructions = 5000;
const mostStates = 500;
/** Instructions that one text may cost beyond what is remembered; some 0.1 s. */
const mostPatternWork = 2_000_000;

/**
 * A regular expression that takes time linear to the text whatever the pattern is: it goes through all ways to match at once (Thompson, "Regular expression search algorithm", CACM 1968) and remembers the sets of ways it
 * has met. Case-insensitive. Tells whether a text has a match, not where.
 */
export class LinearPattern {
  readonly #program: Instruction[] = [];
  /** First codes of the classes: characters between two of them are the same to this pattern. */
  readonly #classes: number[];
  readonly #classOfLow = new Uint16Array(256);
  readonly #states = new Map<string, State>();
  /** The longest text that a match can have, in characters; Infinity for some patterns. */
  readonly longestMatch: number;

  /** Throws PatternError for what is malformed, not supported, or larger than 5,000 steps. */
  constructor(source: string) {
    const tree = parsePattern(source);
    this.longestMatch = longestOf(tree);
    this.#emit(tree);
    this.#program.push({ does: "match" });
    const starts = new Set([0, 0x30, 0x3a, 0x41, 0x5b, 0x5f, 0x60, 0x61, 0x7b]);
    for (const instruction of this.#program) {
      if (instruction.does !== "set") continue;
      for (const [from, to] of instruction.ranges) starts.add(from).add(to + 1);
    }
    this.#classes = [...starts].sort((a, b) => a - b);
    for (let code = 0; code < 256; code++) this.#classOfLow[code] = this.#search(code);
  }

  /** Whether a guardrail refuses the text: it matches, or would take too much work to tell. */
  refuses(text: string): boolean {
    const run = this.begin();
    return run.push(text) || run.isExhausted || run.end();
  }

  begin(): PatternRun {
    return new PatternRun(this);
  }

  /** The state before the first character. */
  get first(): State {
    return this.#stateOf([0], "start");
  }

  /** The state after a character where it is known already: most are, after a few hundred characters. */
  knownStep(state: State, code: number): State | null | undefined {
    return state.next[code < 256 ? (this.#classOfLow[code] as number) : this.#search(code)];
  }

  /** The state after a character, and what it cost to find out; null where the pattern has matched before it. */
  step(state: State, code: number): { state: State | null; work: number } {
    const group = code < 256 ? (this.#classOfLow[code] ?? 0) : this.#search(code);
    const representative = this.#classes[group] ?? 0;
    const after = isWord(representative) ? "word" : "other";
    const reached = this.#closure(state, after);
    if (reached === null) return { state: (state.next[group] = null), work: state.waiting.length };
    const waiting = new Set([0]);
    for (const at of reached) {
      const instruction = this.#program[at];
      if (instruction?.does === "set" && includes(instruction.ranges, representative)) waiting.add(at + 1);
    }
    const next = this.#stateOf([...waiting].sort((a, b) => a - b), after);
    state.next[group] = next;
    return { state: next, work: reached.length + waiting.size };
  }

  matchesAtEnd(state: State): boolean {
    return (state.matchesAtEnd ??= this.#closure(state, "end") === null);
  }

  /** Instructions that can be reached without a character; null where a match is among them. */
  #closure(state: State, after: "word" | "other" | "end"): number[] | null {
    const seen = new Set<number>();
    const open = [...state.waiting];
    const isBoundary = (state.before === "word") !== (after === "word");
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (seen.has(at)) continue;
      seen.add(at);
      const instruction = this.#program[at] as Instruction;
      switch (instruction.does) {
        case "match":
          return null;
        case "jump":
          open.push(instruction.to);
          break;
        case "split":
          open.push(instruction.one, instruction.other);
          break;
        case "assert": {
          const { what } = instruction;
          if (what === "start" ? state.before === "start" : what === "end" ? after === "end" : isBoundary === (what === "boundary")) open.push(at + 1);
          break;
        }
        case "set":
      }
    }
    return [...seen];
  }

  #stateOf(waiting: readonly number[], before: Before): State {
    const key = `${before}:${waiting.join()}`;
    const found = this.#states.get(key);
    if (found !== undefined) return found;
    // States that are still in use live on with those who use them.
    if (this.#states.size >= mostStates) {
      for (const state of this.#states.values()) state.next = [];
      this.#states.clear();
    }
    const state: State = { waiting, before, next: [], matchesAtEnd: undefined };
    this.#states.set(key, state);
    return state;
  }

  #search(code: number): number {
    let low = 0;
    let high = this.#classes.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#classes[middle] ?? 0) <= code) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #add(instruction: Instruction): number {
    if (this.#program.length >= mostInstructions) throw new PatternError("the pattern is too large; repeat less");
    return this.#program.push(instruction) - 1;
  }

  #emit(node: PatternNode): void {
    switch (node.type) {
      case "set":
        this.#add({ does: "set", ranges: node.ranges });
        return;
      case "sequence":
        for (const item of node.items) this.#emit(item);
        return;
      case "start":
      case "end":
        this.#add({ does: "assert", what: node.type });
        return;
      case "boundary":
        this.#add({ does: "assert", what: node.isOne ? "boundary" : "no-boundary" });
        return;
      case "choice": {
        const jumps: number[] = [];
        for (const [index, item] of node.items.entries()) {
          const isLast = index === node.items.length - 1;
          const split = isLast ? -1 : this.#add({ does: "split", one: this.#program.length + 1, other: 0 });
          this.#emit(item);
          if (isLast) break;
          jumps.push(this.#add({ does: "jump", to: 0 }));
          this.#program[split] = { does: "split", one: split + 1, other: this.#program.length };
        }
        for (const jump of jumps) this.#program[jump] = { does: "jump", to: this.#program.length };
        return;
      }
      case "repeat": {
        for (let count = 0; count < node.least; count++) this.#emit(node.item);
        if (node.most === Infinity) {
          const split = this.#add({ does: "split", one: this.#program.length + 1, other: 0 });
          this.#emit(node.item);
          this.#add({ does: "jump", to: split });
          this.#program[split] = { does: "split", one: split + 1, other: this.#program.length };
          return;
        }
        const splits: number[] = [];
        for (let count = node.least; count < node.most; count++) {
          splits.push(this.#add({ does: "split", one: this.#program.length + 1, other: 0 }));
          this.#emit(node.item);
        }
        for (const split of splits) this.#program[split] = { does: "split", one: split + 1, other: this.#program.length };
      }
    }
  }
}

/** One text, in as many pieces as it comes in. */
class PatternRun {
  readonly #pattern: LinearPattern;
  #state: State | null;
  #work = 0;
  #high = 0;

  constructor(pattern: LinearPattern) {
    this.#pattern = pattern;
    this.#state = pattern.first;
  }

  /** The same from here on. */
  copy(): PatternRun {
    const run = new PatternRun(this.#pattern);
    [run.#state, run.#work, run.#high] = [this.#state, this.#work, this.#high];
    return run;
  }

  /** Whether more text was needed than this engine takes for one: neither a match nor none. */
  get isExhausted(): boolean {
    return this.#work > mostPatternWork;
  }

  /** Whether nothing that came so far can be a part of a match. */
  get isResting(): boolean {
    return this.#state !== null && this.#state.waiting.length === 1 && this.#high === 0;
  }

  /** Whether the pattern has matched. */
  push(text: string): boolean {
    for (let at = 0; at < text.length && this.#state !== null && !this.isExhausted; at++) {
      const unit = text.charCodeAt(at);
      if (this.#high !== 0) {
        const high = this.#high;
        this.#high = 0;
        if (unit >= 0xdc00 && unit <= 0xdfff) {
          this.#step(0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
          continue;
        }
        this.#step(high);
      }
      if (unit >= 0xd800 && unit <= 0xdbff) this.#high = unit;
      else this.#step(unit);
    }
    return this.#state === null;
  }

  end(): boolean {
    if (this.#high !== 0) this.#step(this.#high);
    this.#high = 0;
    if (this.#state !== null && this.#pattern.matchesAtEnd(this.#state)) this.#state = null;
    return this.#state === null;
  }

  #step(code: number): void {
    if (this.#state === null) return;
    const known = this.#pattern.knownStep(this.#state, code);
    if (known !== undefined) {
      this.#state = known;
      return;
    }
    const { state, work } = this.#pattern.step(this.#state, code);
    this.#state = state;
    this.#work += work;
  }
}

export type { PatternRun };

function longestOf(node: PatternNode): number {
  switch (node.type) {
    case "set":
      return 1;
    case "sequence":
      return node.items.reduce((sum, item) => sum + longestOf(item), 0);
    case "choice":
      return Math.max(...node.items.map(longestOf));
    case "repeat": {
      const one = longestOf(node.item);
      return one === 0 ? 0 : one * node.most;
    }
    default:
      return 0;
  }
}

/** As `\b` has it. */
function isWord(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || code === 0x5f || (code >= 0x61 && code <= 0x7a);
}
