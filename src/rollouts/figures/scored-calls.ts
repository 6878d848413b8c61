import type { SplitScore } from "../../gateway/index.ts";

/** Whose answer a trace is. */
export interface ArmOfCall {
  rollout: string;
  phase: string;
  arm: string;
}

/** What a score changes: `former` was told before, and is to be taken back. */
export interface ScoreChange extends ArmOfCall {
  value: number | null;
  former: number | null;
}

interface RememberedCall extends ArmOfCall {
  scores: Map<string, { value: number | null; time: number }> | null;
}

/** Which arms the newest calls of open rollouts were answered by, so that scores that arrive later find them. Scores of older calls are counted for no arm. A call takes some 300 bytes. */
export class ScoredCalls {
  readonly #capacity: number;
  readonly #rollouts = new Map<string, Map<string, RememberedCall>>();

  /** `capacity`: calls of each rollout. */
  constructor(capacity = 100_000) {
    this.#capacity = capacity;
  }

  /** Rollouts with calls. */
  get size(): number {
    return this.#rollouts.size;
  }

  remember(traceId: string, { rollout, phase, arm }: ArmOfCall): void {
    let calls = this.#rollouts.get(rollout);
    if (calls === undefined) this.#rollouts.set(rollout, (calls = new Map()));
    // Several calls of one trace, as agents make them: its score is that of what answered last.
    const before = calls.get(traceId);
    if (before !== undefined && before.scores !== null) return;
    calls.set(traceId, { rollout, phase, arm, scores: null });
    for (const oldest of calls.keys()) {
      if (calls.size <= this.#capacity) break;
      calls.delete(oldest);
    }
  }

  /** The newest score of a name counts; one that is older than what was told changes nothing. */
  put({ traceId, name, value, time }: SplitScore): ScoreChange[] {
    const changes: ScoreChange[] = [];
    for (const calls of this.#rollouts.values()) {
      const call = calls.get(traceId);
      if (call === undefined) continue;
      call.scores ??= new Map();
      const before = call.scores.get(name);
      if (before !== undefined && (before.time > time || before.value === value)) continue;
      call.scores.set(name, { value, time });
      changes.push({ rollout: call.rollout, phase: call.phase, arm: call.arm, value, former: before?.value ?? null });
    }
    return changes;
  }

  /** Forgets a rollout that has ended. */
  drop(rollout: string): void {
    this.#rollouts.delete(rollout);
  }
}
