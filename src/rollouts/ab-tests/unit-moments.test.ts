import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { KeyFraction } from "../../serving/traffic/key-fraction.ts";
import { meanDifferenceSequence } from "../statistics/index.ts";
import { ArmUnits } from "./arm-units.ts";
import { mergeAbTestFigures } from "./merge-units.ts";
import type { AbTestFigures } from "./schemas.ts";
import { unitMoments } from "./unit-moments.ts";

const near = (left: number, right: number, tolerance = 1e-9): void => assert.ok(Math.abs(left - right) <= tolerance * Math.max(1, Math.abs(right)), `${left} is not ${right}`);
const noKeys: AbTestFigures["keys"] = { threshold: 2 ** 32, hashes: {} };

/** Uniform numbers that are the same on every run (Mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe("moments by independent units", () => {
  it("are those of the values themselves where each is a unit", () => {
    const units = new ArmUnits("b");
    const values = Array.from({ length: 500 }, (_, index) => (index * 37) % 101);
    for (const [index, value] of values.entries()) units.add({ fraction: index / 500, isSingle: true }, 0, value);
    const mean = values.reduce((sum, value) => sum + value, 0) / 500;
    const m2 = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    const moments = unitMoments(units.toFigures());
    near(moments.mean, mean);
    near(moments.m2 / (moments.count - 1) / moments.count, m2 / 499 / 500, 1e-3);
  });

  it("count a key that says the same again and again once", () => {
    const fractions = new KeyFraction("salt");
    const units = new ArmUnits("b");
    for (let key = 0; key < 120; key++) for (let repeat = 0; repeat < 50; repeat++) units.add({ fraction: fractions.of(`user ${key}`), isSingle: false }, 0, key % 10);
    const { count, mean } = unitMoments(units.toFigures());
    near(mean, 4.5);
    // Two keys may fall into one bucket, which makes them one.
    assert.ok(count > 60 && count < 200, `${count}`);
  });

  it("know too little of few keys, however many requests they sent", () => {
    const units = new ArmUnits("b");
    for (let request = 0; request < 10_000; request++) units.add({ fraction: (request % 3) / 3 + 0.01, isSingle: false }, 0, request % 7);
    assert.ok(unitMoments(units.toFigures()).count <= 3);
  });

  it("are the same of several servers as of one, and of values that were corrected as of those that count", () => {
    const value = fc.record({ key: fc.integer({ min: 0, max: 40 }), isSingle: fc.boolean(), x: fc.integer({ min: -100, max: 100 }), y: fc.integer({ min: -100, max: 100 }), server: fc.integer({ min: 0, max: 2 }), isCorrected: fc.boolean() });
    fc.assert(fc.property(fc.array(value, { minLength: 1, maxLength: 80 }), (values) => {
      const fractions = new KeyFraction("salt");
      const whole = new ArmUnits("b");
      const servers = [0, 1, 2].map(() => new ArmUnits("b"));
      for (const { key, isSingle, x, y, server, isCorrected } of values) {
        const unit = { fraction: fractions.of(String(key)), isSingle };
        whole.add(unit, x, y);
        if (isCorrected) servers[server]!.add(unit, x, y + 17);
        if (isCorrected) servers[server]!.remove(unit, x, y + 17);
        servers[server]!.add(unit, x, y);
      }
      const [merged] = mergeAbTestFigures(servers.map((server) => ({ arms: [server.toFigures()], keys: noKeys }))).arms;
      const [left, right] = [unitMoments(merged!, 0.3, 1), unitMoments(whole.toFigures(), 0.3, 1)];
      assert.deepEqual(merged!.buckets.map(([bucket]) => bucket), whole.toFigures().buckets.map(([bucket]) => bucket));
      near(left.mean, right.mean, 1e-8);
      near(left.count, right.count, 1e-6);
      near(left.m2, right.m2, 1e-6);
    }), { numRuns: 200 });
  });

  it("seldom find a difference between arms that are alike, though callers come again and are looked at again", () => {
    const alpha = 0.05;
    let [found, naive] = [0, 0];
    const tests = 200;
    for (let test = 0; test < tests; test++) {
      const next = random(test + 1);
      const fractions = new KeyFraction(`test ${test}`);
      const arms = [new ArmUnits("stable"), new ArmUnits("b")];
      const single = [new ArmUnits("stable"), new ArmUnits("b")];
      let [significant, naively] = [false, false];
      for (let request = 1; request <= 6000; request++) {
        // Some callers send much more than others, each around a value of its own.
        const key = Math.floor(600 * next() ** 2);
        const fraction = fractions.of(String(key));
        const arm = fraction < 0.5 ? 1 : 0;
        const value = ((key * 7919) % 100) / 50 + next();
        arms[arm]!.add({ fraction, isSingle: false }, 0, value);
        single[arm]!.add({ fraction, isSingle: true }, 0, value);
        if (request % 300 !== 0) continue;
        const look = (of: readonly ArmUnits[]): boolean => {
          const result = meanDifferenceSequence(unitMoments(of[0]!.toFigures()), unitMoments(of[1]!.toFigures()), { alpha });
          return result.status === "estimated" && result.significant;
        };
        significant ||= look(arms);
        naively ||= look(single);
      }
      if (significant) found++;
      if (naively) naive++;
    }
    assert.ok(found / tests <= alpha, `${found} of ${tests}`);
    // By requests, as if each were another caller, it would find what is not there.
    assert.ok(naive / tests > 2 * alpha, `${naive} of ${tests}`);
  });
});

describe("assignments of two tests", () => {
  it("say nothing of each other, whatever their salts", () => {
    fc.assert(fc.property(fc.uniqueArray(fc.string({ minLength: 8, maxLength: 24 }), { minLength: 2, maxLength: 2 }), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), ([left, right], first, second) => {
      const [one, other] = [new KeyFraction(left!), new KeyFraction(right!)];
      const keys = 4000;
      let both = 0;
      for (let key = 0; key < keys; key++) if (one.of(`user-${key}`) < first / 10 && other.of(`user-${key}`) < second / 10) both++;
      const expected = (first / 10) * (second / 10);
      assert.ok(Math.abs(both / keys - expected) < 6 * Math.sqrt((expected * (1 - expected)) / keys), `${both} of ${keys} in both, ${expected * keys} expected`);
    }), { numRuns: 60 });
  });
});
