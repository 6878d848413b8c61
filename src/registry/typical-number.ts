import type { NumericColumnProfile } from "./schemas.ts";

/** A value near the median that the column's buckets can name: the lower edge of the bucket in which the median lies; 0 when nothing is known. */
export function typicalNumber({ edges, counts, mean }: NumericColumnProfile): number {
  const half = counts.reduce((sum, count) => sum + count, 0) / 2;
  let rows = 0;
  const bucket = counts.findIndex((count) => (rows += count) > half);
  return edges[Math.max(0, bucket - 1)] ?? mean ?? 0;
}
