import type { Clock } from "../../core/clock.ts";
import type { RolloutFigures } from "../figures/rollout-figures.ts";
import type { RolloutStore } from "../rollout-store.ts";

/** How long figures of a rollout that has no route any more are kept in memory, for requests that began before. */
const keptMs = 60_000;

/** Brings what this server counted to the database, where it changed. */
export class FiguresWriter {
  readonly #store: Pick<RolloutStore, "writeFigures">;
  readonly #figures: RolloutFigures;
  readonly #replica: string;
  readonly #clock: Clock;
  /** How far each phase is written. */
  readonly #written = new Map<string, number>();
  readonly #ending = new Map<string, number>();

  constructor(parts: { store: Pick<RolloutStore, "writeFigures">; figures: RolloutFigures; replica: string; clock: Clock }) {
    this.#store = parts.store;
    this.#figures = parts.figures;
    this.#replica = parts.replica;
    this.#clock = parts.clock;
  }

  async write(): Promise<void> {
    for (const { rollout, phase, changes } of this.#figures.open()) {
      const key = keyOf(rollout, phase);
      if (this.#written.get(key) === changes) continue;
      await this.#store.writeFigures(rollout, phase, this.#replica, this.#figures.ofPhase(rollout, phase), this.#clock.now());
      this.#written.set(key, changes);
    }
    this.#forget();
  }

  /** The rollout has its traffic, again or for the first time. */
  began(rollout: string): void {
    this.#ending.delete(rollout);
  }

  /** Nothing new comes for it but the ends of requests under way. */
  ended(rollout: string): void {
    if (!this.#ending.has(rollout)) this.#ending.set(rollout, this.#clock.monotonic());
  }

  /** After everything is written. */
  #forget(): void {
    for (const [rollout, since] of this.#ending) {
      if (this.#clock.monotonic() - since < keptMs) continue;
      this.#ending.delete(rollout);
      this.#figures.drop(rollout);
      for (const key of this.#written.keys()) if (key.startsWith(keyOf(rollout, ""))) this.#written.delete(key);
    }
  }
}

function keyOf(rollout: string, phase: string): string {
  return `${rollout}\n${phase}`;
}
