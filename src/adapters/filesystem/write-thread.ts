import type { Clock } from "../../core/clock.ts";

/** Milliseconds: a write that takes longer is a slow one. */
const slowWriteMs = 10;
/** After a slow write, the thread pool for so many times as long: a slow disk holds the calling thread for a fiftieth of its time at most. */
const pauseFactor = 50;
const longestPauseMs = 10_000;

/** On which thread a file is written. On the calling one a small write costs some microseconds, in the thread pool several times as much; but a disk that is slow must not hold up the calling one. */
export class WriteThread {
  readonly #clock: Pick<Clock, "monotonic">;
  #poolUntil = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  get isPool(): boolean {
    return this.#clock.monotonic() < this.#poolUntil;
  }

  /** Writes on the calling thread, and throws what `write` does. */
  here(write: () => void): void {
    const started = this.#clock.monotonic();
    write();
    const ended = this.#clock.monotonic();
    if (ended - started > slowWriteMs) this.#poolUntil = ended + Math.min(longestPauseMs, pauseFactor * (ended - started));
  }
}
