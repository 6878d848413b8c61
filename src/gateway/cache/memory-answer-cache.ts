import type { Clock } from "../../core/clock.ts";
import type { AnswerCacheStore } from "./answer-cache-store.ts";

interface Entry {
  value: Uint8Array;
  endsAt: number;
}

/** What an entry takes beside its value and its key: the map's own and two objects. */
const bytesPerEntry = 200;

export interface MemoryAnswerCacheOptions {
  clock: Clock;
  /** Of keys, values and what holds them. */
  maxBytes: number;
}

/** Answers in this process. When it is full, those go that nobody asked for the longest; a value greater than a quarter of all is not kept. */
export class MemoryAnswerCache implements AnswerCacheStore {
  readonly #clock: Clock;
  readonly #maxBytes: number;
  /** In the order of the last use. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor({ clock, maxBytes }: MemoryAnswerCacheOptions) {
    this.#clock = clock;
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): Uint8Array | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    this.#entries.delete(key);
    if (entry.endsAt <= this.#clock.monotonic()) {
      this.#bytes -= sizeOf(key, entry.value);
      return null;
    }
    this.#entries.set(key, entry);
    return entry.value;
  }

  set(key: string, value: Uint8Array, ttlMs: number): void {
    this.delete(key);
    const size = sizeOf(key, value);
    if (size > this.#maxBytes / 4) return;
    // A view into a larger buffer would keep all of that.
    this.#entries.set(key, { value: new Uint8Array(value), endsAt: this.#clock.monotonic() + ttlMs });
    this.#bytes += size;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= sizeOf(key, entry.value);
  }
}

function sizeOf(key: string, value: Uint8Array): number {
  return key.length + value.length + bytesPerEntry;
}
