/** Rings once after so many milliseconds. Answers how to call it off; afterwards that does nothing. */
export type Alarm = (ms: number, ring: () => void) => () => void;

/** Given where a signal ends a call of the gateway itself: without a reason, Node would make an error with a stack for each. */
export const overReason = "over";

/** One alarm that may be set anew. */
export class CallTimer {
  readonly #alarm: Alarm;
  #cancel: (() => void) | null = null;

  constructor(alarm: Alarm) {
    this.#alarm = alarm;
  }

  /** In place of what was set before. */
  set(ms: number, ring: () => void): void {
    this.clear();
    this.#cancel = this.#alarm(Math.max(0, ms), ring);
  }

  clear(): void {
    const cancel = this.#cancel;
    this.#cancel = null;
    cancel?.();
  }
}
