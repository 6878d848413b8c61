import type { EpochMs } from "../core/clock.ts";
import { elementCount } from "../core/tensor.ts";
import type { ModelVersion } from "../registry/index.ts";
import type { ServingSample } from "../serving/index.ts";
import { ColumnCounter } from "./column-counter.ts";
import { IntervalStatistics, type StoredInterval } from "./interval-statistics.ts";

export const slotMs = 10_000;
export const minuteMs = 60_000;
/** Short intervals kept for charts of the last minutes. */
export const keptSlots = 100;

/** What is kept of a minute: statistics, and counts per column and bucket. */
export interface MinuteRollup {
  statistics: StoredInterval;
  /** By column name, in the bucket order of ColumnCounter. */
  columns: Record<string, number[]>;
}

/** Cumulative figures since the process started, for Prometheus. */
export interface VersionTotals {
  outcomes: Map<string, number>;
  rows: number;
  batches: number;
  batchRows: number;
  latencySeconds: number;
  /** Requests at or below each of `latencyBounds`. */
  latencyCounts: Float64Array;
  queueSeconds: number;
  runSeconds: number;
  unlogged: number;
}

/** Upper bounds in seconds of the latency histogram. */
export const latencyBounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10, 30];

/** Live figures of one version: cheap to feed, constant memory. */
export class VersionMonitor {
  readonly version: ModelVersion;
  readonly counters: readonly ColumnCounter[];
  readonly totals: VersionTotals = {
    outcomes: new Map(), rows: 0, batches: 0, batchRows: 0, latencySeconds: 0, latencyCounts: new Float64Array(latencyBounds.length), queueSeconds: 0, runSeconds: 0, unlogged: 0,
  };
  /** Finished slots and minutes, oldest first. */
  readonly slots: { from: number; statistics: StoredInterval }[] = [];
  readonly minutes: { from: number; rollup: MinuteRollup }[] = [];
  slot = new IntervalStatistics();
  slotFrom: number;
  minute = new IntervalStatistics();
  minuteFrom: number;
  columnCounts: Uint32Array[];
  readonly #strides: readonly number[];
  readonly #byInput: readonly { input: string; counters: { counter: ColumnCounter; position: number; stride: number }[] }[];

  constructor(version: ModelVersion, now: EpochMs) {
    this.version = version;
    this.slotFrom = now - (now % slotMs);
    this.minuteFrom = now - (now % minuteMs);
    this.counters = (version.contract.referenceProfile?.columns ?? []).map((profile) => new ColumnCounter(profile));
    const widthOf = (input: string): number =>
      Math.max(1, ...this.counters.filter(({ profile }) => profile.input === input).map(({ profile }) => profile.index + 1));
    this.#strides = this.counters.map(({ profile }) => widthOf(profile.input));
    this.columnCounts = this.#emptyCounts();
    this.#byInput = [...new Set(this.counters.map(({ profile }) => profile.input))].map((input) => ({
      input,
      counters: this.counters.flatMap((counter, position) => (counter.profile.input === input ? [{ counter, position, stride: this.#strides[position]! }] : [])),
    }));
  }

  answered(sample: ServingSample): void {
    const { timing, rows, outcome } = sample;
    const failed = outcome !== "ok" && outcome !== "cached";
    for (const interval of [this.slot, this.minute]) {
      interval.requests++;
      interval.rows += rows;
      if (failed) interval.errors++;
      if (outcome === "cached") interval.cacheHits++;
      interval.latency.add(timing.totalUs);
      interval.queue.add(timing.queueUs);
    }
    const { totals } = this;
    totals.outcomes.set(outcome, (totals.outcomes.get(outcome) ?? 0) + 1);
    totals.rows += rows;
    const seconds = timing.totalUs / 1e6;
    totals.latencySeconds += seconds;
    totals.queueSeconds += timing.queueUs / 1e6;
    for (let index = latencyBounds.length - 1; index >= 0 && seconds <= latencyBounds[index]!; index--) totals.latencyCounts[index]!++;
    for (const { input, counters } of this.#byInput) {
      const tensor = sample.inputs.find((candidate) => candidate.name === input);
      if (tensor === undefined || elementCount(tensor.shape) !== tensor.data.length) continue;
      for (const { counter, position, stride } of counters) counter.count(tensor, stride, this.columnCounts[position]!);
    }
  }

  ran(rows: number, runUs: number): void {
    for (const interval of [this.slot, this.minute]) {
      interval.batches++;
      interval.batchRows += rows;
    }
    this.totals.batches++;
    this.totals.batchRows += rows;
    this.totals.runSeconds += runUs / 1e6;
  }

  sampleQueue(rows: number): void {
    this.slot.maxQueueRows = Math.max(this.slot.maxQueueRows, rows);
    this.minute.maxQueueRows = Math.max(this.minute.maxQueueRows, rows);
  }

  /** Closes slots and minutes that are over; answers with the minutes that closed and held anything. `keepMinutes` bounds memory. */
  roll(now: EpochMs, keepMinutes: number): { from: number; rollup: MinuteRollup }[] {
    if (now >= this.slotFrom + slotMs) {
      if (this.slot.requests > 0 || this.slot.batches > 0) this.slots.push({ from: this.slotFrom, statistics: this.slot.toStored() });
      this.slot = new IntervalStatistics();
      this.slotFrom = now - (now % slotMs);
      while (this.slots.length > 0 && this.slots[0]!.from < now - keptSlots * slotMs) this.slots.shift();
    }
    if (now < this.minuteFrom + minuteMs) return [];
    const closed = this.minute.requests > 0 || this.minute.batches > 0 ? [{ from: this.minuteFrom, rollup: this.currentRollup() }] : [];
    this.minutes.push(...closed);
    this.minute = new IntervalStatistics();
    this.minuteFrom = now - (now % minuteMs);
    this.columnCounts = this.#emptyCounts();
    while (this.minutes.length > 0 && this.minutes[0]!.from < now - keepMinutes * minuteMs) this.minutes.shift();
    return closed;
  }

  currentRollup(): MinuteRollup {
    return { statistics: this.minute.toStored(), columns: Object.fromEntries(this.counters.map(({ profile }, position) => [profile.name, [...this.columnCounts[position]!]])) };
  }

  /** Takes back a minute that an earlier process kept. */
  restore(from: number, rollup: MinuteRollup): void {
    // A release that counts a column in other buckets cannot add what an earlier one counted.
    const columns = Object.fromEntries(this.counters.flatMap(({ profile: { name }, labels }) => (rollup.columns[name]?.length === labels.length ? [[name, rollup.columns[name]]] : [])));
    if (from === this.minuteFrom) {
      this.minute.addStored(rollup.statistics);
      this.counters.forEach(({ profile }, position) => columns[profile.name]?.forEach((count, bucket) => (this.columnCounts[position]![bucket]! += count)));
    } else this.minutes.push({ from, rollup: { ...rollup, columns } });
  }

  /** Counts per column over the minutes that began at or after `from`, the present one included. */
  windowCounts(from: number): Float64Array[] {
    const sums = this.counters.map((counter, position) => Float64Array.from(this.columnCounts[position] ?? counter.reference));
    for (const minute of this.minutes) {
      if (minute.from < from) continue;
      this.counters.forEach(({ profile }, position) => minute.rollup.columns[profile.name]?.forEach((count, bucket) => (sums[position]![bucket]! += count)));
    }
    return sums;
  }

  #emptyCounts(): Uint32Array[] {
    return this.counters.map((counter) => new Uint32Array(counter.labels.length));
  }
}
