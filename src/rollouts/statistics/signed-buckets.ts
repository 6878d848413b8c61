const width = 1.1;
const logWidth = Math.log(width);
/** What is nearer to zero than this is zero. */
const smallest = 1e-6;
/** Ends at 1e12; beyond it are infinities too. */
const lastBucket = 436;

/** Of values that are not numbers. */
export const notANumberBucket = lastBucket + 1;

/**
 * The bucket of a number of either sign, for comparing distributions: 0 around zero (below 1e-6), ±b for magnitudes in
 * [1e-6 1.1^(b - 1), 1e-6 1.1^b), ±436 for all from 1e12 on, 437 for NaN. Values that lie close together far from zero fall into
 * one bucket: what shifts them by less than 10% shows in means, not here.
 */
export function signedBucket(value: number): number {
  if (Number.isNaN(value)) return notANumberBucket;
  const size = Math.abs(value);
  if (size < smallest) return 0;
  const bucket = Math.min(lastBucket, 1 + Math.floor(Math.log(size / smallest) / logWidth));
  return value < 0 ? -bucket : bucket;
}

/** The middle of a bucket: of its magnitudes the geometric mean. NaN of what are not numbers. */
export function signedBucketValue(bucket: number): number {
  if (bucket === 0) return 0;
  if (Math.abs(bucket) > lastBucket) return NaN;
  return Math.sign(bucket) * smallest * width ** (Math.abs(bucket) - 0.5);
}
