/**
 * How many may be under way at once, and how many may begin in a second (a bucket that holds one second's worth, and is full at first).
 * Times are monotonic milliseconds.
 */
export class ShadowGate {
  readonly #maxConcurrent: number;
  readonly #maxPerSecond: number;
  #underWay = 0;
  #tokens: number;
  #filledAt = -Infinity;

  constructor({ maxConcurrent, maxPerSecond }: { maxConcurrent: number; maxPerSecond: number }) {
    this.#maxConcurrent = maxConcurrent;
    this.#maxPerSecond = maxPerSecond;
    this.#tokens = this.#capacity;
  }

  /** Whether one may begin; each that does must `leave`. */
  enters(now: number): boolean {
    const passed = now - this.#filledAt;
    if (passed > 0) {
      this.#tokens = Math.min(this.#capacity, this.#tokens + (passed / 1000) * this.#maxPerSecond);
      this.#filledAt = now;
    }
    if (this.#underWay >= this.#maxConcurrent || this.#tokens < 1) return false;
    this.#underWay++;
    this.#tokens--;
    return true;
  }

  leave(): void {
    this.#underWay--;
  }

  /** Less than one a second is possible too. */
  get #capacity(): number {
    return Math.max(1, this.#maxPerSecond);
  }
}
