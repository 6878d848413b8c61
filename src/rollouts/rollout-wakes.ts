import type { Timers } from "../workflows/index.ts";

/** Tells whoever watches a rollout in this process that somebody wants something of it, so that nobody waits for the next look. */
export class RolloutWakes {
  readonly #timers: Timers;
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  wake(rollout: string): void {
    for (const resolve of this.#waiting.get(rollout) ?? []) resolve();
  }

  /** Settles at the time, when it is woken, or at the abort, whichever comes first. */
  async wait(rollout: string, milliseconds: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = (): void => resolve();
    const waiting = this.#waiting.get(rollout) ?? new Set();
    this.#waiting.set(rollout, waiting);
    waiting.add(done);
    const cancel = this.#timers.after(milliseconds, done);
    signal.addEventListener("abort", done, { once: true });
    try {
      await promise;
    } finally {
      cancel();
      signal.removeEventListener("abort", done);
      waiting.delete(done);
      if (waiting.size === 0 && this.#waiting.get(rollout) === waiting) this.#waiting.delete(rollout);
    }
  }
}
