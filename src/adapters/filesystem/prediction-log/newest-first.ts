/** Collects the newest of what has an id, each id once, and knows when older ones need not be looked at. */
export class NewestFirst<Item> {
  readonly #limit: number;
  #items = new Map<string, Item>();
  #lowest = "";

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** False for an id that cannot be among the newest any more. */
  wants(id: string): boolean {
    return this.#limit > 0 && id > this.#lowest && !this.#items.has(id);
  }

  add(id: string, item: Item): void {
    if (!this.wants(id)) return;
    this.#items.set(id, item);
    // Sorting now and then is cheaper than keeping order while a segment is read from its oldest to its newest.
    if (this.#items.size >= this.#limit * 2 + 64) this.#cut();
  }

  /** The smallest id that is kept once there are enough; null while any other is wanted. */
  get lowest(): string | null {
    if (this.#items.size < this.#limit) return null;
    this.#cut();
    return this.#lowest;
  }

  /** Newest first. */
  values(): Item[] {
    this.#cut();
    return [...this.#items.values()];
  }

  #cut(): void {
    const kept = [...this.#items].sort(([left], [right]) => (left < right ? 1 : -1)).slice(0, this.#limit);
    this.#items = new Map(kept);
    if (kept.length === this.#limit && kept.length > 0) this.#lowest = kept[kept.length - 1]![0];
  }
}
