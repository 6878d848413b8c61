import type { AppError } from "../../core/errors.ts";
import type { StopSignal } from "../../core/stop-signal.ts";
import type { ChatStream } from "./chat-stream.ts";
import { AnswerCollector } from "../conversation/chat-event.ts";
import { cutByDoor, endingOf } from "../split/trial-outcome.ts";

type Outcome = "ok" | "failed" | "cancelled";

export interface StreamedAnswerOptions {
  stream: ChatStream;
  /** Aborted where the caller has gone. */
  signal: StopSignal;
  /** Called once, when the stream is over however that is; the last piece is given when it has answered. */
  ended(collector: AnswerCollector, outcome: Outcome, error: AppError | null): Promise<void>;
}

/**
 * A streamed answer as its caller reads it. No generator and no stream of Node: either costs more for each piece than everything else that is done for it, and a generator that was never started cannot be ended.
 */
export class StreamedAnswer implements AsyncIterableIterator<Uint8Array | string> {
  readonly collector = new AnswerCollector();
  /** Nothing is given yet: what breaks it off is thrown. */
  #isHeld = false;
  /** What was read while it was held. */
  readonly #first: (Uint8Array | string)[] = [];
  #hasBegun = false;
  readonly #options: StreamedAnswerOptions;
  #over: Promise<void> | null = null;
  /** What is told after the last piece. */
  #failed: AppError | null = null;

  constructor(options: StreamedAnswerOptions) {
    this.#options = options;
  }

  /** Reads until there is content, or the end. Throws what breaks it off until then. */
  async hold(): Promise<void> {
    this.#isHeld = true;
    while (!this.collector.hasContent) {
      const { done, value } = await this.#read();
      if (done === true) break;
      this.#first.push(value);
    }
    this.#isHeld = false;
  }

  /** Whether its reader has asked for a piece. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  next(): Promise<IteratorResult<Uint8Array | string>> {
    this.#hasBegun = true;
    const value = this.#first.shift();
    return value === undefined ? this.#read() : Promise.resolve({ done: false, value });
  }

  async #read(): Promise<IteratorResult<Uint8Array | string>> {
    if (this.#failed !== null) await this.#end("failed", this.#failed);
    if (this.#over !== null) return this.#done();
    const { stream, signal } = this.#options;
    try {
      const piece = await stream.next(this.collector);
      if (piece !== null) return { done: false, value: piece };
    } catch (thrown) {
      void stream.stop();
      const { outcome, error } = endingOf(thrown, signal);
      if (this.#isHeld || outcome !== "failed" || this.#over !== null) {
        await this.#end(outcome, error);
        if (this.#isHeld) throw error;
        return this.#done();
      }
      this.#failed = error;
      return { done: false, value: stream.failure(error) };
    }
    await this.#end("ok", null);
    return this.#done();
  }

  /** The reader wants no more. */
  async return(): Promise<IteratorResult<Uint8Array | string>> {
    this.#first.length = 0;
    if (this.#over === null) {
      const stopped = this.#options.stream.stop();
      await this.#end(this.#failed === null ? "cancelled" : "failed", this.#failed ?? cutByDoor(this.#options.signal));
      await stopped;
    }
    return this.#done();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #end(outcome: Outcome, error: AppError | null): Promise<void> {
    return (this.#over ??= this.#options.ended(this.collector, outcome, error));
  }

  async #done(): Promise<IteratorResult<Uint8Array | string>> {
    await this.#over;
    return { done: true, value: undefined };
  }
}
