import type { Clock } from "../../core/clock.ts";
import { RecentMap } from "../../core/recent-map.ts";
import type { AnswerCacheStore } from "./answer-cache-store.ts";

interface Entry {
  value: string;
  endsAt: number;
}

/** What an entry takes beside its value and its key: the map's own and two objects. */
const bytesPerEntry = 200;

export interface MemoryAnswerCacheOptions {
  clock: Clock;
  /** Of keys, values and what holds them, where a character takes one byte; those of other scripts than Latin take two. */
  maxBytes: number;
}

/** Answers in this process. When it is full, those go that nobody asked for the longest; a value greater than a quarter of all is not kept. */
export class MemoryAnswerCache implements AnswerCacheStore {
  readonly #clock: Clock;
  readonly #maxBytes: number;
  readonly #entries: RecentMap<string, Entry>;

  constructor({ clock, maxBytes }: MemoryAnswerCacheOptions) {
    this.#clock = clock;
    this.#maxBytes = maxBytes;
    this.#entries = new RecentMap(maxBytes, sizeOf);
  }

  get bytes(): number {
    return this.#entries.weight;
  }

  get(key: string): string | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    if (entry.endsAt > this.#clock.monotonic()) return entry.value;
    this.#entries.delete(key);
    return null;
  }

  set(key: string, value: string, ttlMs: number): void {
    const entry = { value, endsAt: this.#clock.monotonic() + ttlMs };
    if (sizeOf(key, entry) > this.#maxBytes / 4) this.#entries.delete(key);
    else this.#entries.set(key, entry);
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}

function sizeOf(key: string, { value }: Entry): number {
  return key.length + value.length + bytesPerEntry;
}
