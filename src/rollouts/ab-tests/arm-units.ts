import { lowBits } from "../figures/key-sample.ts";
import { RunningBivariateMoments } from "../statistics/index.ts";
import type { UnitFigures } from "./schemas.ts";

const bucketCount = 256;

/** Whose observation it is: the hash of its key, or of the prediction for a request without one. */
export interface Unit {
  readonly fraction: number;
  /** A request without a key, of one row, is independent of every other. */
  readonly isSingle: boolean;
}

/**
 * What one arm did on this server. Observations of a key are not independent of each other, so they are added up by key: in a fixed number of buckets,
 * because keys may be very many. All of one key fall into one bucket, on every server, so sums of buckets are as independent as keys are.
 */
export class ArmUnits {
  readonly arm: string;
  requests = 0;
  failures = 0;
  drawn = 0;
  readonly #all = new RunningBivariateMoments();
  readonly #single = new RunningBivariateMoments();
  readonly #buckets = new Map<number, [count: number, x: number, y: number]>();

  constructor(arm: string) {
    this.arm = arm;
  }

  /** One value of the metric. Numbers that are not finite are left out. */
  add(unit: Unit, x: number, y: number): void {
    if (!Number.isFinite(x) || !Number.isFinite(y)) return;
    this.#all.add(x, y);
    if (unit.isSingle) this.#single.add(x, y);
    else this.#inBucket(unit, 1, x, y);
  }

  /** Takes one back that was added and is corrected. */
  remove(unit: Unit, x: number, y: number): void {
    if (!Number.isFinite(x) || !Number.isFinite(y)) return;
    this.#all.remove(x, y);
    if (unit.isSingle) this.#single.remove(x, y);
    else this.#inBucket(unit, -1, -x, -y);
  }

  toFigures(): UnitFigures {
    const { arm, requests, failures, drawn } = this;
    const buckets = [...this.#buckets].filter(([, [count]]) => count > 0).sort(([left], [right]) => left - right);
    return { arm, requests, failures, drawn, all: this.#all.toJSON(), single: this.#single.toJSON(), buckets: buckets.map(([bucket, sums]) => [bucket, ...sums]) };
  }

  #inBucket({ fraction }: Unit, count: number, x: number, y: number): void {
    const bucket = lowBits(fraction) % bucketCount;
    const sums = this.#buckets.get(bucket);
    if (sums === undefined) this.#buckets.set(bucket, [count, x, y]);
    else [sums[0], sums[1], sums[2]] = [sums[0] + count, sums[1] + x, sums[2] + y];
  }
}
