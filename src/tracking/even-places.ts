/**
 * At most `limit` places out of `total`, evenly: the first of each of `limit` parts whose sizes differ by one at most, and always the last place. With a
 * limit of one, that one.
 */
export function evenPlaces(total: number, limit: number): number[] {
  if (total <= limit) return Array.from({ length: total }, (_, index) => index);
  const size = Math.trunc(total / limit);
  const larger = total % limit;
  return Array.from({ length: limit }, (_, part) => (part === limit - 1 ? total - 1 : part * size + Math.min(part, larger)));
}
