import { epochMs, type EpochMs } from "../../core/clock.ts";
import type { TruthStore } from "../../serving/index.ts";
import type { RolloutFigures } from "../figures/rollout-figures.ts";

const pageSize = 1000;
/** Records may be seen so much later than the newest: clocks differ, and transactions end in another order than they begin. */
const overlapMs = 30_000;

/** Shows the figures the truth that arrives at any server; what is shown twice changes nothing. */
export class TruthFollower {
  readonly #truths: Pick<TruthStore, "readSince">;
  readonly #figures: Pick<RolloutFigures, "truth">;
  #newest: EpochMs | null = null;

  constructor(truths: Pick<TruthStore, "readSince">, figures: Pick<RolloutFigures, "truth">) {
    this.#truths = truths;
    this.#figures = figures;
  }

  /** Reads what has arrived since the last look; the first begins a little before `now`. A record from the future of this server does not make it miss others. */
  async read(now: EpochMs): Promise<void> {
    const first = epochMs(Math.max(0, Math.min(this.#newest ?? now, now) - overlapMs));
    let from = first;
    let after: { predictionId: string; row: number } | null = null;
    for (;;) {
      const records = await this.#truths.readSince(from, after, pageSize);
      this.#figures.truth(records);
      const last = records.at(-1);
      if (last !== undefined) {
        from = epochMs(last.receivedAt);
        after = { predictionId: last.predictionId, row: last.row };
      }
      if (records.length < pageSize) break;
    }
    // Where nothing came, the next look begins at the same place.
    this.#newest = from === first ? (this.#newest ?? now) : from;
  }
}
