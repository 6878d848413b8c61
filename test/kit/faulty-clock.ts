import { epochMs, type Clock, type EpochMs } from "../../src/core/clock.ts";
import type { SeededRandom } from "./seed.ts";

/** How wrong a clock can be. */
export interface ClockFaults {
  /** At the start, it is off by at most so much, either way. */
  skewMs: number;
  /** It runs too fast or too slow by at most this fraction. */
  drift: number;
  /** From time to time it jumps by at most so much, forwards or back. */
  jumpMs: number;
  /** So much time is between two jumps, on average. */
  jumpEveryMs: number;
}

const hour = 3_600_000;

/**
 * A clock that goes wrong as clocks of machines do, by a seed: `now` is skewed, drifts and jumps, `monotonic` drifts and
 * never goes back. What it shows depends on the true time alone, not on how often it is read.
 */
export class FaultyClock implements Clock {
  readonly #truth: Clock;
  readonly #random: SeededRandom;
  readonly #faults: ClockFaults;
  readonly #start: number;
  readonly #rate: number;
  #offset: number;
  #nextJump: number;
  /** How often it jumped back; a test shows by it that it met what it is about. */
  jumpsBack = 0;

  constructor(truth: Clock, random: SeededRandom, faults: Partial<ClockFaults> = {}) {
    this.#truth = truth;
    this.#random = random;
    this.#faults = { skewMs: 8 * hour, drift: 0.001, jumpMs: hour, jumpEveryMs: 300_000, ...faults };
    this.#start = truth.monotonic();
    this.#rate = 1 + this.#within(this.#faults.drift);
    this.#offset = this.#within(this.#faults.skewMs);
    this.#nextJump = this.#jumpAfter(this.#start);
  }

  now(): EpochMs {
    const truth = this.#truth.monotonic();
    while (this.#nextJump <= truth) {
      const jump = this.#within(this.#faults.jumpMs);
      if (jump < 0) this.jumpsBack++;
      this.#offset += jump;
      this.#nextJump = this.#jumpAfter(this.#nextJump);
    }
    return epochMs(this.#truth.now() + this.#offset + (truth - this.#start) * (this.#rate - 1));
  }

  monotonic(): number {
    return this.#start + (this.#truth.monotonic() - this.#start) * this.#rate;
  }

  /** A number from -most to most. */
  #within(most: number): number {
    return (this.#random.next() * 2 - 1) * most;
  }

  #jumpAfter(time: number): number {
    return time + 1 + this.#random.next() * 2 * this.#faults.jumpEveryMs;
  }
}
