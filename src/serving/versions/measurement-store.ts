import type { EpochMs } from "../../core/clock.ts";

/** How long a batch of so many rows runs. */
export interface WarmupMeasure {
  rows: number;
  /** Median of the runs after the first, in milliseconds. */
  milliseconds: number;
}

/**
 * What warm-up measured of a version on a kind of machine, so that a restart need not measure again. Losing it costs time
 * only. Adapters prove themselves with `measurement-store.conformance.ts`.
 */
export interface MeasurementStore {
  /** By ascending rows; null when the version was not measured on this kind of machine. */
  read(contractDigest: string, machine: string): Promise<WarmupMeasure[] | null>;
  /** Replaces what was there. */
  write(contractDigest: string, machine: string, measures: readonly WarmupMeasure[], now: EpochMs): Promise<void>;
}
