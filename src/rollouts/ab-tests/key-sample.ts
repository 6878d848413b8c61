import type { AbTestFigures } from "./schemas.ts";

/** Keys that a sample holds when it is full. */
export const sampledKeys = 2000;
const hashes = 2 ** 32;

/**
 * A fair sample of the different keys that were seen, whatever number of requests each sent and whichever server saw them: those with the
 * smallest hashes (Z. Bar-Yossef and others, Counting Distinct Elements in a Data Stream, RANDOM 2002). Exact until there are more than it holds.
 */
export class KeySample {
  readonly #arms = new Map<number, string>();
  #threshold = hashes;

  /** `fraction` is the key's place in [0, 1) that also assigned it; its low bits say nothing of its arm. */
  add(fraction: number, arm: string): void {
    this.addHash(lowBits(fraction), arm);
  }

  addHash(hash: number, arm: string): void {
    if (hash >= this.#threshold || this.#arms.has(hash)) return;
    this.#arms.set(hash, arm);
    if (this.#arms.size > 2 * sampledKeys) this.#prune();
  }

  /** Keys of other samples are known from here on only below both thresholds. */
  merge({ threshold, hashes: byArm }: AbTestFigures["keys"]): void {
    if (threshold < this.#threshold) {
      this.#threshold = threshold;
      for (const hash of this.#arms.keys()) if (hash >= threshold) this.#arms.delete(hash);
    }
    for (const [arm, own] of Object.entries(byArm)) for (const hash of own) this.addHash(hash, arm);
  }

  toFigures(): AbTestFigures["keys"] {
    if (this.#arms.size > sampledKeys) this.#prune();
    const byArm: Record<string, number[]> = {};
    for (const [hash, arm] of [...this.#arms].sort(([left], [right]) => left - right)) (byArm[arm] ??= []).push(hash);
    return { threshold: this.#threshold, hashes: byArm };
  }

  #prune(): void {
    const ordered = [...this.#arms.keys()].sort((left, right) => left - right);
    this.#threshold = ordered[sampledKeys]!;
    for (const hash of ordered.slice(sampledKeys)) this.#arms.delete(hash);
  }
}

/** Estimated number of different keys; exact as long as the sample holds all. */
export function distinctKeys({ threshold, hashes: byArm }: AbTestFigures["keys"]): number {
  const held = Object.values(byArm).reduce((sum, { length }) => sum + length, 0);
  return Math.round(held / (threshold / hashes));
}

/** The 32 low ones of its 53 bits. */
export function lowBits(fraction: number): number {
  return (fraction * 2 ** 53) % hashes;
}
