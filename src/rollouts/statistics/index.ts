/**
 * Statistics of rollouts and A/B tests: pure functions over counts and moments that can be stored and added up over servers. The
 * sequential ones may be looked at after every request.
 */
export {
  type LimitVerdict, type NoData, type NoDataReason, type SequentialEstimate, type SequentialOptions, type SequentialResult, type Side,
  againstLimit, carryForward,
} from "./sequential-estimate.ts";
export {
  type BivariateMoments, type Moments, RunningBivariateMoments, RunningMoments, emptyMoments, mergeBivariateMoments, mergeMoments, varianceOf,
} from "./moments.ts";
export { type ConfidenceSequenceOptions, meanDifferenceSequence, meanSequence } from "./confidence-sequence.ts";
export { type MixtureTestOptions, mixtureTest } from "./sequential-test.ts";
export { type ErrorPhase, type RatioEstimate, errorRateTest } from "./error-rate-test.ts";
export { eventRateSequence } from "./event-rate-sequence.ts";
export { disagreementRate, pairedDifference, pairedErrorTest } from "./paired-sequence.ts";
export { type AllocationPhase, type SampleRatio, sampleRatio } from "./sample-ratio.ts";
export { type SparseCounts, alignBuckets, alignLabels, mergeSparseCounts } from "./sparse-counts.ts";
export { type DistributionComparison, type DistributionPhase, compareDistributions } from "./distribution-distance.ts";
export { LatencyHistogram, latencyBucket, latencyBucketUpper } from "./latency-buckets.ts";
export { notANumberBucket, signedBucket } from "./signed-buckets.ts";
export { type QuantileBounds, type QuantileComparison, compareQuantiles, quantileBounds } from "./quantile-comparison.ts";
export { type PowerAdvice, type PowerAnswer, type PowerQuestion, samplesNeeded } from "./power.ts";
export { type CupedArms, adjustByCovariate } from "./cuped.ts";
