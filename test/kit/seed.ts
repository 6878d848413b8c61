import { createHash, randomInt } from "node:crypto";
import { afterEach } from "node:test";

/** Repeatable randomness (Mulberry32): the same seed brings the same numbers again. */
export class SeededRandom {
  readonly seed: number;
  #state: number;

  constructor(seed: number) {
    this.seed = seed >>> 0;
    this.#state = this.seed;
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `from` to `to`, both included. */
  integer(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.integer(0, items.length - 1)]!;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let index = 0; index < length; index++) bytes[index] = this.integer(0, 255);
    return bytes;
  }
}

/**
 * The seed of this run, another each time unless SLIPWAY_TEST_SEED names it: faults, randomness, clocks and fast-check's
 * `seed` are drawn from it. Whoever imports this file is a test: each of its tests that fails tells the seed.
 */
export const testSeed = seedOf(process.env["SLIPWAY_TEST_SEED"]);

afterEach((context) => {
  if ("passed" in context && !context.passed) context.diagnostic(`SLIPWAY_TEST_SEED=${testSeed} brings this failure back`);
});

/** Draws of their own for each purpose, so that a test which runs alone meets what it met among others. */
export function seededRandom(purpose: string): SeededRandom {
  return new SeededRandom(createHash("sha256").update(`${testSeed} ${purpose}`).digest().readUInt32LE(0));
}

/**
 * One of each three neighbours, drawn by the seed: for cases that are many and alike, of which every run of the checks
 * takes others and many runs take all. SLIPWAY_TEST_EVERY=1 takes all at once.
 */
export function drawThird<Item>(purpose: string, items: readonly Item[]): Item[] {
  if (process.env["SLIPWAY_TEST_EVERY"] === "1") return [...items];
  const random = seededRandom(purpose);
  return Array.from({ length: Math.ceil(items.length / 3) }, (_, group) => random.pick(items.slice(group * 3, group * 3 + 3)));
}

function seedOf(given: string | undefined): number {
  if (given === undefined) return randomInt(2 ** 31);
  const seed = Number(given);
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 31) throw new Error("SLIPWAY_TEST_SEED is a whole number from 0 to 2147483647.");
  return seed;
}
