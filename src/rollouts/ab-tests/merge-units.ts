import { mergeKeys } from "../figures/key-sample.ts";
import { mergeBivariateMoments } from "../statistics/index.ts";
import type { AbTestFigures, UnitFigures } from "./schemas.ts";

/** Figures of several servers as one: whatever their order and grouping, the same (up to the rounding of doubles). Arms in the order of their names. */
export function mergeAbTestFigures(parts: readonly AbTestFigures[]): AbTestFigures {
  const arms = Map.groupBy(parts.flatMap((part) => part.arms), ({ arm }) => arm);
  return { arms: [...arms].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, own]) => mergeArm(own)), keys: mergeKeys(parts.map(({ keys }) => keys)) };
}

function mergeArm(parts: readonly UnitFigures[]): UnitFigures {
  const buckets = new Map<number, [number, number, number]>();
  for (const part of parts) {
    for (const [bucket, count, x, y] of part.buckets) {
      const sums = buckets.get(bucket) ?? [0, 0, 0];
      buckets.set(bucket, [sums[0] + count, sums[1] + x, sums[2] + y]);
    }
  }
  const sum = (count: (part: UnitFigures) => number): number => parts.reduce((total, part) => total + count(part), 0);
  return {
    arm: parts[0]!.arm, requests: sum(({ requests }) => requests), failures: sum(({ failures }) => failures), drawn: sum(({ drawn }) => drawn),
    all: mergeBivariateMoments(parts.map(({ all }) => all)), single: mergeBivariateMoments(parts.map(({ single }) => single)),
    buckets: [...buckets].sort(([left], [right]) => left - right).map(([bucket, sums]) => [bucket, ...sums]),
  };
}
