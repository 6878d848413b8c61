import type { EpochMs } from "../../core/clock.ts";
import type { AbTestFigures, AbTestOutcome, StoredOutcome } from "./schemas.ts";

/** Figures and reported values of A/B tests; they go with their rollout. Adapters prove themselves with `ab-test-store.conformance.ts`. */
export interface AbTestStore {
  /** What one server saw, in place of what it wrote before. Of a test that is gone nothing is kept. */
  writeFigures(test: string, replica: string, figures: AbTestFigures, now: EpochMs): Promise<void>;
  /** One entry for each server, and for each of its starts. */
  readFigures(test: string): Promise<{ replica: string; figures: AbTestFigures }[]>;
  /** The same value of a prediction and metric again changes nothing; another one takes its place. One durable transaction. */
  addOutcomes(test: string, outcomes: readonly AbTestOutcome[], now: EpochMs): Promise<void>;
  /** Received at `receivedAt` or later, by time and then prediction, at most `limit`; `after` goes on behind a prediction of exactly that time. */
  outcomesSince(test: string, receivedAt: number, after: string | null, limit: number): Promise<StoredOutcome[]>;
}
