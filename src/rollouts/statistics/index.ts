/**
 * Statistics of rollouts and A/B tests: pure functions over counts and moments that can be stored and added up over servers. The
 * sequential ones may be looked at after every request.
 */
export { type SequentialOptions, type SequentialResult, type Side, againstLimit, carryForward } from "./sequential-estimate.ts";
export { type Moments, RunningBivariateMoments, RunningMoments, emptyMoments, mergeBivariateMoments, mergeMoments, varianceOf } from "./moments.ts";
export { fewestSamples, meanDifferenceSequence, meanSequence } from "./confidence-sequence.ts";
export { mixtureTest } from "./sequential-test.ts";
export { type ErrorPhase, errorRateTest } from "./error-rate-test.ts";
export { eventRateSequence } from "./event-rate-sequence.ts";
export { disagreementRate, pairedDifference, pairedErrorTest } from "./paired-sequence.ts";
export { type AllocationPhase, sampleRatio } from "./sample-ratio.ts";
export { type SparseCounts, alignBuckets, alignLabels, mergeSparseCounts } from "./sparse-counts.ts";
export { compareDistributions } from "./distribution-distance.ts";
export { LatencyHistogram, latencyBucket, latencyBucketUpper } from "./latency-buckets.ts";
export { notANumberBucket, signedBucket, signedBucketValue } from "./signed-buckets.ts";
export { groupByQuantiles } from "./quantile-groups.ts";
export { type QuantileBounds, compareQuantiles, quantileBounds } from "./quantile-comparison.ts";
export { samplesNeeded } from "./power.ts";
export { adjustByCovariate } from "./cuped.ts";
