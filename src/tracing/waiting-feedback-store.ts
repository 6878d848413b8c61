import type { EpochMs } from "../core/clock.ts";
import type { Feedback } from "./schemas.ts";
import type { TraceKey } from "./trace-store.ts";

/** Feedback as somebody gave it. */
export type FeedbackDraft = Omit<Feedback, "id" | "traceId" | "revision" | "createdAt" | "updatedAt"> & { id?: string | undefined };

/** Feedback that waits for its trace. */
export interface WaitingDraft {
  /** Of its waiting; in the order in which one server took them. */
  id: string;
  key: TraceKey;
  draft: FeedbackDraft & { id: string };
}

/** Feedback whose trace is not there yet. What has answered is durable, and seen by all servers of the database. Adapters prove themselves with `waiting-feedback-store.conformance.ts`. */
export interface WaitingFeedbackStore {
  /** Throws INVALID_PARAMETER for what no trace has room for. */
  keep(waiting: WaitingDraft, now: EpochMs): Promise<void>;
  /** What waits for this trace, in order. */
  of(key: TraceKey): Promise<WaitingDraft[]>;
  /** What waits for traces that are there, in order, at most `limit`. */
  arrived(limit: number): Promise<WaitingDraft[]>;
  /** Adds it to its trace, as `TraceStore.addFeedback` does and throws, and lets it go: both or neither, and nothing where it waits no longer, so that it is added once whoever tries. */
  write(waiting: Pick<WaitingDraft, "id" | "key">, feedback: Omit<Feedback, "revision">): Promise<void>;
  /** Lets it go without its trace. */
  forget(id: string): Promise<void>;
  /** Lets go what came before, and all but the last `most`. */
  prune(before: EpochMs, most: number): Promise<void>;
}
