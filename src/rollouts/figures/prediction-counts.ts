import type { ArmFigures } from "../schemas.ts";
import { notANumberBucket, RunningMoments, signedBucket } from "../statistics/index.ts";
import type { PredictionValues } from "./prediction-values.ts";

/** Labels of an arm that are counted by name; what comes after is `other`. */
export const mostLabels = 1000;
const longestLabel = 200;
const lastBucket = notANumberBucket - 1;
/** Beyond it, squares of what lies apart leave the range of doubles. */
export const greatestMeasured = 1e140;

/** What an arm predicted: how often each label, or numbers in buckets. The first prediction says which; a version's never change. */
export class PredictionCounts {
  #kind: "label" | "number" | null = null;
  readonly #labels = new Map<string, number>();
  #other = 0;
  #buckets: Uint32Array | null = null;
  readonly #moments = new RunningMoments();

  add(values: PredictionValues): void {
    this.#kind ??= values.kind;
    if (values.kind !== this.#kind) return;
    if (values.kind === "label") for (const label of values.labels) this.#addLabel(label);
    else for (const value of values.numbers) this.#addNumber(value);
  }

  toFigures(): ArmFigures["predictions"] {
    if (this.#kind === null) return null;
    if (this.#kind === "label") return { kind: "label", counts: Object.fromEntries(this.#labels), other: this.#other };
    const counts: [number, number][] = [];
    this.#buckets?.forEach((count, index) => {
      if (count > 0) counts.push([index - lastBucket, count]);
    });
    return { kind: "number", counts, moments: this.#moments.toJSON() };
  }

  #addLabel(label: string): void {
    const name = label.length > longestLabel ? label.slice(0, longestLabel) : label;
    const count = this.#labels.get(name);
    if (count !== undefined) this.#labels.set(name, count + 1);
    else if (this.#labels.size < mostLabels) this.#labels.set(name, 1);
    else this.#other++;
  }

  #addNumber(value: number): void {
    this.#buckets ??= new Uint32Array(lastBucket + notANumberBucket + 1);
    this.#buckets[signedBucket(value) + lastBucket]!++;
    if (Math.abs(value) <= greatestMeasured) this.#moments.add(value);
  }
}
