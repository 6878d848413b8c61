import { epochMs, type EpochMs } from "../../core/clock.ts";
import type { FeedbackFeed, FeedbackPlace } from "../../tracing/index.ts";
import { CallScores } from "../figures/call-scores.ts";

/** In place of a server's name: every server comes to the same figures, so there is one of them. */
export const scoresReplica = "scores";
/** Scores that arrive so soon after the end still count. Milliseconds. */
export const scoresKeptMs = 60_000;

const pageSize = 1000;
/** Feedback may be seen so much later than the newest: clocks differ, and transactions end in another order than they begin. Its trace may be written after it, too. */
const overlapMs = 30_000;

/** The scores of one rollout or A/B test of a route, read from the stored traces: no server needs to have seen the calls. */
export class StoredScores {
  readonly scores: CallScores;
  readonly #feedback: FeedbackFeed;
  /** Null before the first look. */
  #arrivedTo: EpochMs | null = null;
  #removedTo: EpochMs = epochMs(0);

  constructor(rollout: string, feedback: FeedbackFeed) {
    this.scores = new CallScores(rollout);
    this.#feedback = feedback;
  }

  /** Whether everything that is stored was read once. */
  get isRead(): boolean {
    return this.#arrivedTo !== null;
  }

  /** Reads what has arrived and what was removed since the last look, the first time since `startedAt`. */
  async read(startedAt: EpochMs, now: EpochMs): Promise<void> {
    const since = this.#arrivedTo ?? startedAt;
    const isFirst = this.#arrivedTo === null;
    const arrivedTo = await readPages<FeedbackPlace>(overlapped(since, now), async (from, after) => {
      const page = await this.#feedback.readSince(from, after, pageSize);
      const places = Map.groupBy(await this.#feedback.splitPlaces(page.map(({ team, feedback: { traceId } }) => ({ team, traceId }))), ({ team, traceId }) => `${traceId} ${team}`);
      for (const arrived of page) this.scores.put({ arrived, places: places.get(`${arrived.feedback.traceId} ${arrived.team}`)?.map(({ place }) => place) ?? [] });
      const last = page.at(-1);
      return last === undefined ? null : { time: last.receivedAt, after: last.feedback, isLast: page.length < pageSize };
    });
    // Removals that went before what was just read changed nothing.
    this.#removedTo = (await readPages<Pick<FeedbackPlace, "traceId" | "id">>(overlapped(isFirst ? since : this.#removedTo, now), async (from, after) => {
      const page = await this.#feedback.removedSince(from, after, pageSize);
      for (const removed of page) this.scores.remove(removed);
      const last = page.at(-1);
      return last === undefined ? null : { time: last.removedAt, after: last, isLast: page.length < pageSize };
    })) ?? (isFirst ? now : this.#removedTo);
    // Where nothing came, the next look begins at the same place.
    this.#arrivedTo = arrivedTo ?? this.#arrivedTo ?? now;
  }
}

function overlapped(since: EpochMs, now: EpochMs): EpochMs {
  return epochMs(Math.max(0, Math.min(since, now) - overlapMs));
}

/** Page after page; answers with the time of the last entry, or null where there was none. */
async function readPages<Place>(first: EpochMs, read: (from: EpochMs, after: Place | null) => Promise<{ time: number; after: Place; isLast: boolean } | null>): Promise<EpochMs | null> {
  let from = first;
  let after: Place | null = null;
  let newest: EpochMs | null = null;
  for (;;) {
    const page = await read(from, after);
    if (page === null) return newest;
    newest = from = epochMs(page.time);
    after = page.after;
    if (page.isLast) return newest;
  }
}
