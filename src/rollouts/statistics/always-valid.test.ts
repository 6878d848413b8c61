import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "../../../test/kit/seeded-random.ts";
import { meanDifferenceSequence } from "./confidence-sequence.ts";
import { compareDistributions } from "./distribution-distance.ts";
import { logErrorRateEvidence } from "./error-rate-test.ts";
import { RunningMoments } from "./moments.ts";
import { disagreementRate, pairedDifference } from "./paired-sequence.ts";
import { known } from "./near.fixture.ts";
import { samplesNeeded } from "./power.ts";
import { quantileBounds } from "./quantile-comparison.ts";
import { logSampleRatioEvidence } from "./sample-ratio.ts";
import type { SequentialResult } from "./index.ts";
import { mixtureTest } from "./sequential-test.ts";

const alpha = 0.05;
const tests = 10_000;

/** Of so many simulated tests, the share in which a look was ever significant: `start` gives what one look answers. */
function everSignificant(looks: number, start: () => () => boolean, times = tests): number {
  let significant = 0;
  for (let test = 0; test < times; test++) {
    const look = start();
    for (let count = 0; count < looks; count++) {
      if (!look()) continue;
      significant++;
      break;
    }
  }
  return significant / times;
}

const isSignificant = (result: SequentialResult): boolean => result.status === "estimated" && result.significant;

/** Standard normal, by the polar method of Box, Muller and Marsaglia. */
function normals(random: SeededRandom): () => number {
  let kept = NaN;
  return () => {
    if (!Number.isNaN(kept)) {
      const value = kept;
      kept = NaN;
      return value;
    }
    for (;;) {
      const [x, y] = [2 * random.next() - 1, 2 * random.next() - 1];
      const square = x * x + y * y;
      if (square >= 1 || square === 0) continue;
      const scale = Math.sqrt((-2 * Math.log(square)) / square);
      kept = y * scale;
      return x * scale;
    }
  };
}

/** Two arms whose values come from one distribution, with a look after every request. */
function arms(random: SeededRandom, share: number, draw: () => number, look: (stable: RunningMoments, candidate: RunningMoments) => boolean) {
  return (): (() => boolean) => {
    const [stable, candidate] = [new RunningMoments(), new RunningMoments()];
    return () => {
      (random.next() < share ? candidate : stable).add(draw());
      return look(stable, candidate);
    };
  };
}

