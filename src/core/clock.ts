declare const epochMsBrand: unique symbol;
/** Milliseconds since 1970-01-01T00:00:00Z, a whole number. */
export type EpochMs = number & { readonly [epochMsBrand]: true };

export function epochMs(value: number): EpochMs {
  return Math.trunc(value) as EpochMs;
}

/** The only source of time. Doors and schedulers read it; domain code takes `now` as a value. */
export interface Clock {
  /** Wall clock. */
  now(): EpochMs;
  /** Monotonic, in milliseconds with fractions; for durations only. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now() as EpochMs,
  monotonic: () => performance.now(),
};

/** A clock that moves only when it is told to. */
export class ManualClock implements Clock {
  #now: number;
  #offset = 0;

  constructor(start = 1_700_000_000_000) {
    this.#now = start;
  }

  now(): EpochMs {
    return epochMs(this.#now + this.#offset);
  }

  monotonic(): number {
    return this.#now;
  }

  advance(milliseconds: number): void {
    this.#now += milliseconds;
  }

  /** Sets the wall clock forward, or back, without any time passing. */
  set(milliseconds: number): void {
    this.#offset += milliseconds;
  }
}
