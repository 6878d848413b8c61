import { epochMs, type EpochMs } from "../../core/clock.ts";
import type { TruthStore } from "../../serving/index.ts";
import type { RolloutFigures } from "../figures/rollout-figures.ts";

const pageSize = 1000;
/** Records may be seen so much later than the newest: clocks differ, and transactions end in another order than they begin. */
const overlapMs = 10_000;

/** Shows the figures the truth that arrives at any server; what is shown twice changes nothing. */
export class TruthFollower {
  readonly #truths: Pick<TruthStore, "readSince">;
  readonly #figures: RolloutFigures;
  #newest: number | null = null;

  constructor(truths: Pick<TruthStore, "readSince">, figures: RolloutFigures) {
    this.#truths = truths;
    this.#figures = figures;
  }

  /** Reads what has arrived since the last look; the first begins a little before `now`. */
  async read(now: EpochMs): Promise<void> {
    let newest = this.#newest ?? now;
    let from = newest - overlapMs;
    let after: { predictionId: string; row: number } | null = null;
    for (;;) {
      const records = await this.#truths.readSince(epochMs(Math.max(0, from)), after, pageSize);
      this.#figures.truth(records);
      const last = records.at(-1);
      if (last !== undefined) {
        newest = Math.max(newest, last.receivedAt);
        from = last.receivedAt;
        after = { predictionId: last.predictionId, row: last.row };
      }
      if (records.length < pageSize) break;
    }
    this.#newest = newest;
  }
}
