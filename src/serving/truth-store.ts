import type { EpochMs } from "../core/clock.ts";
import type { StoredTruth, TruthRecord } from "./schemas.ts";

/** Ground truth by prediction id and row, in any order, also before its prediction. The last different value wins and counts as a correction; the same value again changes nothing. Adapters prove themselves with `truth-store.conformance.ts`. */
export interface TruthStore {
  /** One durable transaction for all records. */
  write(records: readonly TruthRecord[], now: EpochMs): Promise<{ added: number; corrected: number; unchanged: number }>;
  /** In order of row. */
  read(predictionId: string): Promise<StoredTruth[]>;
  /** Received in [from, to), oldest first, at most `limit`. */
  listReceived(from: EpochMs, to: EpochMs, limit: number): Promise<StoredTruth[]>;
}
