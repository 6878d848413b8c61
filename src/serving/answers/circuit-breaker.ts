/** closed: asked. open: asked no more. half-open: one request tries it. */
export type BreakerState = "closed" | "open" | "half-open";

export interface BreakerLimits {
  /** Failures in a row. */
  failures: number;
  openSeconds: number;
}

/** Leaves a version alone that fails again and again, and tries it with single requests. Times are monotonic milliseconds. */
export class CircuitBreaker {
  limits: BreakerLimits;
  #failures = 0;
  /** When it may be tried again; null while it is closed. */
  #retryAt: number | null = null;
  #probing = false;

  constructor(limits: BreakerLimits) {
    this.limits = limits;
  }

  state(now: number): BreakerState {
    if (this.#retryAt === null) return "closed";
    return this.#probing || now >= this.#retryAt ? "half-open" : "open";
  }

  /** Milliseconds until it is tried again; 0 when it is closed. */
  waitMs(now: number): number {
    return this.#retryAt === null ? 0 : Math.max(0, this.#retryAt - now);
  }

  /** Whether the version may be asked; each true must be followed by one of `succeeded`, `failed` and `released`. */
  admits(now: number): boolean {
    if (this.#retryAt === null) return true;
    if (this.#probing || now < this.#retryAt) return false;
    return (this.#probing = true);
  }

  succeeded(): void {
    this.#failures = 0;
    this.#retryAt = null;
    this.#probing = false;
  }

  failed(now: number): void {
    this.#failures++;
    // Failures of requests that began before it opened tell nothing new.
    if (this.#retryAt !== null && !this.#probing) return;
    if (this.#probing || this.#failures >= this.limits.failures) this.#retryAt = now + this.limits.openSeconds * 1000;
    this.#probing = false;
  }

  /** The request said nothing about the version: its caller left, or asked for something impossible. */
  released(): void {
    this.#probing = false;
  }
}
