import type { EpochMs } from "../core/clock.ts";
import type { RecordedEvent } from "./schemas.ts";

/** The events that somebody may see: of whole teams, and of single objects. */
export interface EventVisibility {
  /** `*` stands for all. */
  teams: readonly string[];
  /** Named objects (`model:churn`), of one team or of any with `*`. */
  objects: readonly { team: string; object: string }[];
}

export interface EventFilter {
  /** One type, or all with the same beginning: `model.*`. */
  type?: string;
  object?: string;
  /** Events with a lower sequence. */
  before?: number;
  limit: number;
}

/**
 * Reads the events that stores wrote in the transactions of their changes. Sequences have no gaps and are the order of
 * commits: whoever has seen one has seen all before it. Adapters prove themselves with `outbox.conformance.ts`.
 */
export interface Outbox {
  /** The newest sequence that was ever given; 0 at first. Pruning does not lower it. */
  latest(): Promise<number>;
  /** Oldest first. */
  readAfter(sequence: number, limit: number): Promise<RecordedEvent[]>;
  /** Newest first. */
  list(filter: EventFilter, visible: EventVisibility): Promise<RecordedEvent[]>;
  /**
   * Removes up to `limit` of the oldest events that are older than `before`, with their ended deliveries. It stops at one
   * that a subscription has not taken over yet or whose delivery is pending, unless that is older than `unreadBefore`: then
   * all of it goes. Answers how many events are gone.
   */
  prune(request: { before: EpochMs; unreadBefore: EpochMs; limit: number }): Promise<number>;
}
