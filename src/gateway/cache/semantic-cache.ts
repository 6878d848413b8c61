import type { Clock } from "../../core/clock.ts";
import type { SemanticQuestion } from "./answer-key.ts";
import { sameMeaning } from "./same-meaning.ts";

/** One vector for each text, all of one length. */
export type Embed = (texts: readonly string[]) => Promise<readonly Float32Array[]>;

export interface SemanticLook {
  /** Key under which the answer to a text of the same meaning was kept; it may be gone meanwhile. */
  key: string | null;
  /** The call was made: its answer is under this key from now on. */
  remember(key: string, ttlMs: number): void;
}

export interface SemanticCacheOptions {
  clock: Clock;
  /** Texts of one scope that are compared with; the oldest go. All are looked through. */
  entriesPerScope?: number;
  /** Of vectors and texts in all; the scopes go that were not used for the longest. */
  maxBytes?: number;
}

interface Entry {
  text: string;
  /** Of length 1. */
  vector: Float32Array;
  key: string;
  endsAt: number;
}

/**
 * Finds answers to texts that say the same in other words. Only texts of one scope (tenant, everything said before, tools, parameters) are compared, and a hit needs both: vectors nearer than the threshold (cosine)
 * and `sameMeaning`, for embeddings hardly tell "enable" from "disable". It keeps vectors and keys in this process; the answers are in the AnswerCacheStore.
 */
export class SemanticCache {
  readonly #clock: Clock;
  readonly #entriesPerScope: number;
  readonly #maxBytes: number;
  /** In the order of the last use. */
  readonly #scopes = new Map<string, Entry[]>();
  #bytes = 0;

  constructor({ clock, entriesPerScope = 500, maxBytes = 64 * 1024 * 1024 }: SemanticCacheOptions) {
    this.#clock = clock;
    this.#entriesPerScope = entriesPerScope;
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Throws what `embed` throws. */
  async find({ question: { scope, text }, threshold, embed }: { question: SemanticQuestion; threshold: number; embed: Embed }): Promise<SemanticLook> {
    const [given] = await embed([text]);
    const vector = given === undefined ? null : unit(given);
    if (vector === null) return { key: null, remember: () => undefined };
    return {
      key: this.#nearest(scope, text, vector, threshold),
      remember: (key, ttlMs) => this.#add(scope, { text, vector, key, endsAt: this.#clock.monotonic() + ttlMs }),
    };
  }

  #nearest(scope: string, text: string, vector: Float32Array, threshold: number): string | null {
    const entries = this.#scopes.get(scope);
    if (entries === undefined) return null;
    this.#replace(scope, entries.filter((entry) => entry.endsAt > this.#clock.monotonic()));
    const near: { entry: Entry; cosine: number }[] = [];
    for (const entry of this.#scopes.get(scope) ?? []) {
      const cosine = dot(entry.vector, vector);
      if (cosine >= threshold) near.push({ entry, cosine });
    }
    near.sort((first, second) => second.cosine - first.cosine);
    return near.find(({ entry }) => sameMeaning(entry.text, text))?.entry.key ?? null;
  }

  #add(scope: string, entry: Entry): void {
    const others = (this.#scopes.get(scope) ?? []).filter(({ text }) => text !== entry.text);
    this.#replace(scope, [...others.slice(Math.max(0, others.length + 1 - this.#entriesPerScope)), entry]);
    for (const oldest of this.#scopes.keys()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#replace(oldest, []);
    }
  }

  #replace(scope: string, entries: Entry[]): void {
    for (const entry of this.#scopes.get(scope) ?? []) this.#bytes -= sizeOf(entry);
    this.#scopes.delete(scope);
    if (entries.length === 0) return;
    for (const entry of entries) this.#bytes += sizeOf(entry);
    this.#scopes.set(scope, entries);
  }
}

function sizeOf({ text, vector, key }: Entry): number {
  return 2 * text.length + vector.byteLength + key.length + 200;
}

/** Null for what has no direction. */
function unit(vector: Float32Array): Float32Array | null {
  const length = Math.sqrt(dot(vector, vector));
  return Number.isFinite(length) && length > 0 ? vector.map((value) => value / length) : null;
}

/** 0 for vectors of different lengths: another model made one of them. */
function dot(first: Float32Array, second: Float32Array): number {
  if (first.length !== second.length) return 0;
  let sum = 0;
  for (let index = 0; index < first.length; index++) sum += first[index]! * second[index]!;
  return sum;
}
