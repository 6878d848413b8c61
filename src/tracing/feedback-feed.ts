import type { EpochMs } from "../core/clock.ts";
import type { Feedback } from "./schemas.ts";

/** One revision of a feedback, and when it arrived. */
export interface ArrivedFeedback {
  feedback: Feedback;
  receivedAt: number;
}

/** What comes after a feedback that was received at exactly the time asked from. */
export interface FeedbackPlace {
  traceId: string;
  id: string;
  revision: number;
}

/** For those who follow what is said of traces at any server. What is removed is not told of. Adapters prove themselves with `trace-store.conformance.ts`. */
export interface FeedbackFeed {
  /** Received at `receivedAt` or later, in order of arrival, then trace, id and revision, at most `limit`; `after` goes on behind one that was received at `receivedAt` exactly. */
  readSince(receivedAt: EpochMs, after: FeedbackPlace | null, limit: number): Promise<ArrivedFeedback[]>;
}
