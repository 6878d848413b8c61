import type { Alarm } from "./alarm.ts";

export interface WakingLoopParts {
  /** One turn; answers after how many milliseconds the next is due when nobody wakes the loop before. */
  turn: () => Promise<number>;
  alarm: Alarm;
  /** Told of the first of several failures in a row, and then, with null, of their end. */
  onTrouble: (error: unknown) => void;
}

const firstPauseMs = 500;
const longestPauseMs = 5000;

/**
 * Does one thing again and again: at once when it is woken, else when the last turn said so. Turns never overlap, and a
 * wake-up during a turn leads to another. A turn that throws is repeated, after pauses of up to five seconds.
 */
export class WakingLoop {
  readonly #parts: WakingLoopParts;
  #state: "new" | "running" | "stopped" = "new";
  #turn: Promise<void> | null = null;
  #woken = false;
  #failures = 0;
  #putOff: (() => void) | null = null;

  constructor(parts: WakingLoopParts) {
    this.#parts = parts;
  }

  start(): void {
    if (this.#state !== "new") return;
    this.#state = "running";
    this.#begin();
  }

  wake(): void {
    if (this.#state !== "running") return;
    this.#woken = true;
    if (this.#turn === null) this.#begin();
  }

  /** Waits for the turn under way; there is none after it. */
  async stop(): Promise<void> {
    this.#state = "stopped";
    this.#putOff?.();
    this.#putOff = null;
    await this.#turn;
  }

  #begin(): void {
    this.#putOff?.();
    this.#putOff = null;
    this.#woken = false;
    this.#turn = this.#run().then((pause) => {
      this.#turn = null;
      if (this.#state !== "running") return;
      if (this.#woken || pause <= 0) this.#begin();
      else this.#putOff = this.#parts.alarm(pause, () => this.#begin());
    });
  }

  async #run(): Promise<number> {
    try {
      const pause = await this.#parts.turn();
      if (this.#failures > 0) this.#parts.onTrouble(null);
      this.#failures = 0;
      return pause;
    } catch (error) {
      // What wakes a loop whose store is away must not make it spin.
      this.#woken = false;
      if (this.#failures++ === 0) this.#parts.onTrouble(error);
      return Math.min(longestPauseMs, firstPauseMs * 2 ** (this.#failures - 1));
    }
  }
}
