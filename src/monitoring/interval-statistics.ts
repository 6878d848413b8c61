import { LogHistogram, type SparseHistogram } from "./log-histogram.ts";
import type { ServingInterval } from "./schemas.ts";

/** What one version did in some time; addable, so that longer times are made of shorter ones. Times inside are microseconds. */
export class IntervalStatistics {
  requests = 0;
  rows = 0;
  errors = 0;
  cacheHits = 0;
  batches = 0;
  batchRows = 0;
  maxQueueRows = 0;
  readonly latency = new LogHistogram();
  readonly queue = new LogHistogram();

  add(other: IntervalStatistics): void {
    this.#addCounts(other);
    this.latency.merge(other.latency);
    this.queue.merge(other.queue);
  }

  addStored(stored: StoredInterval): void {
    this.#addCounts(stored);
    this.latency.addSparse(stored.latency);
    this.queue.addSparse(stored.queue);
  }

  toStored(): StoredInterval {
    const { requests, rows, errors, cacheHits, batches, batchRows, maxQueueRows } = this;
    return { requests, rows, errors, cacheHits, batches, batchRows, maxQueueRows, latency: this.latency.toSparse(), queue: this.queue.toSparse() };
  }

  view(from: number, seconds: number): ServingInterval {
    const milliseconds = (microseconds: number | null): number | null => (microseconds === null ? null : microseconds / 1000);
    return {
      from, seconds, requests: this.requests, rows: this.rows, errors: this.errors, cacheHits: this.cacheHits,
      p50Ms: milliseconds(this.latency.quantile(0.5)),
      p95Ms: milliseconds(this.latency.quantile(0.95)),
      p99Ms: milliseconds(this.latency.quantile(0.99)),
      minMs: milliseconds(this.latency.min),
      maxMs: milliseconds(this.latency.max),
      queueP95Ms: milliseconds(this.queue.quantile(0.95)),
      batches: this.batches,
      meanBatchRows: this.batches === 0 ? null : this.batchRows / this.batches,
      maxQueueRows: this.maxQueueRows,
    };
  }

  #addCounts(other: Omit<StoredInterval, "latency" | "queue">): void {
    this.requests += other.requests;
    this.rows += other.rows;
    this.errors += other.errors;
    this.cacheHits += other.cacheHits;
    this.batches += other.batches;
    this.batchRows += other.batchRows;
    this.maxQueueRows = Math.max(this.maxQueueRows, other.maxQueueRows);
  }
}

export interface StoredInterval {
  requests: number;
  rows: number;
  errors: number;
  cacheHits: number;
  batches: number;
  batchRows: number;
  maxQueueRows: number;
  latency: SparseHistogram;
  queue: SparseHistogram;
}
