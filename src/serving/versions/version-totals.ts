import type { EpochMs } from "../../core/clock.ts";
import type { PredictionTiming } from "../schemas.ts";

interface Duration {
  count: number;
  totalUs: number;
}

const zero = (): Duration => ({ count: 0, totalUs: 0 });

function add(duration: Duration, us: number): void {
  duration.count++;
  duration.totalUs += us;
}

/** Counts and summed times of one version since it was loaded, as Triton's statistics tell them. */
export class VersionTotals {
  lastInferenceAt: EpochMs | null = null;
  rows = 0;
  runs = 0;
  readonly success = zero();
  readonly fail = zero();
  readonly queue = zero();
  readonly run = zero();
  readonly cacheHit = zero();
  readonly cacheMiss = zero();
  readonly #batches = new Map<number, Duration>();

  get batches(): { rows: number; run: Duration }[] {
    return [...this.#batches].sort(([a], [b]) => a - b).map(([rows, run]) => ({ rows, run }));
  }

  answered(outcome: string, timing: PredictionTiming, cacheEnabled: boolean, now: EpochMs): void {
    this.lastInferenceAt = now;
    if (outcome !== "ok" && outcome !== "cached") return add(this.fail, timing.totalUs);
    add(this.success, timing.totalUs);
    if (outcome === "cached") return add(this.cacheHit, timing.totalUs);
    if (cacheEnabled) add(this.cacheMiss, timing.totalUs);
    add(this.queue, timing.queueUs);
  }

  ran(rows: number, runUs: number): void {
    this.rows += rows;
    this.runs++;
    add(this.run, runUs);
    const batch = this.#batches.get(rows) ?? zero();
    this.#batches.set(rows, batch);
    add(batch, runUs);
  }
}
