import { totalmem } from "node:os";
import { getHeapStatistics } from "node:v8";
import { AppError } from "./errors.ts";
import type { TurnedAway } from "./turned-away.ts";

/**
 * Memory that bodies of requests may take together, from their first byte until their answer: many callers that each
 * keep within the limit of one body must not end the process. A body that would go beyond is refused, and may come again.
 */
export class BodyBudget {
  readonly #limit: number;
  readonly #turnedAway: Pick<TurnedAway, "count"> | undefined;
  #taken = 0;

  constructor(limitBytes: number, turnedAway?: Pick<TurnedAway, "count">) {
    this.#limit = limitBytes;
    this.#turnedAway = turnedAway;
  }

  get takenBytes(): number {
    return this.#taken;
  }

  /** Throws QUEUE_FULL; the bytes are not taken then. */
  take(bytes: number): void {
    if (this.#taken + bytes > this.#limit) {
      this.#turnedAway?.count("bodies");
      throw new AppError("QUEUE_FULL", "The server holds as many bodies as it has memory for.", { retryAfterSeconds: 1 });
    }
    this.#taken += bytes;
  }

  /** Takes the bytes in any case, of what is there already: what comes next is refused for them. */
  hold(bytes: number): void {
    this.#taken += bytes;
  }

  giveBack(bytes: number): void {
    this.#taken -= bytes;
  }
}

/** A quarter of the memory that this process may have, and room for two of the largest bodies. */
export function bodyMemoryBytes(maxBodyBytes: number): number {
  return Math.max(2 * maxBodyBytes, Math.floor(usableMemoryBytes() / 4));
}

/** For large answers of providers: a sixteenth of the memory that this process may have, and an eighth of what it may have for objects and texts, for what is read of an answer and written out stands beside it. */
export function answerMemoryBytes(): number {
  return Math.floor(Math.min(usableMemoryBytes() / 16, getHeapStatistics().heap_size_limit / 8));
}

function usableMemoryBytes(): number {
  const constrained = process.constrainedMemory();
  const total = totalmem();
  return constrained > 0 && constrained < total ? constrained : total;
}
