import type { EpochMs } from "../../core/clock.ts";
import type { StoredTruth, TruthRecord } from "../schemas.ts";

/** Ground truth by prediction id and row, in any order, also before its prediction. The last different value wins and counts as a correction; the same value again changes nothing. Adapters prove themselves with `truth-store.conformance.ts`. */
export interface TruthStore {
  /** One durable transaction for all records. */
  write(records: readonly TruthRecord[], now: EpochMs): Promise<{ added: number; corrected: number; unchanged: number }>;
  /** In order of row. */
  read(predictionId: string): Promise<StoredTruth[]>;
  /** Received in [from, to), oldest first, at most `limit`. */
  listReceived(from: EpochMs, to: EpochMs, limit: number): Promise<StoredTruth[]>;
  /**
   * Received at `receivedAt` or later, in order of arrival, then prediction and row, at most `limit`; `after` goes on behind a record that was received at `receivedAt` exactly. For those who follow what
   * arrives at any server: clocks of servers differ and transactions end in another order than they begin, so a follower starts each time some seconds before the last record that it
   * saw, and takes a record twice for what it is.
   */
  readSince(receivedAt: EpochMs, after: { predictionId: string; row: number } | null, limit: number): Promise<StoredTruth[]>;
}
