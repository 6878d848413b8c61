/**
 * The order in which a workflow's function learns of what its operations answered. It must be the same in each replay, or
 * `Promise.race` would go another way: journalled answers come in the order of their positions, and every answer has
 * been worked on, as far as that goes without another, before the next one comes.
 */
export class DeliveryOrder {
  /** Positions of the journalled answers that have not been asked for, in their order. */
  readonly #expected: number[];
  /** Journalled answers that were asked for before their turn. */
  readonly #early = new Map<number, () => void>();
  readonly #ready: (() => void)[] = [];
  #resting = false;

  constructor(journalled: readonly number[]) {
    this.#expected = [...journalled].sort((left, right) => left - right);
  }

  /** An answer out of the journal. */
  replay(position: number, deliver: () => void): void {
    this.#early.set(position, deliver);
    this.#advance();
  }

  /** An answer that has just come. */
  live(deliver: () => void): void {
    this.#ready.push(deliver);
    this.#deliver();
  }

  /** Nothing else will happen: gives what was asked for before its turn, though its turn may never come. */
  hurry(): boolean {
    const first = [...this.#early.keys()].sort((left, right) => left - right)[0];
    if (first === undefined) return false;
    this.#expected.splice(this.#expected.indexOf(first), 1);
    this.#release(first);
    return true;
  }

  get idle(): boolean {
    return this.#ready.length === 0 && !this.#resting;
  }

  #advance(): void {
    for (let next = this.#expected[0]; next !== undefined && this.#early.has(next); next = this.#expected[0]) {
      this.#expected.shift();
      this.#release(next);
    }
  }

  #release(position: number): void {
    this.#ready.push(this.#early.get(position)!);
    this.#early.delete(position);
    this.#deliver();
  }

  #deliver(): void {
    if (this.#resting) return;
    const deliver = this.#ready.shift();
    if (deliver === undefined) return;
    deliver();
    this.#resting = true;
    // By then the microtasks that follow from it have run.
    setImmediate(() => {
      this.#resting = false;
      this.#deliver();
    });
  }
}
