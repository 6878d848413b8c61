/**
 * Statistics of rollouts and A/B tests: pure functions over counts and moments that can be stored and added up over servers.
 * The sequential ones may be looked at after every request.
 */
export {
  type LimitVerdict, type NoData, type NoDataReason, type SequentialEstimate, type SequentialOptions, type SequentialResult, type Side,
  againstLimit, carryForward,
} from "./sequential-estimate.ts";
export {
  type BivariateMoments, type Moments, RunningBivariateMoments, RunningMoments, emptyMoments, mergeBivariateMoments, mergeMoments, varianceOf,
} from "./moments.ts";

import type { NoData, SequentialOptions, SequentialResult } from "./sequential-estimate.ts";
import type { BivariateMoments, Moments } from "./moments.ts";

// The bodies of what is only declared here follow, with these signatures.

/** confidence-sequence.ts: mean of the candidate less mean of the stable arm (asymptotic confidence sequence). The default for means. `minimumSamples` per arm. */
export interface ConfidenceSequenceOptions extends SequentialOptions { readonly plannedSamples?: number; readonly minimumSamples?: number }
export declare function meanDifferenceSequence(stable: Moments, candidate: Moments, options?: ConfidenceSequenceOptions): SequentialResult;
export declare function meanSequence(moments: Moments, options?: ConfidenceSequenceOptions): SequentialResult;

/** sequential-test.ts: mSPRT of the same. `tau` fixes the mixing variance. */
export interface MixtureTestOptions extends SequentialOptions { readonly tau?: number; readonly minimumSamples?: number }
export declare function mixtureTest(stable: Moments, candidate: Moments, options?: MixtureTestOptions): SequentialResult;

/** error-rate-test.ts: ratio of the candidate's error rate to stable's (exact); estimate null: infinite (stable has no errors yet). */
export interface ErrorPhase { readonly stableErrors: number; readonly candidateErrors: number; /** Candidate's share of both arms' requests, in (0, 1). */ readonly candidateShare: number }
export interface RatioEstimate { readonly status: "estimated"; readonly estimate: number | null; readonly low: number | null; readonly high: number | null; readonly pValue: number; readonly significant: boolean; readonly alpha: number; readonly side: "two-sided" | "greater" | "less" }
export declare function errorRateTest(phases: readonly ErrorPhase[], options?: SequentialOptions): RatioEstimate | NoData;
/** event-rate-sequence.ts: bounds of one rate, such as an absolute limit on errors (exact). */
export declare function eventRateSequence(events: number, trials: number, options?: SequentialOptions): SequentialResult;

/** paired-sequence.ts */
export declare function pairedDifference(difference: Moments, options?: ConfidenceSequenceOptions): SequentialResult;
export declare function disagreementRate(disagreements: number, pairs: number, options?: SequentialOptions): SequentialResult;
/** Ratio of errors that only the candidate made to those that only stable made, on the same inputs. */
export declare function pairedErrorTest(onlyCandidate: number, onlyStable: number, options?: SequentialOptions): RatioEstimate | NoData;

/** sample-ratio.ts */
export interface AllocationPhase { readonly arms: readonly { readonly share: number; readonly count: number }[] }
export interface SampleRatio { readonly status: "estimated"; readonly expected: readonly number[]; readonly observed: readonly number[]; readonly chiSquare: number; readonly degrees: number; readonly pearsonPValue: number; readonly pValue: number; readonly mismatch: boolean }
export declare function sampleRatio(phases: readonly AllocationPhase[], options?: { readonly alpha?: number }): SampleRatio | NoData;

/** distribution-distance.ts: counts in the same buckets. distance: Jensen-Shannon, 0 to 1 (base 2); chance: what equal distributions show at these counts. */
export interface DistributionPhase { readonly stable: readonly number[]; readonly candidate: readonly number[]; readonly candidateShare: number }
export interface DistributionComparison { readonly status: "estimated"; readonly distance: number; readonly chance: number; readonly stabilityIndex: number; readonly chiSquare: number; readonly degrees: number; readonly chiSquarePValue: number; readonly pValue: number; readonly significant: boolean; readonly alpha: number }
export declare function compareDistributions(phases: readonly DistributionPhase[], options?: { readonly alpha?: number }): DistributionComparison | NoData;
export type SparseCounts = readonly (readonly [bucket: number, count: number])[];
export declare function alignBuckets(stable: SparseCounts, candidate: SparseCounts): { readonly stable: number[]; readonly candidate: number[] };
export declare function alignLabels(stable: Readonly<Record<string, number>>, candidate: Readonly<Record<string, number>>): { readonly labels: string[]; readonly stable: number[]; readonly candidate: number[] };

/** latency-buckets.ts: microseconds, 5% wide; signed-buckets.ts: numbers of either sign. */
export declare function latencyBucket(microseconds: number): number;
export declare function latencyBucketUpper(bucket: number): number;
export declare function signedBucket(value: number): number;

/** quantile-comparison.ts: counts by latencyBucket; everything in microseconds. */
export interface QuantileBounds { readonly status: "estimated"; readonly estimate: number; readonly low: number | null; readonly high: number | null; readonly samples: number }
export declare function quantileBounds(counts: SparseCounts, quantile: number, options?: { readonly alpha?: number }): QuantileBounds | NoData;
export interface QuantileComparison { readonly status: "estimated"; readonly stable: QuantileBounds; readonly candidate: QuantileBounds; /** Candidate's by stable's. */ readonly ratio: number; readonly low: number | null; readonly high: number | null; readonly alpha: number }
export declare function compareQuantiles(stable: SparseCounts, candidate: SparseCounts, options: { readonly quantile: number; readonly alpha?: number }): QuantileComparison | NoData;

/** power.ts */
export interface PowerQuestion { readonly stableVariance: number; readonly candidateVariance?: number; readonly difference: number; readonly candidateShare: number; readonly alpha?: number; readonly power?: number; readonly samplesSoFar?: number; readonly samplesPerDay?: number; readonly covariateCorrelation?: number; readonly longestDays?: number }
export interface PowerAdvice { readonly action: "raise the candidate's share" | "adjust by the covariate" | "take a metric of lower variance" | "look for a larger difference"; readonly samples: number; readonly daysLeft: number | null; readonly detail: string }
export interface PowerAnswer { readonly status: "estimated"; readonly fixedSamples: number; readonly sequentialSamples: number; readonly typicalSamples: number; readonly inflation: number; readonly daysLeft: number | null; readonly concludes: boolean | null; readonly advice: readonly PowerAdvice[] }
export declare function samplesNeeded(question: PowerQuestion): PowerAnswer | NoData;

/** cuped.ts */
export interface CupedArms { readonly stable: Moments; readonly candidate: Moments; readonly slope: number; readonly correlation: number }
export declare function adjustByCovariate(stable: BivariateMoments, candidate: BivariateMoments): CupedArms | NoData;
