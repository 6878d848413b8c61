import type { ArmFigures } from "../schemas.ts";
import { RunningMoments } from "../statistics/index.ts";
import { greatestMeasured } from "./prediction-counts.ts";

/** Callers choose the names of scores; those beyond are not counted. */
const mostNames = 50;

/** Numbers of several kinds, each with its moments. */
export class NamedValues {
  readonly #moments = new Map<string, RunningMoments>();

  add(name: string, value: number): void {
    // Also what is not a number.
    if (!(Math.abs(value) <= greatestMeasured)) return;
    let moments = this.#moments.get(name);
    if (moments === undefined) {
      if (this.#moments.size >= mostNames) return;
      this.#moments.set(name, (moments = new RunningMoments()));
    }
    moments.add(value);
  }

  /** Absent where nothing was added. */
  toFigures(): Pick<ArmFigures, "values"> {
    if (this.#moments.size === 0) return {};
    return { values: Object.fromEntries([...this.#moments].map(([name, moments]) => [name, moments.toJSON()])) };
  }
}
