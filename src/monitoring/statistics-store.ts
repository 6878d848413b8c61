import type { EpochMs } from "../core/clock.ts";

/** What one model version did in one minute, packed by monitoring; a store keeps the bytes as they are. */
export interface MinuteStatistics {
  model: string;
  version: string;
  /** Start of the minute. */
  minute: EpochMs;
  payload: Uint8Array;
  /** True when another server that shares the store wrote it. */
  elsewhere?: boolean;
}

/**
 * Rollups by model, version and minute, for series and drift that outlive the process. Adapters prove themselves with
 * `statistics-store.conformance.ts`.
 */
export interface StatisticsStore {
  /** One durable transaction for all. A row replaces this server's one of the same model, version and minute; the last of this call wins. */
  upsertMinutes(statistics: readonly MinuteStatistics[]): Promise<void>;
  /** Of all versions, minutes in [from, to), in order of minute, then version number; of one minute one row for each server. */
  readMinutes(model: string, from: EpochMs, to: EpochMs): Promise<MinuteStatistics[]>;
  /** Removes what is older than the minute, of every model; answers how many rows. */
  deleteBefore(minute: EpochMs): Promise<number>;
}
