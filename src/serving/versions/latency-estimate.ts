/** Four buckets for each doubling, from a microsecond to half an hour: what they tell is at most 19% too much. */
const bucketsPerDoubling = 4;
const bucketCount = 31 * bucketsPerDoubling;
/** Fewer answers do not make a 99th percentile. */
const leastSamples = 20;
/** When as many were counted, all counts are halved: an answer's weight fades with those that follow it. */
const halveAt = 4096;
/** The percentile is worked out again after so many answers. */
const refreshEvery = 64;

/** A running estimate of the 99th percentile of one version's answers, for a few nanoseconds each. */
export class LatencyEstimate {
  readonly #counts = new Float64Array(bucketCount);
  #total = 0;
  #sinceRefresh = refreshEvery;
  #p99Ms: number | null = null;

  add(microseconds: number): void {
    const bucket = microseconds <= 1 ? 0 : Math.min(bucketCount - 1, Math.ceil(Math.log2(microseconds) * bucketsPerDoubling));
    this.#counts[bucket]!++;
    this.#sinceRefresh++;
    if (++this.#total < halveAt) return;
    this.#total = 0;
    for (let index = 0; index < bucketCount; index++) this.#total += this.#counts[index]! /= 2;
  }

  /** Milliseconds; null while too little is known. */
  get p99Ms(): number | null {
    if (this.#sinceRefresh < refreshEvery && this.#p99Ms !== null) return this.#p99Ms;
    if (this.#total < leastSamples) return null;
    this.#sinceRefresh = 0;
    let above = this.#total * 0.01;
    let bucket = bucketCount - 1;
    while (bucket > 0 && this.#counts[bucket]! <= above) above -= this.#counts[bucket--]!;
    return (this.#p99Ms = 2 ** (bucket / bucketsPerDoubling) / 1000);
  }
}
