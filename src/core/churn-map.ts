/**
 * A map for what comes and goes with every request, where it must be found by its key; where the thing itself is at hand, ChurnSet is less work. A Map alone does not do, for what ChurnSet says:
 * here the entries move to a new Map before V8 would give the table a successor, so that no table knows another. Entries keep their order; iterators see those of the moment they were made.
 */
export class ChurnMap<Key, Value> {
  #entries = new Map<Key, Value>();
  /** Insertions until the entries move. */
  #left = fewest;

  get size(): number {
    return this.#entries.size;
  }

  get(key: Key): Value | undefined {
    return this.#entries.get(key);
  }

  has(key: Key): boolean {
    return this.#entries.has(key);
  }

  set(key: Key, value: Value): void {
    if (--this.#left < 0) {
      this.#entries = new Map(this.#entries);
      this.#left = Math.max(fewest, this.#entries.size);
    }
    this.#entries.set(key, value);
  }

  /** True when it was there. */
  delete(key: Key): boolean {
    return this.#entries.delete(key);
  }

  keys(): MapIterator<Key> {
    return this.#entries.keys();
  }

  values(): MapIterator<Value> {
    return this.#entries.values();
  }

  [Symbol.iterator](): MapIterator<[Key, Value]> {
    return this.#entries.entries();
  }
}

/** Insertions after which also a small map moves: few beside those between two young collections. */
const fewest = 128;
