import type { EpochMs } from "../core/clock.ts";
import type { Feedback } from "./schemas.ts";
import type { SplitPlace } from "./split-place.ts";
import type { TraceKey } from "./trace-store.ts";

/** One revision of a feedback, and when it arrived. */
export interface ArrivedFeedback {
  team: string;
  feedback: Feedback;
  receivedAt: number;
}

/** What comes after a feedback that was received at exactly the time asked from. */
export interface FeedbackPlace {
  traceId: string;
  id: string;
  revision: number;
}

/** A feedback that was removed, by itself or with its trace, up to its revision; one of its id that is given later goes on from there. */
export interface RemovedFeedback extends TraceKey {
  id: string;
  revision: number;
  removedAt: number;
}

/** For those who follow what is said of traces at any server. Adapters prove themselves with `trace-store.conformance.ts`. */
export interface FeedbackFeed {
  /** Received at `receivedAt` or later, in order of arrival, then trace, id and revision, at most `limit`; `after` goes on behind one that was received at `receivedAt` exactly. */
  readSince(receivedAt: EpochMs, after: FeedbackPlace | null, limit: number): Promise<ArrivedFeedback[]>;
  /** Removed at `removedAt` or later, in the order of the time, then trace and id, at most `limit`; `after` goes on behind one of exactly that time. What the age of a trace takes is not told of. */
  removedSince(removedAt: EpochMs, after: Pick<FeedbackPlace, "traceId" | "id"> | null, limit: number): Promise<RemovedFeedback[]>;
  /** Where the answers of these traces were in what splits their routes; nothing of traces that had no such answer. */
  splitPlaces(traces: readonly TraceKey[]): Promise<(TraceKey & { place: SplitPlace })[]>;
}
