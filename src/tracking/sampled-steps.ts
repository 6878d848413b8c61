/**
 * At most about `limit` of the distinct `steps` (ascending) from `from` to `to`, evenly by their place; the last one in the range and the first and last step of
 * each run are always among them, so that no line of a chart begins late or ends early.
 */
export function sampledSteps(steps: readonly number[], ends: readonly number[], range: { from: number; to: number }, limit: number): number[] {
  const inside = steps.filter((step) => step >= range.from && step <= range.to);
  const kept = new Set(ends.filter((step) => step >= range.from && step <= range.to));
  if (inside.length <= limit) return ascending([...kept, ...inside]);
  const interval = inside.length / limit;
  for (let index = 0; index < limit; index++) kept.add(inside[Math.trunc(index * interval)]!);
  kept.add(inside.at(-1)!);
  return ascending([...kept]);
}

function ascending(steps: readonly number[]): number[] {
  return [...new Set(steps)].sort((left, right) => left - right);
}
