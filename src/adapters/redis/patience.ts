/** So many parts has the time in which nothing is answered. */
const slices = 5;
/** And so many that which one answer may take while others come: who answers in turn, and has much to answer, is there. */
const mostSlices = 4 * slices;

interface Waiting {
  /** The part of time in which it began to wait. */
  since: number;
  giveUp(error: Error): void;
}

/**
 * Gives up answers that do not come in time: where nothing at all was answered for `milliseconds` at most, and four fifths of it at least, and after four times as much where only others were answered. Time counts in parts, each of
 * which counts no more than itself: while this process was too busy to send or to read, an answer was not late. One timer is for all, as one for each would cost more than what is asked.
 */
export class Patience {
  readonly #sliceMs: number;
  readonly #lateAnswer: () => Error;
  readonly #waiting = new Set<Waiting>();
  #slice = 0;
  /** The part of time in which something was answered last. */
  #answered = -slices;
  #isCounting = false;

  /** `lateAnswer`: called for each that is given up; answers with what it is rejected with. */
  constructor(milliseconds: number, lateAnswer: () => Error) {
    this.#sliceMs = milliseconds / slices;
    this.#lateAnswer = lateAnswer;
  }

  /** As the answer, or rejects. */
  watch<Value>(answer: Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { since: this.#slice, giveUp: reject };
      this.#waiting.add(waiting);
      if (!this.#isCounting) this.#count();
      answer.then(
        (value) => {
          this.#answered = this.#slice;
          this.#waiting.delete(waiting);
          resolve(value);
        },
        (error: unknown) => {
          this.#answered = this.#slice;
          this.#waiting.delete(waiting);
          reject(error as Error);
        },
      );
    });
  }

  #count(): void {
    this.#isCounting = true;
    setTimeout(() => {
      this.#slice++;
      for (const waiting of this.#waiting) {
        // Who came first is first.
        if (this.#slice - Math.max(waiting.since, this.#answered) < slices && this.#slice - waiting.since < mostSlices) break;
        this.#waiting.delete(waiting);
        waiting.giveUp(this.#lateAnswer());
      }
      this.#isCounting = this.#waiting.size > 0;
      if (this.#isCounting) this.#count();
    }, this.#sliceMs);
  }
}
