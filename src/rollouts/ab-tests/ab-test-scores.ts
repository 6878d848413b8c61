import { epochMs, type Clock } from "../../core/clock.ts";
import { routeOfSubject } from "../../core/traffic-subject.ts";
import type { FeedbackFeed } from "../../tracing/index.ts";
import type { CallScores } from "../figures/call-scores.ts";
import { armOfFraction, KeySample } from "../figures/key-sample.ts";
import { scoresKeptMs, scoresReplica, StoredScores } from "../replicas/stored-scores.ts";
import type { Rollout } from "../schemas.ts";
import type { AbTestStore } from "./ab-test-store.ts";
import { ArmUnits } from "./arm-units.ts";
import { testOf, type AbTestFigures, type AbTestSpec } from "./schemas.ts";
import { isMeasured } from "./test-counters.ts";

export interface AbTestScoresParts {
  abTests: Pick<AbTestStore, "writeFigures">;
  feedback: FeedbackFeed;
  clock: Clock;
}

interface Followed {
  test: Rollout;
  stored: StoredScores;
  written: number;
  /** By the monotonic clock; null while it goes on. */
  endedAt: number | null;
}

/** The scores that A/B tests of routes compare, read from the stored traces: those of calls that another server answered, or this one before it was started, count as all others. */
export class AbTestScores {
  readonly #parts: AbTestScoresParts;
  readonly #followed = new Map<string, Followed>();

  constructor(parts: AbTestScoresParts) {
    this.#parts = parts;
  }

  /** Tests that are under way; those that are not among them any more have ended. */
  follow(open: readonly Rollout[]): void {
    const now = this.#parts.clock.monotonic();
    for (const test of open) {
      const known = this.#followed.get(test.id);
      if (known !== undefined) Object.assign(known, { test, endedAt: null });
      else if (routeOfSubject(test.model) !== null && !isMeasured(testOf(test).metric)) this.#followed.set(test.id, { test, stored: new StoredScores(test.id, this.#parts.feedback), written: 0, endedAt: null });
    }
    const ids = new Set(open.map(({ id }) => id));
    for (const [id, followed] of this.#followed) {
      if (ids.has(id)) continue;
      followed.endedAt ??= now;
      if (now - followed.endedAt >= scoresKeptMs) this.#followed.delete(id);
    }
  }

  /** Reads what has changed since the last look, and writes what came of it. */
  async read(): Promise<void> {
    const { abTests, clock } = this.#parts;
    for (const [id, followed] of this.#followed) {
      await followed.stored.read(epochMs(followed.test.startedAt), clock.now());
      const { scores } = followed.stored;
      if (followed.written === scores.changes) continue;
      const { changes } = scores;
      await abTests.writeFigures(id, scoresReplica, figuresOf(scores, testOf(followed.test)), clock.now());
      followed.written = changes;
    }
  }
}

/** The values alone: requests, failures and keys are counted by the servers that answered. */
export function figuresOf(scores: Pick<CallScores, "valuesOf">, { metric, variants }: Pick<AbTestSpec, "metric" | "variants">): AbTestFigures {
  const arms = new Map<string, ArmUnits>();
  for (const { place: { arm, unit }, value } of scores.valuesOf(metric)) {
    // Whose slot it is by the plan, as where requests are counted.
    if (unit === undefined || armOfFraction(variants, unit.fraction) !== arm) continue;
    let units = arms.get(arm);
    if (units === undefined) arms.set(arm, (units = new ArmUnits(arm)));
    units.add({ fraction: unit.fraction, isSingle: unit.by !== "key" }, 0, value);
  }
  return { arms: [...arms.values()].map((units) => units.toFigures()), keys: new KeySample().toFigures() };
}
