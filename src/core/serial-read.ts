/**
 * Makes one reading at a time: two at once could end in the other order, and what was read first would stand for what is there. Who asks while one is under way gets another, which begins after asking and is
 * shared by all that ask meanwhile.
 */
export class SerialRead {
  readonly #read: () => Promise<void>;
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  constructor(read: () => Promise<void>) {
    this.#read = read;
  }

  /** Settles with a reading that began after this was called. */
  request(): Promise<void> {
    if (this.#next !== null) return this.#next;
    if (this.#running === null) return this.#run();
    this.#next = this.#running.catch(() => undefined).then(() => {
      this.#next = null;
      return this.#run();
    });
    return this.#next;
  }

  #run(): Promise<void> {
    const running = this.#read().finally(() => {
      if (this.#running === running) this.#running = null;
    });
    this.#running = running;
    return running;
  }
}
