import { epochMs, type Clock, type EpochMs } from "../../core/clock.ts";
import type { FeedbackFeed } from "../../tracing/index.ts";
import type { RolloutStore } from "../rollout-store.ts";
import type { ReplicaFigures } from "../schemas.ts";
import { scoresKeptMs, scoresReplica, StoredScores } from "./stored-scores.ts";

export interface RolloutScoresParts {
  store: Pick<RolloutStore, "find" | "writeFigures">;
  feedback: FeedbackFeed;
  clock: Clock;
}

interface Followed {
  stored: StoredScores;
  /** Of the rollout; null until it is known. */
  startedAt: EpochMs | null;
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
    if (known === undefined) this.#followed.set(rollout, { stored: new StoredScores(rollout, this.#parts.feedback), startedAt: null, written: 0, endedAt: null });
    else known.endedAt = null;
  }

  ended(rollout: string): void {
    const known = this.#followed.get(rollout);
    if (known !== undefined) known.endedAt ??= this.#parts.clock.monotonic();
  }

  /** Null until everything that is stored was read once: what was written before says more. */
  ofPhase(rollout: string, phase: string): ReplicaFigures | null {
    const known = this.#followed.get(rollout);
    return known?.stored.isRead === true ? known.stored.scores.ofPhase(phase) : null;
  }

  /** Reads what has arrived and what was removed since the last look, the first time since the rollout began, and writes what came of it. */
  async read(): Promise<void> {
    for (const [rollout, followed] of this.#followed) {
      if (followed.endedAt !== null && this.#parts.clock.monotonic() - followed.endedAt >= scoresKeptMs) {
        this.#followed.delete(rollout);
        continue;
      }
      await this.#readOne(rollout, followed);
    }
  }

  async #readOne(rollout: string, followed: Followed): Promise<void> {
    const { store, clock } = this.#parts;
    followed.startedAt ??= await startOf(store, rollout);
    if (followed.startedAt === null) return;
    await followed.stored.read(followed.startedAt, clock.now());
    const { scores } = followed.stored;
    if (followed.written === scores.changes) return;
    const { changes } = scores;
    for (const phase of scores.phases()) await store.writeFigures(rollout, phase, scoresReplica, scores.ofPhase(phase), clock.now());
    followed.written = changes;
  }
}

async function startOf(store: RolloutScoresParts["store"], rollout: string): Promise<EpochMs | null> {
  const found = await store.find(rollout);
  return found === null ? null : epochMs(found.startedAt);
}
