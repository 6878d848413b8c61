/** More than a process writes before its follower has seen them; the oldest are forgotten beyond it. */
const remembered = 10_000;

/**
 * The events that this process wrote and has not met again in the outbox, so that it can tell them from those of other
 * replicas. One that it forgot counts as another's: what follows other replicas must bear being told twice.
 */
export class OwnEvents {
  readonly #ids = new Set<string>();
  readonly #onWritten: () => void;

  /** `onWritten` is called after each commit that wrote events. */
  constructor(onWritten: () => void) {
    this.#onWritten = onWritten;
  }

  writing(ids: readonly string[]): void {
    for (const id of ids) this.#ids.add(id);
    for (const id of this.#ids) {
      if (this.#ids.size <= remembered) return;
      this.#ids.delete(id);
    }
  }

  written(): void {
    this.#onWritten();
  }

  failed(ids: readonly string[]): void {
    for (const id of ids) this.#ids.delete(id);
  }

  /** Whether this process wrote the event; asked once for each. */
  take(id: string): boolean {
    return this.#ids.delete(id);
  }
}