describe("10,000 simulated A/A tests, with a look after every request, are ever significant in at most 5%", () => {
  it("of means, by the confidence sequence and by the mSPRT; a z test in as many as looks suggest", () => {
    const random = new SeededRandom(1);
    const normal = normals(random);
    const zTest = (stable: RunningMoments, candidate: RunningMoments): boolean => {
      if (Math.min(stable.count, candidate.count) < 100) return false;
      const error = Math.sqrt(stable.m2 / stable.count ** 2 + candidate.m2 / candidate.count ** 2);
      return Math.abs(candidate.mean - stable.mean) > 1.96 * error;
    };
    assert.ok(everSignificant(500, arms(random, 0.5, normal, (stable, candidate) => isSignificant(meanDifferenceSequence(stable, candidate)))) <= alpha);
    assert.ok(everSignificant(500, arms(random, 0.5, normal, (stable, candidate) => isSignificant(mixtureTest(stable, candidate)))) <= alpha);
    // What the simulation is there to find.
    assert.ok(everSignificant(500, arms(random, 0.5, normal, zTest), 1000) > 2 * alpha);
  });

  it("of means of skewed and of rare values at a small share, on either side", () => {
    const random = new SeededRandom(2);
    const exponential = (): number => -Math.log(1 - random.next());
    const rare = (): number => (random.next() < 0.03 ? 1 : 0);
    for (const draw of [exponential, rare]) {
      const looks = (side: "greater" | "less") => arms(random, 0.05, draw, (stable, candidate) => isSignificant(meanDifferenceSequence(stable, candidate, { side })));
      for (const side of ["greater", "less"] as const) assert.ok(everSignificant(4000, looks(side), 300) <= alpha);
    }
  });

  it("of differences within pairs, and of rates of disagreement", () => {
    const random = new SeededRandom(3);
    const normal = normals(random);
    const pairs = (): (() => boolean) => {
      const difference = new RunningMoments();
      return () => {
        difference.add(normal());
        return isSignificant(pairedDifference(difference));
      };
    };
    assert.ok(everSignificant(500, pairs) <= alpha);
    const rates = (): (() => boolean) => {
      let [disagreements, count] = [0, 0];
      return () => {
        count++;
        if (random.next() >= 0.02) return false;
        disagreements++;
        return isSignificant(disagreementRate(disagreements, count, { nullValue: 0.02 }));
      };
    };
    // A look after each disagreement: between them the rate only falls back to what was plausible before.
    assert.ok(everSignificant(500, rates, 1000) <= alpha);
  });

  it("of error rates at a small share, whether the share is that of the plan or that of the requests", () => {
    const random = new SeededRandom(4);
    const errors = (share: number, usesPlan: boolean) => (): (() => boolean) => {
      let [candidateErrors, stableErrors, candidates, requests] = [0, 0, 0, 0];
      return () => {
        const isCandidate = random.next() < share;
        requests++;
        if (isCandidate) candidates++;
        if (random.next() >= 0.03) return false;
        if (isCandidate) candidateErrors++;
        else stableErrors++;
        const candidateShare = usesPlan ? share : candidates / requests;
        return candidateShare > 0 && candidateShare < 1 && logErrorRateEvidence([{ candidateErrors, stableErrors, candidateShare }], "greater") >= -Math.log(alpha);
      };
    };
    assert.ok(everSignificant(1000, errors(0.05, true)) <= alpha);
    assert.ok(everSignificant(1000, errors(0.25, true), 2000) <= alpha);
    assert.ok(everSignificant(1000, errors(0.05, false), 2000) <= alpha);
  });

  it("of sample ratios", () => {
    const random = new SeededRandom(5);
    const split = (share: number) => (): (() => boolean) => {
      const counts = [{ share: 1 - share, count: 0 }, { share, count: 0 }];
      const phases = [{ arms: counts }];
      return () => {
        counts[random.next() < share ? 1 : 0]!.count++;
        return logSampleRatioEvidence(phases) >= -Math.log(alpha);
      };
    };
    assert.ok(everSignificant(200, split(0.05)) <= alpha);
    assert.ok(everSignificant(500, split(0.5), 1000) <= alpha);
  });

  it("of distributions of predictions, and of quantiles", () => {
    const random = new SeededRandom(6);
    const predictions = (): (() => boolean) => {
      const [stable, candidate] = [[0, 0, 0, 0], [0, 0, 0, 0]];
      return () => {
        const value = random.next();
        const bucket = value < 0.6 ? 0 : value < 0.9 ? 1 : value < 0.99 ? 2 : 3;
        (random.next() < 0.25 ? candidate : stable)[bucket]!++;
        const compared = compareDistributions([{ stable, candidate, candidateShare: 0.25 }], { alpha });
        return compared.status === "estimated" && compared.significant;
      };
    };
    assert.ok(everSignificant(300, predictions, 300) <= alpha);
    // Nine tenths lie in bucket 50 and none until bucket 60: the p90 is between them, and a bound on its wrong side is an error.
    const latencies = (): (() => boolean) => {
      const counts: [number, number][] = [[50, 0], [60, 0]];
      return () => {
        counts[random.next() < 0.9 ? 0 : 1]![1]++;
        const { low, high } = known(quantileBounds(counts.filter(([, count]) => count > 0), 0.9, { alpha }));
        return (low !== null && low > 1.05 ** 55) || (high !== null && high < 1.05 ** 55);
      };
    };
    assert.ok(everSignificant(300, latencies, 500) <= alpha);
  });
});

describe("power", () => {
  it("is what samplesNeeded says, of means that differ by a fifth of their standard deviation", () => {
    const random = new SeededRandom(7);
    const normal = normals(random);
    const { sequentialSamples } = known(samplesNeeded({ stableVariance: 1, difference: 0.2, candidateShare: 0.5 }));
    const shifted = (): (() => boolean) => {
      const [stable, candidate] = [new RunningMoments(), new RunningMoments()];
      return () => {
        if (random.next() < 0.5) candidate.add(normal() + 0.2);
        else stable.add(normal());
        return isSignificant(meanDifferenceSequence(stable, candidate));
      };
    };
    const found = everSignificant(sequentialSamples, shifted, 400);
    assert.ok(found >= 0.78 && found <= 0.95, `${found} were found`);
  });
});
