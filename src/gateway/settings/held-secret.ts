import type { Clock } from "../../core/clock.ts";

/** A file is looked at so often at most, however many calls the provider refuses. Milliseconds. */
const lookAgainMs = 1000;

/** A provider's secret: read when it is first needed, and kept. What stands in a file is replaced while the server runs, and read again where the provider refused what stood there before. */
export class HeldSecret {
  readonly #read: () => string | null;
  readonly #mayChange: boolean;
  readonly #clock: Pick<Clock, "monotonic">;
  #held: { value: string | null } | null = null;
  #lookedAt = -Infinity;

  constructor(read: () => string | null, mayChange: boolean, clock: Pick<Clock, "monotonic">) {
    this.#read = read;
    this.#mayChange = mayChange;
    this.#clock = clock;
  }

  /** The value of the first reading that did not throw. */
  readonly value = (): string | null => (this.#held ??= { value: this.#read() }).value;

  /** Whether another is there than the one that was `used`; undefined where none could be read. */
  readonly isRenewed = (used: string | null | undefined): boolean => {
    if (this.#held !== null && this.#held.value !== used) return true;
    const now = this.#clock.monotonic();
    if (!this.#mayChange || now < this.#lookedAt + lookAgainMs) return false;
    this.#lookedAt = now;
    try {
      const value = this.#read();
      // Nothing stands in a file that is just being written.
      if (value === used || value === null || value === "") return false;
      this.#held = { value };
      return true;
    } catch {
      return false;
    }
  };
}
