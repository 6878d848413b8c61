import type { AssignedUnits, KeyHashes } from "../schemas.ts";

/** Keys that a sample holds at most; from a half of it up to it once there were more. */
export const sampledKeys = 4096;
const hashes = 2 ** 32;

/**
 * A fair sample of the different keys that were seen, whatever number of requests each sent and whichever server saw them: those whose hash is below a threshold, which
 * is halved whenever they are too many (Z. Bar-Yossef and others, Counting Distinct Elements in a Data Stream, RANDOM 2002). It holds all keys until then.
 */
export class KeySample {
  readonly #capacity: number;
  readonly #arms = new Map<number, string>();
  #threshold = hashes;

  constructor(capacity = sampledKeys) {
    this.#capacity = capacity;
  }

  /** `fraction` is the key's place in [0, 1) that also assigned it; its low bits, which are taken here, say nothing of its arm. */
  add(fraction: number, arm: string): void {
    this.#addHash(lowBits(fraction), arm);
  }

  /** Keys are known from here on only below the thresholds of both. */
  merge({ threshold, hashes: byArm }: KeyHashes): void {
    while (this.#threshold > threshold) this.#halve();
    for (const [arm, own] of Object.entries(byArm)) for (const hash of own) this.#addHash(hash, arm);
  }

  toFigures(): KeyHashes {
    const byArm: Record<string, number[]> = {};
    for (const [hash, arm] of [...this.#arms].sort(([left], [right]) => left - right)) (byArm[arm] ??= []).push(hash);
    return { threshold: this.#threshold, hashes: byArm };
  }

  #addHash(hash: number, arm: string): void {
    if (hash >= this.#threshold) return;
    const known = this.#arms.get(hash);
    // Two keys of one hash count for the same arm whichever came first.
    if (known !== undefined && known <= arm) return;
    this.#arms.set(hash, arm);
    while (this.#arms.size > this.#capacity) this.#halve();
  }

  #halve(): void {
    this.#threshold /= 2;
    for (const hash of this.#arms.keys()) if (hash >= this.#threshold) this.#arms.delete(hash);
  }
}

/** Of several servers, as if one had seen all. */
export function mergeKeys(parts: readonly KeyHashes[], capacity = sampledKeys): KeyHashes {
  const sample = new KeySample(capacity);
  for (const part of parts) sample.merge(part);
  return sample.toFigures();
}

/** Keys of each arm below the threshold, and how often that was halved. */
export function countKeys({ threshold, hashes: byArm }: KeyHashes): Omit<AssignedUnits, "drawn"> {
  return { halvings: Math.round(Math.log2(hashes / threshold)), keys: Object.fromEntries(Object.entries(byArm).map(([arm, { length }]) => [arm, length])) };
}

/** Estimated number of different keys; exact until the sample is halved. */
export function distinctKeys(keys: KeyHashes): number {
  return Object.values(keys.hashes).reduce((sum, { length }) => sum + length, 0) * (hashes / keys.threshold);
}

/** Whose place it is by the route; `stable` has what no arm has. */
export function armOfFraction(arms: readonly { name: string; from: number; to: number }[], fraction: number): string {
  for (const { name, from, to } of arms) if (fraction >= from && fraction < to) return name;
  return "stable";
}

/** The 32 low ones of its 53 bits. */
export function lowBits(fraction: number): number {
  return (fraction * 2 ** 53) % hashes;
}
