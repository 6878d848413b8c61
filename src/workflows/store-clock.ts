import { epochMs, type Clock, type EpochMs } from "../core/clock.ts";
import type { WorkflowStore } from "./workflow-store.ts";

/**
 * The store's time without asking each time: its last answer and what has passed since by the monotonic clock. A replica
 * whose own clock is wrong, or jumps, so agrees with the others.
 */
export class StoreClock {
  readonly #store: Pick<WorkflowStore, "time">;
  readonly #clock: Clock;
  #answer = 0;
  #answeredAt = 0;

  constructor(store: Pick<WorkflowStore, "time">, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Asks the store. Must have answered once before `now` is used. */
  async refresh(): Promise<EpochMs> {
    const answer = await this.#store.time();
    // By the end of the call: so nothing is ever taken for due before it is.
    this.#answeredAt = this.#clock.monotonic();
    this.#answer = answer;
    return answer;
  }

  now(): EpochMs {
    return epochMs(this.#answer + (this.#clock.monotonic() - this.#answeredAt));
  }
}
