/** Relative width of a bucket: a quantile is off by at most 2%. */
const gamma = 1.04;
const logGamma = Math.log(gamma);
/** Covers 1 microsecond to about 18 minutes, when values are microseconds. */
const bucketCount = 532;

/**
 * Counts of positive values in buckets of equal relative width, as in DDSketch (Masson, Rim, Lee, 2019): constant
 * memory, mergeable by addition, quantiles within 2%. Values below 1 count as 1, beyond the last bucket as the last.
 */
export class LogHistogram {
  readonly #counts = new Uint32Array(bucketCount);
  #total = 0;
  #min = Infinity;
  #max = -Infinity;

  get total(): number {
    return this.#total;
  }

  /** Exact; null when empty. */
  get min(): number | null {
    return this.#total === 0 ? null : this.#min;
  }

  get max(): number | null {
    return this.#total === 0 ? null : this.#max;
  }

  add(value: number): void {
    const index = value <= 1 ? 0 : Math.min(bucketCount - 1, Math.ceil(Math.log(value) / logGamma));
    this.#counts[index]!++;
    this.#total++;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  /** `share` in [0, 1]; null when empty. The nearest-rank quantile, held within the exact minimum and maximum. */
  quantile(share: number): number | null {
    if (this.#total === 0) return null;
    const rank = Math.max(1, Math.ceil(share * this.#total));
    let seen = 0;
    for (let index = 0; index < bucketCount; index++) {
      seen += this.#counts[index]!;
      if (seen >= rank) {
        const middle = index === 0 ? 1 : (2 * gamma ** index) / (1 + gamma);
        return Math.min(this.#max, Math.max(this.#min, middle));
      }
    }
    return this.#max;
  }

  merge(other: LogHistogram): void {
    for (let index = 0; index < bucketCount; index++) this.#counts[index]! += other.#counts[index]!;
    this.#total += other.#total;
    this.#min = Math.min(this.#min, other.#min);
    this.#max = Math.max(this.#max, other.#max);
  }

  /** Pairs of bucket and count, for keeping. */
  toSparse(): SparseHistogram {
    const buckets: number[] = [];
    this.#counts.forEach((count, index) => {
      if (count > 0) buckets.push(index, count);
    });
    return { buckets, min: this.min, max: this.max };
  }

  static fromSparse(sparse: SparseHistogram): LogHistogram {
    const histogram = new LogHistogram();
    histogram.addSparse(sparse);
    return histogram;
  }

  addSparse(sparse: SparseHistogram): void {
    for (let position = 0; position < sparse.buckets.length; position += 2) {
      const count = sparse.buckets[position + 1]!;
      this.#counts[sparse.buckets[position]!]! += count;
      this.#total += count;
    }
    if (sparse.min !== null) this.#min = Math.min(this.#min, sparse.min);
    if (sparse.max !== null) this.#max = Math.max(this.#max, sparse.max);
  }

  reset(): void {
    this.#counts.fill(0);
    this.#total = 0;
    this.#min = Infinity;
    this.#max = -Infinity;
  }
}

export interface SparseHistogram {
  buckets: number[];
  min: number | null;
  max: number | null;
}
