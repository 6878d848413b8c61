/** Ends after so many milliseconds, or at once when the signal aborts. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<unknown>;

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
      if (!cancel.signal.aborted) ring();
    };
    // A sleep that fails when it is ended early tells nothing else.
    this.#sleep(Math.max(0, ms), cancel.signal).then(over, () => undefined);
  }

  clear(): void {
    this.#cancel?.abort();
    this.#cancel = null;
  }
}
