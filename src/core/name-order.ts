// One collator for all: making one costs as much as thousands of comparisons.
const collator = new Intl.Collator("en", { numeric: true });

/** The order in which people look for names: `route-2` before `route-10`, and small and capital letters together. Names that differ are never equal. */
export function nameOrder(left: string, right: string): number {
  return collator.compare(left, right) || (left < right ? -1 : left > right ? 1 : 0);
}

/** A copy in the order of the names. */
export function inNameOrder<Named extends { name: string }>(named: Iterable<Named>): Named[] {
  return [...named].sort((left, right) => nameOrder(left.name, right.name));
}
