/** Pairs of bucket and count in ascending order of buckets: histograms as they are stored and added up. */
export type SparseCounts = readonly (readonly [bucket: number, count: number])[];

/** The same buckets for both arms: those that either has used. */
export function alignBuckets(stable: SparseCounts, candidate: SparseCounts): { buckets: number[]; stable: number[]; candidate: number[] } {
  const [left, right] = [new Map(stable), new Map(candidate)];
  const buckets = [...new Set([...left.keys(), ...right.keys()])].sort((a, b) => a - b);
  return { buckets, stable: buckets.map((bucket) => left.get(bucket) ?? 0), candidate: buckets.map((bucket) => right.get(bucket) ?? 0) };
}

/** The same classes for both arms, in ascending order of labels. */
export function alignLabels(
  stable: Readonly<Record<string, number>>,
  candidate: Readonly<Record<string, number>>,
): { labels: string[]; stable: number[]; candidate: number[] } {
  const [left, right] = [new Map(Object.entries(stable)), new Map(Object.entries(candidate))];
  const labels = [...new Set([...left.keys(), ...right.keys()])].sort();
  return { labels, stable: labels.map((label) => left.get(label) ?? 0), candidate: labels.map((label) => right.get(label) ?? 0) };
}

/** Counts of several servers, or phases, as one. */
export function mergeSparseCounts(parts: Iterable<SparseCounts>): [bucket: number, count: number][] {
  const sums = new Map<number, number>();
  for (const part of parts) for (const [bucket, count] of part) sums.set(bucket, (sums.get(bucket) ?? 0) + count);
  return [...sums].sort(([left], [right]) => left - right);
}
