import { epochMs, type Clock, type EpochMs } from "../../core/clock.ts";
import type { FeedbackFeed, FeedbackPlace } from "../../tracing/index.ts";
import { CallScores } from "../figures/call-scores.ts";
import type { RolloutStore } from "../rollout-store.ts";
import type { ReplicaFigures } from "../schemas.ts";

export interface RolloutScoresParts {
  store: Pick<RolloutStore, "find" | "writeFigures">;
  feedback: FeedbackFeed;
  clock: Clock;
}

/** In place of a server's name: every server comes to the same figures, so there is one of them. */
export const scoresReplica = "scores";

const pageSize = 1000;
/** Feedback may be seen so much later than the newest: clocks differ, and transactions end in another order than they begin. Its trace may be written after it, too. */
const overlapMs = 30_000;
/** Scores that arrive so soon after the end still count. */
const keptMs = 60_000;

interface Followed {
  scores: CallScores;
  /** Null before the first look. */
  arrivedTo: EpochMs | null;
  removedTo: EpochMs;
  written: number;
  /** By the monotonic clock; null while it goes on. */
  endedAt: number | null;
}

/** The scores of rollouts of routes that are under way, read from the stored traces: no server needs to have seen the calls. */
export class RolloutScores {
  readonly #parts: RolloutScoresParts;
  readonly #followed = new Map<string, Followed>();

  constructor(parts: RolloutScoresParts) {
    this.#parts = parts;
  }

  /** Rollouts that are followed. */
  get size(): number {
    return this.#followed.size;
  }

  follow(rollout: string): void {
    const known = this.#followed.get(rollout);
    if (known === undefined) this.#followed.set(rollout, { scores: new CallScores(rollout), arrivedTo: null, removedTo: epochMs(0), written: 0, endedAt: null });
    else known.endedAt = null;
  }

  ended(rollout: string): void {
    const known = this.#followed.get(rollout);
    if (known !== undefined) known.endedAt ??= this.#parts.clock.monotonic();
  }

  /** Null until everything that is stored was read once: what was written before says more. */
  ofPhase(rollout: string, phase: string): ReplicaFigures | null {
    const known = this.#followed.get(rollout);
    return known === undefined || known.arrivedTo === null ? null : known.scores.ofPhase(phase);
  }

  /** Reads what has arrived and what was removed since the last look, the first time since the rollout began, and writes what came of it. */
  async read(): Promise<void> {
    for (const [rollout, followed] of this.#followed) {
      if (followed.endedAt !== null && this.#parts.clock.monotonic() - followed.endedAt >= keptMs) {
        this.#followed.delete(rollout);
        continue;
      }
      await this.#readOne(rollout, followed);
    }
  }

  async #readOne(rollout: string, followed: Followed): Promise<void> {
    const { store, feedback, clock } = this.#parts;
    const startedAt = followed.arrivedTo ?? (await store.find(rollout))?.startedAt;
    if (startedAt === undefined) return;
    const since = epochMs(startedAt);
    const isFirst = followed.arrivedTo === null;
    const { scores } = followed;
    const now = clock.now();
    const arrivedTo = await readPages<FeedbackPlace>(overlapped(since, now), async (from, after) => {
      const page = await feedback.readSince(from, after, pageSize);
      const places = Map.groupBy(await feedback.splitPlaces(page.map(({ team, feedback: { traceId } }) => ({ team, traceId }))), ({ team, traceId }) => `${traceId} ${team}`);
      for (const arrived of page) scores.put({ arrived, places: places.get(`${arrived.feedback.traceId} ${arrived.team}`)?.map(({ place }) => place) ?? [] });
      const last = page.at(-1);
      return last === undefined ? null : { time: last.receivedAt, after: last.feedback, isLast: page.length < pageSize };
    });
    // Removals that went before what was just read changed nothing.
    followed.removedTo = (await readPages<Pick<FeedbackPlace, "traceId" | "id">>(overlapped(isFirst ? since : followed.removedTo, now), async (from, after) => {
      const page = await feedback.removedSince(from, after, pageSize);
      for (const removed of page) scores.remove(removed);
      const last = page.at(-1);
      return last === undefined ? null : { time: last.removedAt, after: last, isLast: page.length < pageSize };
    })) ?? (isFirst ? now : followed.removedTo);
    // Where nothing came, the next look begins at the same place.
    followed.arrivedTo = arrivedTo ?? followed.arrivedTo ?? now;
    if (followed.written === scores.changes) return;
    const { changes } = scores;
    for (const phase of scores.phases()) await store.writeFigures(rollout, phase, scoresReplica, scores.ofPhase(phase), clock.now());
    followed.written = changes;
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
