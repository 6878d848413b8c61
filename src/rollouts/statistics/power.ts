import { counted } from "../../core/counted.ts";
import { fewestSamples, sequenceReach } from "./confidence-sequence.ts";
import type { NoData, Side } from "./sequential-estimate.ts";
import { defaultAlpha, noData } from "./sequential-estimate.ts";
import { crossing, normalUpperQuantile } from "./special-functions.ts";

export interface PowerQuestion {
  /** Variance of the metric in an arm; of a rate p, p (1 - p). The candidate's is stable's unless given. */
  readonly stableVariance: number;
  readonly candidateVariance?: number;
  /** The smallest difference of the means that is worth finding, in the metric's unit. */
  readonly difference: number;
  /** Candidate's share of the requests of both arms, in (0, 1). */
  readonly candidateShare: number;
  readonly alpha?: number;
  /** Chance to find that difference; 0.8 unless given. */
  readonly power?: number;
  readonly side?: Side;
  readonly plannedSamples?: number;
  /** Of both arms. Without a rate of samples there are no days. */
  readonly samplesSoFar?: number;
  readonly samplesPerDay?: number;
  /** Between the metric and a covariate that is known before, where there is one. */
  readonly covariateCorrelation?: number;
  /** Longer than this is as good as never; 28 unless given. */
  readonly longestDays?: number;
}

/** What would let it conclude sooner. `samples` and `daysLeft` are what it would then take. */
export interface PowerAdvice {
  readonly action: "raise the candidate's share" | "adjust by the covariate" | "take a metric of lower variance" | "look for a larger difference";
  readonly samples: number;
  readonly daysLeft: number | null;
  /** In words, with the number that is asked for. */
  readonly detail: string;
}

/** All samples are requests of both arms together. */
export interface PowerAnswer {
  readonly status: "estimated";
  /** Of a z test that is looked at once, at the end. */
  readonly fixedSamples: number;
  /** By which `meanDifferenceSequence`, looked at after each, has found the difference with the given power. */
  readonly sequentialSamples: number;
  /** By which half of such tests have found it. */
  readonly typicalSamples: number;
  /** sequentialSamples by fixedSamples: what it costs that one may look at any time. */
  readonly inflation: number;
  readonly daysLeft: number | null;
  /** Whether that is at most longestDays; null where the days are not known. */
  readonly concludes: boolean | null;
  /** Of a test that does not conclude, the quickest first. */
  readonly advice: readonly PowerAdvice[];
}

const mostSamples = 1e15;

/**
 * Samples until a difference is found: at a fixed horizon (z(α/2) + z(1 - power))² (var_s / (1 - π) + var_c / π) / δ², and for the confidence
 * sequence the N at which δ is its reach and z(1 - power) standard errors away from nothing, so that even one look there would do.
 * "no-variance" for a metric without one, "not-finite" for a difference of 0 or one that no number of samples shows.
 */
export function samplesNeeded(question: PowerQuestion): PowerAnswer | NoData {
  const { stableVariance, candidateVariance = stableVariance, alpha = defaultAlpha, power = 0.8, side = "two-sided" } = question;
  const { longestDays = 28, samplesSoFar = 0, samplesPerDay = 0, candidateShare, covariateCorrelation = 0 } = question;
  const difference = Math.abs(question.difference);
  if (!(candidateShare > 0 && candidateShare < 1)) return noData("empty");
  const varianceAt = (share: number): number => stableVariance / (1 - share) + candidateVariance / share;
  const variance = varianceAt(candidateShare);
  if (!Number.isFinite(variance) || !Number.isFinite(difference)) return noData("not-finite");
  if (variance <= 0) return noData("no-variance");

  const powerQuantile = normalUpperQuantile(1 - power);
  const smaller = Math.min(candidateShare, 1 - candidateShare);
  // Two standard deviations more than the minimum of the smaller arm: chance may send it fewer.
  const fewest = (fewestSamples + 2 * Math.sqrt(fewestSamples)) / smaller;
  const reachAt = (samples: number): number => sequenceReach(samples, { ...question, alpha, side });
  const sequential = (ofVariance: number, margin: number, atLeast: number): number => {
    const missing = (samples: number): number => difference * Math.sqrt(samples / ofVariance) - reachAt(samples) - margin;
    const logSamples = crossing((logarithm) => missing(Math.exp(logarithm)), 0, Math.log(mostSamples));
    return Math.max(Math.ceil(atLeast), Math.ceil(Math.exp(logSamples)));
  };
  const daysLeft = (samples: number): number | null => (samplesPerDay > 0 ? Math.max(0, samples - samplesSoFar) / samplesPerDay : null);

  const twoSided = side === "two-sided" ? 2 : 1;
  const fixedSamples = Math.max(1, Math.ceil(((normalUpperQuantile(alpha / twoSided) + powerQuantile) ** 2 * variance) / difference ** 2));
  const sequentialSamples = sequential(variance, powerQuantile, fewest);
  if (!Number.isFinite(fixedSamples) || sequentialSamples >= mostSamples * 0.999) return noData("not-finite");
  const days = daysLeft(sequentialSamples);
  const concludes = days === null ? null : days <= longestDays;

  const advice: PowerAdvice[] = [];
  const advise = (action: PowerAdvice["action"], samples: number, detail: string): void => {
    if (samples < sequentialSamples) advice.push({ action, samples, daysLeft: daysLeft(samples), detail });
  };
  if (concludes === false) {
    const evenly = sequential(varianceAt(0.5), powerQuantile, 2 * fewest * smaller);
    advise("raise the candidate's share", evenly, `At 50% instead of ${percent(candidateShare)} it takes ${percent(evenly / sequentialSamples)} of the samples.`);
    const left = 1 - covariateCorrelation ** 2;
    if (left < 1) advise("adjust by the covariate", sequential(variance * left, powerQuantile, fewest), `CUPED leaves ${percent(left)} of the variance.`);
    const within = samplesSoFar + longestDays * samplesPerDay;
    const found = (reachAt(within) + powerQuantile) * Math.sqrt(variance / within);
    const share = (difference / found) ** 2;
    if (within >= fewest) {
      advise("take a metric of lower variance", Math.floor(within), `With ${percent(share)} of this metric's variance it concludes in ${counted(Number(longestDays.toPrecision(3)), "day")}.`);
      advise("look for a larger difference", Math.floor(within), `In ${counted(Number(longestDays.toPrecision(3)), "day")} a difference of ${Number(found.toPrecision(3))} is found.`);
    }
    advice.sort((first, second) => first.samples - second.samples);
  }
  return {
    status: "estimated", fixedSamples, sequentialSamples, typicalSamples: sequential(variance, 0, fewestSamples / smaller),
    inflation: sequentialSamples / fixedSamples, daysLeft: days, concludes, advice,
  };
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(2))}%`;
}
