import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { SeededRandom } from "../../../test/kit/seeded-random.ts";
import { KeyFraction } from "../../serving/traffic/key-fraction.ts";
import type { KeyHashes } from "../schemas.ts";
import { sampleRatio } from "../statistics/index.ts";
import { armOfFraction, countKeys, distinctKeys, KeySample, mergeKeys, sampledKeys } from "./key-sample.ts";

const armsOf = (share: number) => [{ name: "candidate", from: 0, to: share }];

function sampleOf(keys: readonly number[], { capacity = sampledKeys, share = 0.2, salt = "salt" } = {}): KeySample {
  const fractions = new KeyFraction(salt);
  const sample = new KeySample(capacity);
  for (const key of keys) {
    const fraction = fractions.of(`user ${key}`);
    sample.add(fraction, armOfFraction(armsOf(share), fraction));
  }
  return sample;
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);

describe("a sample of keys", () => {
  it("holds every key once while they are few", () => {
    const figures = sampleOf([...range(0, 1500), ...range(0, 1500)]).toFigures();
    assert.deepEqual([distinctKeys(figures), figures.threshold, countKeys(figures).halvings], [1500, 2 ** 32, 0]);
  });

  it("is the same of several servers as of one, whichever saw which key, in any order and grouping", () => {
    const keys = fc.array(fc.nat(400), { maxLength: 120 });
    fc.assert(
      fc.property(keys, keys, keys, fc.integer({ min: 4, max: 64 }), (first, second, third, capacity) => {
        const whole = sampleOf([...first, ...second, ...third], { capacity }).toFigures();
        const [a, b, c] = [first, second, third].map((own) => sampleOf(own, { capacity }).toFigures()) as [KeyHashes, KeyHashes, KeyHashes];
        assert.deepEqual(mergeKeys([a, b, c], capacity), whole);
        assert.deepEqual(mergeKeys([c, mergeKeys([b, a], capacity)], capacity), whole);
        assert.ok(Object.values(whole.hashes).flat().length <= capacity);
      }),
    );
  });

  it("is a fair one of very many, and estimates how many there are", () => {
    const whole = sampleOf(range(0, 60_000)).toFigures();
    const { halvings, keys } = countKeys(whole);
    assert.ok(Math.abs(distinctKeys(whole) / 60_000 - 1) < 0.1, `${distinctKeys(whole)}`);
    const held = keys.candidate! + keys.stable!;
    assert.ok(halvings > 0 && held <= sampledKeys && held > sampledKeys / 4, `${held}`);
    // Five standard deviations: what is kept says nothing of the arm.
    assert.ok(Math.abs(keys.candidate! / held - 0.2) < 5 * Math.sqrt(0.16 / held), `${keys.candidate} of ${held}`);
  });

  it("takes samples of another release, whose thresholds are no halves", () => {
    const merged = mergeKeys([{ threshold: 3_000_000_000, hashes: { stable: [5, 2_999_999_999] } }, { threshold: 2 ** 32, hashes: { candidate: [6, 4_000_000_000] } }]);
    assert.deepEqual(merged, { threshold: 2 ** 31, hashes: { stable: [5], candidate: [6] } });
  });
});

describe("the sample ratio by keys, looked at all along", () => {
  const alpha = 0.05;
  const looksEvery = 40;

  /** Share of runs that ever alarm, by keys and by requests. Four callers send half of the requests, two servers answer. `loses` says which keys get lost. */
  function everAlarming(runs: number, requests: number, { share, capacity, loses = () => false }: { share: number; capacity: number; loses?: (fraction: number) => boolean }): { byKeys: number; byRequests: number; halved: number } {
    let [byKeys, byRequests, halved] = [0, 0, 0];
    for (let run = 0; run < runs; run++) {
      const random = new SeededRandom(run + 1);
      const fractions = new KeyFraction(`run ${run}`);
      const servers = [new KeySample(capacity), new KeySample(capacity)];
      const counts = { stable: 0, candidate: 0 } as Record<string, number>;
      let [keyed, naive] = [false, false];
      for (let request = 1; request <= requests && !(keyed && naive); request++) {
        const fraction = fractions.of(`user ${random.integer(0, random.integer(0, 1) === 0 ? 3 : 5000)}`);
        const arm = armOfFraction(armsOf(share), fraction);
        if (loses(fraction)) continue;
        servers[random.integer(0, 1)]!.add(fraction, arm);
        counts[arm]!++;
        if (request % looksEvery !== 0) continue;
        const { halvings, keys } = countKeys(mergeKeys(servers.map((server) => server.toFigures()), capacity));
        const look = (of: Readonly<Record<string, number>>, more: { halvings?: number }): boolean => {
          const result = sampleRatio([{ arms: [{ share: 1 - share, count: of.stable ?? 0 }, { share, count: of.candidate ?? 0 }] }], { alpha, ...more });
          return result.status === "estimated" && result.mismatch;
        };
        keyed ||= look(keys, { halvings });
        naive ||= look(counts, {});
        if (request > requests - looksEvery && halvings > 0) halved++;
      }
      if (keyed) byKeys++;
      if (naive) byRequests++;
    }
    return { byKeys: byKeys / runs, byRequests: byRequests / runs, halved };
  }

  it("alarms in at most alpha of the runs where the assignment is right, though few callers send most requests; by requests it would in most", () => {
    const { byKeys, byRequests, halved } = everAlarming(200, 1200, { share: 0.5, capacity: 128 });
    assert.ok(byKeys <= alpha, `${byKeys}`);
    assert.ok(byRequests > 0.5, `${byRequests}`);
    assert.ok(halved > 0, "no sample was ever halved");
    assert.ok(everAlarming(100, 1200, { share: 0.1, capacity: 128 }).byKeys <= alpha);
  });

  it("alarms where half of the callers of an arm get lost, in spite of them", () => {
    assert.ok(everAlarming(20, 2000, { share: 0.5, capacity: 512, loses: (fraction) => fraction < 0.25 }).byKeys > 0.9);
    assert.ok(everAlarming(20, 2000, { share: 0.2, capacity: 512, loses: (fraction) => fraction > 0.2 && fraction < 0.6 }).byKeys > 0.9);
  });
});
