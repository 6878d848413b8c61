import type { SparseCounts } from "./sparse-counts.ts";

/** Ratio of a bucket's upper edge to its lower one: what is known of a value is known within 5%. */
const width = 1.05;
const logWidth = Math.log(width);
/** From 1 microsecond to 10 minutes. */
const bucketCount = 416;

/**
 * The bucket of a time in microseconds: bucket b holds (1.05^(b - 1), 1.05^b], bucket 0 what is at most 1, and the last one, 415, what is
 * longer than about 10 minutes, or not a number. The same everywhere and always, so that histograms add up.
 */
export function latencyBucket(microseconds: number): number {
  if (microseconds <= 1) return 0;
  // A value on an edge belongs below it, in spite of the rounding of logarithms.
  const bucket = Math.ceil(Math.log(microseconds) / logWidth - 1e-9);
  if (bucket <= 0) return 0;
  return bucket < bucketCount ? bucket : bucketCount - 1;
}

/** Upper edge of a bucket in microseconds; null of the last one, which has none. 0 below the first. */
export function latencyBucketUpper(bucket: number): number | null {
  if (bucket < 0) return 0;
  return bucket >= bucketCount - 1 ? null : width ** bucket;
}

/** Times of one arm as they come; 1.7 kB, no allocation for a value. */
export class LatencyHistogram {
  readonly #counts = new Uint32Array(bucketCount);
  total = 0;

  add(microseconds: number): void {
    this.#counts[latencyBucket(microseconds)]!++;
    this.total++;
  }

  merge(counts: SparseCounts): void {
    for (const [bucket, count] of counts) {
      this.#counts[Math.min(bucketCount - 1, Math.max(0, bucket))]! += count;
      this.total += count;
    }
  }

  toSparse(): [bucket: number, count: number][] {
    const counts: [number, number][] = [];
    this.#counts.forEach((count, bucket) => {
      if (count > 0) counts.push([bucket, count]);
    });
    return counts;
  }
}
