import type { Alarm } from "./call-timer.ts";

/** Waits of one call, which all end with it. */
export class RaceWaits {
  readonly #alarm: Alarm;
  /** Ends waits; made with the first one. */
  #waits: Set<() => void> | null = null;

  constructor(alarm: Alarm) {
    this.#alarm = alarm;
  }

  /** At most until `end`. */
  wait(ms: number): Promise<void> {
    const waits = (this.#waits ??= new Set());
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        waits.delete(end);
        resolve();
      };
      const cancel = this.#alarm(ms, end);
      waits.add(end);
    });
  }

  end(): void {
    this.#waits?.forEach((end) => end());
  }
}
