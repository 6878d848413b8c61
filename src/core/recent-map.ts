/**
 * A map that forgets what was not used for longest when it is full: what strangers or calls fill must not grow. It keeps two generations. What is set or found is in the younger one; when that holds half of
 * `limit`, it becomes the older one, and what is still in the older one is forgotten. So the last `limit / 2` that were used are always there, and never more than `limit`. To take the oldest key out
 * of one Map instead is slow when there are many (V8 passes over all that were deleted before it: 20 us with 50,000), and keeps dead entries alive, as ChurnSet says.
 */
export class RecentMap<Key, Value> {
  readonly #half: number;
  readonly #weigh: (key: Key, value: Value) => number;
  #young = new Map<Key, Value>();
  #old = new Map<Key, Value>();
  #youngWeight = 0;
  #oldWeight = 0;

  /** `limit` in what `weigh` counts, entries when absent; one entry alone may be heavier than half of it. Throws RangeError for a limit under 2. */
  constructor(limit: number, weigh: (key: Key, value: Value) => number = () => 1) {
    if (!(limit >= 2)) throw new RangeError("A map of what is recent holds at least two.");
    this.#half = limit / 2;
    this.#weigh = weigh;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get weight(): number {
    return this.#youngWeight + this.#oldWeight;
  }

  get(key: Key): Value | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: Key, value: Value): void {
    this.delete(key);
    this.add(key, value);
  }

  /** As `set`, of a key that is surely not there: it is not looked for. */
  add(key: Key, value: Value): void {
    const weight = this.#weigh(key, value);
    if (this.#youngWeight + weight > this.#half) {
      this.#old = this.#young;
      this.#oldWeight = this.#youngWeight;
      this.#young = new Map();
      this.#youngWeight = 0;
    }
    this.#young.set(key, value);
    this.#youngWeight += weight;
  }

  /** True when it was there. */
  delete(key: Key): boolean {
    const young = this.#young.get(key);
    if (young !== undefined) {
      this.#youngWeight -= this.#weigh(key, young);
      return this.#young.delete(key);
    }
    const old = this.#old.get(key);
    if (old === undefined) return false;
    this.#oldWeight -= this.#weigh(key, old);
    return this.#old.delete(key);
  }

  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
    this.#youngWeight = this.#oldWeight = 0;
  }
}
