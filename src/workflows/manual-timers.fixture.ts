import { ManualClock } from "../core/clock.ts";
import type { Timers } from "./timers.ts";

/** For tests: timers on a clock that moves only when it is told to. */
export class ManualTimers implements Timers {
  readonly clock: ManualClock;
  readonly #waiting = new Set<{ at: number; callback: () => void }>();

  constructor(clock = new ManualClock()) {
    this.clock = clock;
  }

  after(milliseconds: number, callback: () => void): () => void {
    const timer = { at: this.clock.monotonic() + Math.max(0, milliseconds), callback };
    this.#waiting.add(timer);
    return () => this.#waiting.delete(timer);
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Moves the clock, through every timer that is due on the way. What they start goes on by itself. */
  advance(milliseconds: number): void {
    const end = this.clock.monotonic() + milliseconds;
    for (;;) {
      const next = [...this.#waiting].sort((left, right) => left.at - right.at)[0];
      if (next === undefined || next.at > end) break;
      this.clock.advance(Math.max(0, next.at - this.clock.monotonic()));
      this.#waiting.delete(next);
      next.callback();
    }
    this.clock.advance(end - this.clock.monotonic());
  }

  /** Moves the clock to the next timer, if there is one within the time, and answers whether there was. */
  advanceToNext(withinMs: number): boolean {
    const next = [...this.#waiting].sort((left, right) => left.at - right.at)[0];
    if (next === undefined || next.at - this.clock.monotonic() > withinMs) return false;
    this.advance(Math.max(0, next.at - this.clock.monotonic()));
    return true;
  }
}
