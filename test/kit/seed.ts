import { createHash, randomInt } from "node:crypto";
import { afterEach } from "node:test";
import { SeededRandom } from "./seeded-random.ts";

/** In a file of its own for programs that tests start: this one belongs to a test. */
export { SeededRandom };

/**
 * The seed of this run, another each time unless SLIPWAY_TEST_SEED names it: faults, randomness, clocks and properties
 * are drawn from it. Whoever imports this file is a test: each of its tests that fails tells the seed.
 */
export const testSeed = seedOf(process.env["SLIPWAY_TEST_SEED"]);

afterEach((context) => {
  if ("passed" in context && !context.passed) context.diagnostic(`SLIPWAY_TEST_SEED=${testSeed} brings this failure back`);
});

/** Draws of their own for each purpose, so that a test which runs alone meets what it met among others. */
export function seededRandom(purpose: string): SeededRandom {
  return new SeededRandom(createHash("sha256").update(`${testSeed} ${purpose}`).digest().readUInt32LE(0));
}

function seedOf(given: string | undefined): number {
  if (given === undefined || given === "any") return randomInt(2 ** 31);
  const seed = Number(given);
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 31) throw new Error("SLIPWAY_TEST_SEED is a whole number from 0 to 2147483647, or any.");
  return seed;
}
