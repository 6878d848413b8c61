import type { PairedFigures } from "../schemas.ts";
import { RunningMoments } from "../statistics/index.ts";
import { NamedValues } from "./named-values.ts";
import { greatestMeasured } from "./prediction-counts.ts";
import type { PredictionValues } from "./prediction-values.ts";

/** How the answers of an arm differ from those of the stable version to the same inputs. */
export class PairedCounters {
  readonly #arm: string;
  #pairs = 0;
  #skipped = 0;
  #disagreements = 0;
  #labels = 0;
  readonly #difference = new RunningMoments();
  readonly #absoluteDifference = new RunningMoments();
  readonly #latency = new RunningMoments();
  readonly #values = new NamedValues();

  constructor(arm: string) {
    this.#arm = arm;
  }

  /** Both have answered. One that predicts labels and one that predicts numbers agree on nothing. */
  add(stable: PredictionValues | null, shadow: PredictionValues | null, latencyUs: number): void {
    this.#pairs++;
    this.#latency.add(latencyUs);
    if (stable === null || shadow === null) return;
    if (stable.kind === "number" && shadow.kind === "number") {
      const rows = Math.min(stable.numbers.length, shadow.numbers.length);
      for (let row = 0; row < rows; row++) this.#addDifference(shadow.numbers[row]! - stable.numbers[row]!);
      return;
    }
    const [left, right] = [stable.kind === "label" ? stable.labels : stable.numbers, shadow.kind === "label" ? shadow.labels : shadow.numbers];
    const rows = Math.min(left.length, right.length);
    this.#labels += rows;
    for (let row = 0; row < rows; row++) if (left[row] !== right[row]) this.#disagreements++;
  }

  /** Both calls have a price: dollars. */
  addCosts(stable: number, shadow: number): void {
    this.#values.add("cost", shadow - stable);
    this.#values.add("stable cost", stable);
  }

  skip(): void {
    this.#skipped++;
  }

  toFigures(): PairedFigures {
    return {
      arm: this.#arm, pairs: this.#pairs, skipped: this.#skipped, disagreements: this.#disagreements, labels: this.#labels,
      difference: this.#difference.toJSON(), absoluteDifference: this.#absoluteDifference.toJSON(), latencyUs: this.#latency.toJSON(), ...this.#values.toFigures(),
    };
  }

  #addDifference(difference: number): void {
    const size = Math.abs(difference);
    // Also what is not a number.
    if (!(size <= greatestMeasured)) return;
    this.#difference.add(difference);
    this.#absoluteDifference.add(size);
  }
}
