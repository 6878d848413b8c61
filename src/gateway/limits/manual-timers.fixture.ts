import { ManualClock } from "../../core/clock.ts";
import type { StartTimer } from "./waiting-calls.ts";

/** For tests: a clock that moves when it is told to, and timers that go off as it passes them. */
export class ManualTimers {
  readonly clock = new ManualClock();
  readonly #timers = new Set<{ at: number; wake: () => void }>();

  readonly start: StartTimer = (milliseconds, wake) => {
    const timer = { at: this.clock.monotonic() + milliseconds, wake };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  get size(): number {
    return this.#timers.size;
  }

  /** Goes from timer to timer, with all that follows from each, to the end of the time. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.clock.monotonic() + milliseconds;
    await settled();
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((first, second) => first.at - second.at)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.clock.advance(Math.max(0, due.at - this.clock.monotonic()));
      due.wake();
      await settled();
    }
    this.clock.advance(end - this.clock.monotonic());
    await settled();
  }
}

/** All promises that follow from what has happened have gone on. */
export function settled(): Promise<void> {
  return new Promise((resolve) => { setImmediate(resolve); });
}
