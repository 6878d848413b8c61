/** Ends after so many milliseconds, or at once when the signal aborts. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<unknown>;

/** Given where a signal ends waits of the gateway itself: without a reason, Node would make an error with a stack for each. */
export const overReason = "over";

/** One alarm that may be set anew. */
export class CallTimer {
  readonly #sleep: Sleep;
  #cancel: AbortController | null = null;

  constructor(sleep: Sleep) {
    this.#sleep = sleep;
  }

  /** In place of what was set before. */
  set(ms: number, ring: () => void): void {
    this.clear();
    const cancel = (this.#cancel = new AbortController());
    const over = (): void => {
      if (this.#cancel === cancel) ring();
    };
    // A sleep that fails when it is ended early tells nothing else.
    this.#sleep(Math.max(0, ms), cancel.signal).then(over, () => undefined);
  }

  clear(): void {
    const cancel = this.#cancel;
    this.#cancel = null;
    cancel?.abort(overReason);
  }
}
