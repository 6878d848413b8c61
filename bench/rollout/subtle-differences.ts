import { errorRateTest, meanDifferenceSequence, pairedDifference, RunningMoments, samplesNeeded } from "../../src/rollouts/statistics/index.ts";
import { randomNumbers } from "../../examples/flights/fit-delay-model.ts";
import { median } from "./rollout-server.ts";

const mostSamples = 2_000_000;

/**
 * Requests of both versions until a difference is significant at 5%, with a look each 50 requests, as the median of simulations; beside it the
 * number that a single look at the end needs for a power of 80%, by the formula.
 */
export function subtleDifferences({ simulations }: { simulations: number }): void {
  const random = randomNumbers(7);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  console.log("\nSamples until a subtle difference is seen\n\n| difference | share of the candidate | median, looked at all the time | one look at the end, power 80% | times |\n| --- | --- | --- | --- | --- |");
  const line = (what: string, share: string, samples: readonly number[], fixed: number | null): void => {
    const middle = median(samples);
    console.log(`| ${what} | ${share} | ${middle.toFixed(0)} | ${fixed === null ? "" : fixed.toFixed(0)} | ${fixed === null ? "" : (middle / fixed).toFixed(2)} |`);
  };
  for (const share of [0.05, 0.25, 0.5]) {
    for (const difference of [0.1, 0.5]) {
      const samples = Array.from({ length: Math.ceil(simulations / 20) }, () => {
        const arms = [new RunningMoments(), new RunningMoments()] as const;
        for (let sample = 1; sample <= mostSamples; sample++) {
          const isCandidate = random() < share;
          arms[isCandidate ? 1 : 0].add(normal() + (isCandidate ? difference : 0));
          if (sample % 50 !== 0) continue;
          const seen = meanDifferenceSequence(arms[0], arms[1]);
          if (seen.status === "estimated" && seen.significant) return sample;
        }
        return mostSamples;
      });
      const needed = samplesNeeded({ stableVariance: 1, difference, candidateShare: share });
      line(`means, ${difference} standard deviations`, `${share * 100}%`, samples, needed.status === "estimated" ? needed.fixedSamples : null);
    }
  }
  for (const [stable, candidate] of [[0.001, 0.01], [0.001, 0.05], [0, 0.01]] as const) {
    const samples = Array.from({ length: simulations }, () => {
      let [stableErrors, candidateErrors] = [0, 0];
      for (let sample = 1; sample <= mostSamples; sample++) {
        const isCandidate = random() < 0.05;
        if (random() >= (isCandidate ? candidate : stable)) continue;
        if (isCandidate) candidateErrors++;
        else stableErrors++;
        const seen = errorRateTest([{ stableErrors, candidateErrors, candidateShare: 0.05 }], { side: "greater" });
        if (seen.status === "estimated" && seen.significant) return sample;
      }
      return mostSamples;
    });
    const variance = (rate: number): number => rate * (1 - rate);
    const needed = samplesNeeded({ stableVariance: variance(stable), candidateVariance: variance(candidate), difference: candidate - stable, candidateShare: 0.05 });
    line(`errors, ${candidate * 100}% instead of ${stable * 100}%`, "5%", samples, needed.status === "estimated" ? needed.fixedSamples : null);
  }
  for (const [difference, correlation] of [[0.1, 0.9], [0.1, 0.99]] as const) {
    const samples = Array.from({ length: Math.ceil(simulations / 10) }, () => {
      const pairs = new RunningMoments();
      for (let sample = 1; sample <= mostSamples; sample++) {
        // Answers to the same inputs go together: what is left of their difference is little.
        pairs.add(difference + Math.sqrt(2 - 2 * correlation) * normal());
        const seen = pairedDifference(pairs);
        if (seen.status === "estimated" && seen.significant) return sample;
      }
      return mostSamples;
    });
    const needed = samplesNeeded({ stableVariance: 1, difference, candidateShare: 0.5 });
    line(`in pairs, ${difference} standard deviations, correlation ${correlation}`, "all mirrored", samples, needed.status === "estimated" ? needed.fixedSamples : null);
  }
}
