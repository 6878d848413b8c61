import { AnswerHold, uncountedBytes, type AnswerMemory, type ArrivingAnswer } from "../../core/answer-memory.ts";
import { AppError } from "../../core/errors.ts";
import type { StopSignal } from "../../core/stop-signal.ts";

/** What the answer to one request takes of the memory that large answers have together. Whoever made it releases it. */
export class AnswerRoom {
  readonly #memory: AnswerMemory;
  readonly #hold: AnswerHold;
  #arriving: ArrivingAnswer | null = null;

  constructor(memory: AnswerMemory) {
    this.#memory = memory;
    this.#hold = new AnswerHold(memory);
  }

  /** Whether the server upstream waits at this moment because there is no room here. */
  get isWaitedFor(): boolean {
    return this.#arriving !== null && this.#arriving.wanted > 0;
  }

  /** Whether there is nothing to release. */
  get isEmpty(): boolean {
    return this.#hold.isEmpty;
  }

  /** Undefined where there is room at once. Rejects with GATEWAY_OVERLOADED when the signal ends the wait. */
  roomFor(length: number, signal: StopSignal): Promise<void> | undefined {
    // What was ended takes nothing more.
    return length <= uncountedBytes || signal.aborted ? undefined : (this.#arriving ??= this.#memory.begin(signal)).grow(length);
  }

  /** What its request ends with where its time was over while it waited: QUEUE_FULL. */
  turnedAway(cause: unknown): AppError {
    this.#memory.turnedAway();
    return new AppError("QUEUE_FULL", "As many large answers of other servers are under way as this server has memory for.", { cause, retryAfterSeconds: 1 });
  }

  /** The answer is whole, or given up: nothing more of it comes. */
  arrived(): void {
    this.#arriving?.end(this.#hold);
    this.#arriving = null;
  }

  /** What was read of it, beside it. */
  add(bytes: number): void {
    this.#hold.add(bytes);
  }

  release(): void {
    this.#hold.release();
  }
}
