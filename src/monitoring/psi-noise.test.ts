import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { chiSquareQuantile } from "./chi-square.ts";
import { ColumnCounter } from "./column-counter.ts";
import { psiNoise } from "./psi-noise.ts";
import { populationStabilityIndex } from "./psi.ts";

/** Draws 0 to count - 1, the i-th with a weight of (i + 1) to the power of -decay. */
function drawer(count: number, decay: number, random: () => number): () => number {
  const sums: number[] = [];
  for (let index = 0; index < count; index++) sums.push((sums[index - 1] ?? 0) + (index + 1) ** -decay);
  return () => {
    const at = random() * sums[count - 1]!;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle]! > at) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

/** A column of texts as its profile keeps it. */
function counterOf(rows: readonly number[]): ColumnCounter {
  const counts = new Map<number, number>();
  for (const row of rows) counts.set(row, (counts.get(row) ?? 0) + 1);
  const categories = [...counts].sort(([left, many], [right, few]) => few - many || left - right).slice(0, 1000).map(([value, count]) => ({ value: String(value), count }));
  const otherCount = rows.length - categories.reduce((sum, { count }) => sum + count, 0);
  return new ColumnCounter({ kind: "categorical", name: "c", input: "x", index: 0, count: rows.length, missing: 0, distinct: counts.size, categories, otherCount });
}

/** PSI and noise of a live window against the reference. */
function compare(counter: ColumnCounter, live: readonly number[]): { psi: number; noise: number } {
  const counts = new Uint32Array(counter.labels.length);
  counter.count({ datatype: "BYTES", data: live.map(String) }, 1, counts);
  return { psi: populationStabilityIndex(counter.reference, counts), noise: psiNoise(counter.reference, live.length, counter.expected)! };
}

const many = (draw: () => number, rows: number): number[] => Array.from({ length: rows }, draw);

describe("psiNoise", () => {
  it("is the chi-square bound where every bucket is well filled", () => {
    const noise = psiNoise(new Array<number>(10).fill(5000), 20_000)!;
    const bound = chiSquareQuantile(0.95, 9) * (1 / 50_000 + 1 / 20_000);
    assert.ok(Math.abs(noise / bound - 1) < 1e-3, `${noise} and ${bound}`);
  });

  it("is exceeded by 5% of windows without drift", () => {
    const draw = drawer(10, 0, mulberry32(7));
    const sample = (rows: number): number[] => {
      const counts = new Array<number>(10).fill(0);
      for (let row = 0; row < rows; row++) counts[draw()]!++;
      return counts;
    };
    let beyond = 0;
    const windows = 2000;
    for (let window = 0; window < windows; window++) {
      const reference = sample(1000);
      if (populationStabilityIndex(reference, sample(500)) > psiNoise(reference, 500)!) beyond++;
    }
    assert.ok(beyond / windows > 0.03 && beyond / windows < 0.08, `${beyond} of ${windows}`);
  });

  it("has nothing to say without rows, and no noise with one bucket", () => {
    assert.equal(psiNoise([0, 0], 10), null);
    assert.equal(psiNoise([5, 5], 0), null);
    assert.equal(psiNoise([5], 10), 0);
  });

  it("passes from counting to the normal approximation without a jump", () => {
    const at = (rows: number): number => psiNoise([500, 500, 500, 60], rows)!;
    const boundary = Math.ceil((50 * 1560) / 60);
    assert.ok(Math.abs(at(boundary - 30) / at(boundary + 30) - 1) < 0.06, `${at(boundary - 30)} and ${at(boundary + 30)}`);
  });

  for (const [kind, count, decay, referenceRows] of [
    ["nearly equal texts", 6000, 0, 5000],
    ["nearly equal texts, all of which the profile lists", 900, 0, 5000],
    ["as many texts as rows", 900, 0, 900],
    ["a hundred texts", 100, 0, 1000],
    ["texts that fall off slowly", 6000, 0.5, 5000],
    ["texts of which few are frequent", 2000, 1, 2000],
    ["few texts, some of them rare", 12, 1, 500],
  ] as const) {
    it(`finds no drift where there is none: ${kind}`, () => {
      const draw = drawer(count, decay, mulberry32(11));
      for (const rows of [60, 200, 1200]) {
        const windows = 100;
        let drifted = 0;
        for (let window = 0; window < windows; window++) {
          const { psi, noise } = compare(counterOf(many(draw, referenceRows)), many(draw, rows));
          if (psi > noise && psi >= 0.1) drifted++;
        }
        // With a chance of 5% for each, more than 13 of 100 is one case in two thousand.
        assert.ok(drifted <= 13, `${drifted} of ${windows} windows of ${rows} rows`);
      }
    });
  }

  it("leaves the drift of texts to be seen", () => {
    const random = mulberry32(13);
    const [steep, level] = [drawer(2000, 1, random), drawer(6000, 0, random)];
    const assertSeen = (counter: ColumnCounter, live: readonly number[]): void => {
      const { psi, noise } = compare(counter, live);
      assert.ok(psi > noise && psi >= 0.2, `PSI ${psi}, noise ${noise}`);
    };
    // A third of the rows of the most frequent text become the second; texts that nobody knew; one of many that takes over.
    assertSeen(counterOf(many(steep, 5000)), many(() => (random() < 0.3 ? 1 : steep()), 600));
    assertSeen(counterOf(many(steep, 5000)), many(() => (random() < 0.5 ? 10_000 + steep() : steep()), 600));
    assertSeen(counterOf([...many(level, 4900), ...new Array<number>(100).fill(7000)]), many(() => (random() < 0.3 ? 7000 : level()), 600));
  });
});

function mulberry32(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
