import { epochMs, type EpochMs } from "../../core/clock.ts";
import type { SplitScore } from "../../gateway/index.ts";
import type { FeedbackFeed, FeedbackPlace } from "../../tracing/index.ts";
import { scoreOf } from "../figures/call-scores.ts";

const pageSize = 1000;
/** Feedback may be seen so much later than the newest: clocks differ, and transactions end in another order than they begin. */
const overlapMs = 30_000;

/** Tells of scores that are given to traces at any server; what is told twice changes nothing. */
export class ScoreFollower {
  readonly #feed: FeedbackFeed;
  readonly #scored: (score: SplitScore) => void;
  #newest: EpochMs | null = null;

  constructor(feed: FeedbackFeed, scored: (score: SplitScore) => void) {
    this.#feed = feed;
    this.#scored = scored;
  }

  /** Reads what has arrived since the last look; the first begins a little before `now`. */
  async read(now: EpochMs): Promise<void> {
    const first = epochMs(Math.max(0, Math.min(this.#newest ?? now, now) - overlapMs));
    let from = first;
    let after: FeedbackPlace | null = null;
    for (;;) {
      const arrived = await this.#feed.readSince(from, after, pageSize);
      for (const { feedback: { traceId, name, kind, value }, receivedAt } of arrived) {
        // What should have come out is no opinion of what came out.
        if (kind === "feedback") this.#scored({ traceId, name, value: scoreOf(value), time: epochMs(receivedAt) });
      }
      const last = arrived.at(-1);
      if (last !== undefined) {
        from = epochMs(last.receivedAt);
        after = { traceId: last.feedback.traceId, id: last.feedback.id, revision: last.feedback.revision };
      }
      if (arrived.length < pageSize) break;
    }
    // Where nothing came, the next look begins at the same place.
    this.#newest = from === first ? (this.#newest ?? now) : from;
  }
}
